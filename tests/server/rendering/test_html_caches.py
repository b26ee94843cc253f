from __future__ import annotations

from entrepot.server.rendering.html_caches import HtmlCache, key_of


def test_the_cache_drops_what_was_used_longest_ago() -> None:
    cache = HtmlCache(5_000)
    for key in (b"a", b"b"):
        cache.put(key, "x" * 2_000)
    assert cache.find(b"a") is not None
    cache.put(b"c", "x" * 2_000)
    cache.put(b"c", "y")
    assert [cache.find(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]
    cache.put(b"d", "é" * 5_000)
    assert cache.find(b"d") is None


def test_a_key_tells_the_ways_to_render_a_text_apart() -> None:
    assert len({key_of("a", "b"), key_of("", "ab"), key_of("ab", ""), key_of("", "\ud800")}) == 4
