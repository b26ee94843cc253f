from __future__ import annotations

import pathlib

import httpx2

from entrepot.hub.accounts import accounts, sign_ins
from entrepot.hub.context import open_hub
from entrepot.server.pages.home import build_home
from entrepot.settings import Settings
from tests.server.pages.conftest import browse
from tests.support.served_hub import ServedHub


def test_the_first_page_shows_public_repositories_and_how_to_get_one(browser: httpx2.Client) -> None:
    text = browser.get("/").text
    assert 'href="/alice/tern"' in text
    assert 'href="/datasets/alice/tides"' in text
    assert "hf download alice/" in text
    assert "/alice/hidden" not in text


def test_a_visitor_sees_their_own_repositories(signed_in: httpx2.Client) -> None:
    text = signed_in.get("/").text
    assert "Your repositories" in text
    assert "Your storage" in text
    assert "on your own server</h1>" not in text
    assert 'href="/alice/hidden"' in text


def test_a_new_hub_says_how_to_make_the_first_account(tmp_path: pathlib.Path, site: ServedHub) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    try:
        assert build_home(hub, None).values["is_new"] is True
    finally:
        hub.close()
    assert build_home(site.hub, None).values["is_new"] is False


def test_a_user_who_signs_in_with_links_only_is_told_to_choose_a_password(
    site: ServedHub, signed_in: httpx2.Client
) -> None:
    told = "You have no password yet."
    accounts.create_user(site.hub, "linked")
    with browse(site) as client:
        code = sign_ins.issue_code(site.hub, "tests", "linked", 3600).code
        home = client.post("/login", data={"code": code}).text
        assert told in home
        assert 'href="/settings/password"' in home
        accounts.reset_password(site.hub, "linked", "a sentence that works well")
    with browse(site) as client:
        home = client.post("/login", data={"name": "linked", "password": "a sentence that works well"}).text
        assert "Your repositories" in home
        assert told not in home
    assert told not in signed_in.get("/").text
