from __future__ import annotations

import httpx2
import pytest


def choose(browser: httpx2.Client, theme: str, target: str = "/models?sort=likes") -> httpx2.Response:
    return browser.post("/-/theme", data={"theme": theme}, headers={"referer": f"http://hub{target}"})


def test_a_theme_is_kept_without_a_session_and_taken_back(browser: httpx2.Client) -> None:
    assert "data-theme" not in browser.get("/").text
    page = choose(browser, "dark")
    assert (page.status_code, page.url.path, page.url.query) == (200, "/models", b"sort=likes")
    assert '<html lang="en" data-theme="dark">' in page.text
    assert '<meta name="color-scheme" content="dark">' in page.text
    assert 'data-theme="light"' in choose(browser, "light").text
    assert 'data-theme="light"' in browser.get("/alice/none").text, "error pages have it too"
    assert "data-theme" not in choose(browser, "system").text


def test_a_cookie_from_elsewhere_is_no_theme(browser: httpx2.Client) -> None:
    text = browser.get("/", headers={"cookie": 'entrepot_theme="><script>'}).text
    assert "data-theme" not in text
    assert "<script>" not in text


@pytest.mark.parametrize("target", ["http://hub//evil.example/", "https://evil.example", "http://hub/\\evil", ""])
def test_the_form_leads_to_pages_of_this_hub_only(browser: httpx2.Client, target: str) -> None:
    headers = {"referer": target} if target else {}
    answer = browser.post("/-/theme", data={"theme": "dark"}, headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_other_themes_and_forms_of_other_sites_are_refused(browser: httpx2.Client) -> None:
    assert choose(browser, "pink").status_code == 400
    answer = browser.post("/-/theme", data={"theme": "dark"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
