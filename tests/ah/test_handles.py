from __future__ import annotations

import pytest

from entrepot.ah.errors import AssetHubError
from entrepot.ah.handles import Handle, Life
from entrepot.ah.paths import parse_resource


def test_a_life_ends_with_what_it_is_in() -> None:
    outer = Life()
    inner = Life(outer)
    assert inner.is_alive
    outer.is_over = True
    assert not inner.is_alive


def test_an_inner_life_ends_alone() -> None:
    outer = Life()
    inner = Life(outer)
    inner.is_over = True
    assert (outer.is_alive, inner.is_alive) == (True, False)


def test_a_handle_that_is_gone_asks_no_hub() -> None:
    handle = Handle("http://hub.example", parse_resource("model/llm", "demo"), "6" * 24)
    assert (handle.path, handle.name, handle.id, handle.alive) == (
        "/demo/t9k-assethub/model/llm",
        "llm",
        "6" * 24,
        True,
    )
    handle._end()
    with pytest.raises(AssetHubError, match="the resource is gone: '/demo/t9k-assethub/model/llm'"):
        handle._session()


def test_handles_of_two_hubs_differ() -> None:
    path = parse_resource("model/llm", "demo")
    assert Handle("http://a.example", path, "1") != Handle("http://b.example", path, "1")
    assert Handle("http://a.example", path, "1") == Handle("http://a.example", parse_resource("model/x", "demo"), "1")
