from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts, invitations
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

SECTIONS = ["profile", "account", "password", "tokens", "sessions"]


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_are_shown_to_who_is_signed_in_only(
    browser: httpx2.Client, signed_in: httpx2.Client, section: str
) -> None:
    refused = browser.get(f"/settings/{section}")
    assert refused.status_code == 401
    assert f"/login?next=%2Fsettings%2F{section}" in refused.text
    shown = signed_in.get(f"/settings/{section}")
    assert shown.status_code == 200
    assert f'href="/settings/{section}" aria-current="page"' in shown.text
    assert shown.headers["cache-control"] == "private, no-cache"


def test_the_first_section_is_the_profile(signed_in: httpx2.Client) -> None:
    assert signed_in.get("/settings").url.path == "/settings/profile"


def test_the_profile_is_changed_and_a_mistake_keeps_what_was_typed(
    signed_in: httpx2.Client, send: Send, browser: httpx2.Client
) -> None:
    answer = send("/settings/profile", {"fullname": "Alice <b>Adler</b>", "details": "First\r\nSecond"})
    assert "Saved." in answer.text
    assert "Alice &lt;b&gt;Adler&lt;/b&gt;" in answer.text
    assert "First\nSecond" in browser.get("/alice").text
    refused = send("/settings/profile", {"fullname": "A" * 101, "details": "Third"})
    assert refused.status_code == 400
    assert 'role="alert"' in refused.text
    assert "A" * 101 in refused.text
    assert "Third" in refused.text
    assert "Second" in signed_in.get("/settings/profile").text
    send("/settings/profile", {"fullname": "alice", "details": ""})


@pytest.mark.parametrize(
    "path",
    [
        "/settings/profile",
        "/settings/account/accept",
        "/settings/account/decline",
        "/settings/account/leave",
        "/settings/password",
        "/settings/tokens",
        "/settings/tokens/renew",
        "/settings/tokens/revoke",
        "/settings/sessions/end",
        "/settings/sessions/end-all",
    ],
)
def test_forms_are_taken_from_pages_of_the_session_only(site: ServedHub, signed_in: httpx2.Client, path: str) -> None:
    elsewhere = signed_in.post(path, data={"csrf": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403
    with browse(site) as other:
        other.post("/login", data={"name": "alice", "password": PASSWORD})
        token = other.get("/settings/profile").text.split('name="csrf" value="')[1][:64]
    for csrf in ("", "0" * 64, token):
        assert signed_in.post(path, data={"csrf": csrf}).status_code == 403, csrf
    assert signed_in.get("/settings/profile").status_code == 200


def test_an_invitation_is_accepted_declined_and_membership_left(site: ServedHub) -> None:
    accounts.create_user(site.hub, "guest", password=PASSWORD)
    for org in ("first-org", "second-org"):
        accounts.create_org(site.hub, org, admin="alice")
        invitations.invite(site.hub, site.caller(), org, "guest", "write")
    with browse(site) as client:
        client.post("/login", data={"name": "guest", "password": PASSWORD})
        send = sender(client)
        page = client.get("/settings/account").text
        assert page.count("offers you the role <b>write</b>") == 2
        first, second = (part[:24] for part in page.split('name="invitation" value="')[1::2])
        assert "You are now a member." in send("/settings/account/accept", {"invitation": first}).text
        assert "The invitation is declined." in send("/settings/account/decline", {"invitation": second}).text
        assert send("/settings/account/accept", {"invitation": second}).status_code == 404
        left = send("/settings/account/leave", {"organisation": "first-org"})
        assert "You have left the organisation." in left.text
        assert "You belong to no organisation." in left.text
        assert send("/settings/account/leave", {"organisation": "first-org"}).status_code == 404


def test_the_only_administrator_cannot_leave(site: ServedHub, send: Send) -> None:
    accounts.create_org(site.hub, "third-org", admin="alice")
    refused = send("/settings/account/leave", {"organisation": "third-org"})
    assert refused.status_code == 409
    assert "appoint another one first" in refused.text


def test_invitations_come_in_pages(site: ServedHub) -> None:
    accounts.create_user(site.hub, "wanted", password=PASSWORD)
    for number in range(invitations.SHOWN + 1):
        accounts.create_org(site.hub, f"suitor-{number}", admin="alice")
        invitations.invite(site.hub, site.caller(), f"suitor-{number}", "wanted", "read")
    with browse(site) as client:
        client.post("/login", data={"name": "wanted", "password": PASSWORD})
        first = client.get("/settings/account").text
        assert first.count("offers you the role") == invitations.SHOWN
        found = re.search(r'href="(\?after=[0-9]+)">Newer invitations', first)
        assert found is not None
        rest = client.get(f"/settings/account{found[1]}").text
        assert rest.count("offers you the role") == 1
        assert f"/suitor-{invitations.SHOWN}" in rest
        assert "Newer invitations" not in rest
        assert client.get("/settings/account?after=x").status_code == 400
