"""Sends forms of settings as a browser does: with the token of its session."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import httpx2
import pytest

Send = Callable[..., httpx2.Response]


def form_token(text: str) -> str:
    """Return the token of a page's forms."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
    assert found is not None, text[:500]
    return found[1]


def sender(client: httpx2.Client) -> Send:
    """Return a function that sends a form of the visitor of a browser."""

    def send(path: str, fields: Mapping[str, str | list[str]] | None = None) -> httpx2.Response:
        csrf = form_token(client.get("/").text)
        return client.post(path, data={"csrf": csrf, **(fields or {})})

    return send


@pytest.fixture
def send(signed_in: httpx2.Client) -> Send:
    """Sends a form as alice."""
    return sender(signed_in)
