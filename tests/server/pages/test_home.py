from __future__ import annotations

import pathlib

import httpx2

from entrepot.hub.context import open_hub
from entrepot.server.pages.home import build_home
from entrepot.settings import Settings
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
