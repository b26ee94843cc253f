"""Memory by version of the database."""

from __future__ import annotations

from pathlib import Path

from entrepot.hub.versioned_cache import Share, VersionedCache
from entrepot.settings import Settings

V1, V2 = (1, 1), (1, 2)


def test_a_value_is_found_under_its_version_only() -> None:
    memory = VersionedCache[str](100_000)
    assert memory.find(V1, "a") is None
    memory.put(V1, "a", "old")
    assert memory.find(V1, "a") == "old"
    assert memory.find(V2, "a") is None
    assert memory.find(V1, "a") is None, "what is of another version is forgotten"


def test_a_value_that_was_made_while_the_database_changed_is_not_kept() -> None:
    memory = VersionedCache[str](100_000)
    memory.find(V1, "a")
    memory.find(V2, "b")
    memory.put(V1, "a", "old")
    assert memory.find(V2, "a") is None


def test_an_unknown_version_finds_and_keeps_nothing() -> None:
    memory = VersionedCache[str](100_000)
    memory.find(V1, "a")
    memory.put(V1, "a", "x")
    memory.put(None, "b", "y")
    assert memory.find(None, "a") is None
    assert memory.find(None, "b") is None


def test_values_used_longest_ago_are_forgotten_first() -> None:
    memory = VersionedCache[int](10 * 2048)
    memory.find(V1, 0)
    for number in range(10):
        memory.put(V1, number, number, 1024)
    assert memory.find(V1, 0) == 0
    memory.put(V1, 10, 10, 1024)
    assert [memory.find(V1, number) for number in (0, 1, 2, 10)] == [0, None, 2, 10]
    assert memory.size == 10 * 2048


def test_a_value_larger_than_the_memory_is_not_kept() -> None:
    for most in (0, 5_000):
        memory = VersionedCache[str](most)
        memory.find(V1, "a")
        memory.put(V1, "a", "x", 5_000)
        assert (memory.find(V1, "a"), memory.size) == (None, 0)


def test_a_value_is_replaced_and_forgotten_with_its_size() -> None:
    memory = VersionedCache[str](100_000)
    memory.find(V1, "a")
    memory.put(V1, "a", "x", 5_000)
    memory.put(V1, "a", "y", 100)
    assert (memory.find(V1, "a"), memory.size < 2_000) == ("y", True)
    memory.forget("a")
    memory.forget("a")
    assert (memory.find(V1, "a"), memory.size) == (None, 0)


def test_the_shares_of_the_memory_are_all_of_it() -> None:
    whole = sum(share.mib for share in Share)
    assert whole << 20 == Settings(data=Path()).remembered_bytes
    assert all(share.of(whole << 21) == share.mib << 21 for share in Share)
    assert {share.of(0) for share in Share} == {0}
    assert {share.of(0, least=7) for share in Share} == {7}
