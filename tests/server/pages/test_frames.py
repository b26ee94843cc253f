from __future__ import annotations

import httpx2

from tests.server.pages.conftest import browse
from tests.support.served_hub import ServedHub


def test_every_page_is_protected_by_its_headers(browser: httpx2.Client) -> None:
    for path in ("/", "/models", "/alice/tern", "/alice/none", "/login"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] in ("private, no-cache", "no-store")
        assert "Cookie" in headers["vary"]


def test_a_visitor_is_named_and_can_sign_out(signed_in: httpx2.Client, browser: httpx2.Client) -> None:
    assert "Sign out" in signed_in.get("/").text
    assert "Sign out" not in browser.get("/").text
    assert 'href="/login?next=%2Fmodels%3Fsearch%3Da%2526b"' in browser.get("/models?search=a%26b").text


def test_a_host_that_is_not_known_appears_nowhere(site: ServedHub) -> None:
    with browse(site) as client:
        answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 200
    assert "evil.example" not in answer.text


def test_the_address_of_the_hub_is_in_its_commands(site: ServedHub, browser: httpx2.Client) -> None:
    assert f"export HF_ENDPOINT={site.url}" in browser.get("/").text
    proxied = browser.get("/", headers={"x-forwarded-proto": "https", "x-forwarded-host": "hub.example"}).text
    assert "export HF_ENDPOINT=https://hub.example<" in proxied


def test_a_token_shows_what_it_may_see(site: ServedHub) -> None:
    with browse(site) as client:
        assert client.get("/alice/hidden", headers={"authorization": f"Bearer {site.alice}"}).status_code == 200
        assert client.get("/", headers={"authorization": "Bearer hf_made_up_token"}).status_code == 401
