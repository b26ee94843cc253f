from __future__ import annotations

from collections.abc import Callable

import httpx2

Show = Callable[[str], str]


def test_the_page_lists_routes_with_their_rights(show: Show, signed_in: httpx2.Client) -> None:
    text = show("/-/api")
    assert "GET /api/whoami-v2" in text
    assert 'href="/api/openapi.json"' in text
    assert "alice" in signed_in.get("/-/api").text
