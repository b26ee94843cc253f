from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import sessions as rows
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, sign_ins
from entrepot.hub.callers import hash_secret
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import sender
from tests.support.served_hub import ServedHub


@pytest.fixture
def age(site: ServedHub) -> Callable[[httpx2.Client], None]:
    """Makes the sign-in of a browser an old one."""

    def run(client: httpx2.Client) -> None:
        with site.hub.write(Lock.hub()) as tx:
            rows.confirm(tx, hash_secret(client.cookies["entrepot_session"]), 0)

    return run


def enter(client: httpx2.Client, site: ServedHub, name: str) -> None:
    accounts.create_user(site.hub, name, password=PASSWORD)
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 200


def test_an_old_sign_in_is_confirmed_with_the_password(site: ServedHub, age: Callable[[httpx2.Client], None]) -> None:
    with browse(site) as client:
        enter(client, site, "confirming")
        assert "more than an hour ago" not in client.get("/settings/security").text
        age(client)
        page = client.get("/settings/security").text
        assert 'href="/settings/confirm?next=%2Fsettings%2Fsecurity"' in page
        send = sender(client)
        client.headers["referer"] = f"{site.url}/settings/security"
        refused = send("/settings/security/app")
        assert refused.status_code == 403
        assert 'href="/settings/confirm?next=%2Fsettings%2Fsecurity"' in refused.text
        wrong = send("/settings/confirm", {"password": "wrong horse", "next": "/settings/security"})
        assert wrong.status_code == 403
        assert "wrong horse" not in wrong.text
        assert 'value="/settings/security"' in wrong.text
        done = send("/settings/confirm", {"password": PASSWORD, "next": "/settings/security"})
        assert (done.status_code, done.url.path) == (200, "/settings/security")
        assert "more than an hour ago" not in done.text
        assert send("/settings/security/app").status_code == 200


@pytest.mark.parametrize("target", ["", "//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_hostile_target_leads_to_the_settings(site: ServedHub, signed_in: httpx2.Client, target: str) -> None:
    done = sender(signed_in)("/settings/confirm", {"password": PASSWORD, "next": target})
    assert done.url.path == "/settings/security"


def test_visitors_without_a_session_have_nothing_to_confirm(browser: httpx2.Client) -> None:
    assert browser.get("/settings/confirm").status_code == 401


def test_an_account_without_a_password_is_told_to_sign_in_again(site: ServedHub) -> None:
    accounts.create_user(site.hub, "never-had-one")
    code = sign_ins.issue_code(site.hub, audit.CONSOLE, "never-had-one", 600).code
    with browse(site) as client:
        client.post("/login", data={"code": code})
        text = client.get("/settings/confirm").text
    assert "Sign out and sign in again" in text
    assert 'name="password"' not in text
