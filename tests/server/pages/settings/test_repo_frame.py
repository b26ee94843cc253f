from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

PAGES = ["settings", "settings/general", "settings/access", "settings/branches", "settings/delete"]
PAGES += ["settings/publishers"]
FORMS = [
    "settings/archive",
    "settings/visibility",
    "settings/description",
    "settings/discussions",
    "settings/move",
    "settings/delete",
    "settings/branches",
    "settings/branches/strict",
    "settings/publishers",
    "settings/publishers/remove",
    "settings/gate",
    "settings/access/decide",
    "settings/access/grant",
]


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_shown_to_writers_only_and_private_is_absent(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client, page: str
) -> None:
    assert signed_in.get(f"/alice/tern/{page}").status_code == 200
    assert browser.get(f"/alice/tern/{page}").status_code == 401
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as other:
        other.post("/login", data={"name": "bob", "password": PASSWORD})
        assert other.get(f"/alice/tern/{page}").status_code == 403
        hidden, absent = (other.get(f"/alice/{name}/{page}") for name in ("hidden", "absent"))
        assert (hidden.status_code, absent.status_code) == (404, 404)
        texts = [
            re.sub(f"{answer.headers['x-request-id']}|alice(/|%2F){name}", "", answer.text)
            for answer, name in ((hidden, "hidden"), (absent, "absent"))
        ]
        assert texts[0] == texts[1]


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_those_who_may_not_write_change_nothing(site: ServedHub, form: str) -> None:
    accounts.reset_password(site.hub, "bob", PASSWORD)
    fields = {"visibility": "public", "confirm": "alice/hidden", "namespace": "bob", "name": "x", "gate": "auto"}
    with browse(site) as other:
        other.post("/login", data={"name": "bob", "password": PASSWORD})
        send = sender(other)
        assert send(f"/alice/hidden/{form}", fields).status_code == 404
        assert send(f"/alice/absent/{form}", fields).status_code == 404
        assert send(f"/alice/tern/{form}", {**fields, "confirm": "alice/tern"}).status_code == 403
        assert other.get("/alice/tern").status_code == 200


@pytest.mark.parametrize("form", [*FORMS, "access", "access/cancel"])
def test_forms_need_the_token_of_the_session(signed_in: httpx2.Client, form: str) -> None:
    assert signed_in.post(f"/alice/tern/{form}", data={"csrf": "x"}).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert signed_in.post(f"/alice/tern/{form}", headers=cross, content=b"\xff").status_code == 403


def test_the_tab_is_shown_to_writers_only(browser: httpx2.Client, signed_in: httpx2.Client, send: Send) -> None:
    assert 'href="/alice/tern/settings"' in signed_in.get("/alice/tern").text
    assert 'href="/alice/tern/settings"' not in browser.get("/alice/tern").text
