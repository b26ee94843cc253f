from __future__ import annotations

import random
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.xet import XorbIndex, chunk_ends, chunk_hash
from entrepot.xet.chunk_maps import ChunkMap, chunk_map, compare_ranges, new_bytes

INDEX = XorbIndex(b"a" * 32 + b"b" * 32 + b"c" * 32, array("I", [18, 30, 50]), array("I", [10, 200, 300]))


def mapped(data: bytes, *ends: int) -> ChunkMap:
    """The map of a file that is cut at these places."""
    starts = [0, *ends[:-1]]
    return ChunkMap(list(ends), [data[start:end] for start, end in zip(starts, ends, strict=True)])


def test_a_map_is_made_of_ranges_of_xorbs() -> None:
    found = chunk_map([(INDEX, 1, 3), (INDEX, 0, 1)])
    assert found.ends == [190, 290, 300]
    assert found.hashes == [b"b" * 32, b"c" * 32, b"a" * 32]
    assert (found.size, found.begin(0), found.begin(2)) == (300, 0, 290)
    assert chunk_map([]).size == 0


def test_equal_chunks_need_no_reading_even_at_other_places() -> None:
    old = mapped(b"aabbbcc", 2, 5, 7)
    new = mapped(b"xxxaabbbcc", 3, 5, 8, 10)
    assert compare_ranges(old, 0, new, 3, 7).unknown == []
    assert compare_ranges(old, 1, new, 4, 5).unknown == []  # the ends lie within chunks


def test_chunks_at_the_same_place_that_differ_settle_it() -> None:
    found = compare_ranges(mapped(b"aabbbcc", 2, 5, 7), 0, mapped(b"aaXbbcc", 2, 5, 7), 0, 7)
    assert found.is_different
    assert (list(found.unknown), found.unknown_bytes) == ([(2, 5)], 3)


def test_chunks_at_the_ends_or_with_other_borders_have_to_be_read() -> None:
    old, new = mapped(b"aabbbcc", 2, 5, 7), mapped(b"aabbbcc", 2, 4, 7)
    found = compare_ranges(old, 0, new, 0, 7)
    assert not found.is_different
    assert list(found.unknown) == [(2, 7)]
    edge = compare_ranges(mapped(b"aabbb", 2, 5), 1, mapped(b"Xabbb", 2, 5), 1, 4)
    assert (list(edge.unknown), edge.is_different) == ([(0, 1)], False)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 400_000), st.integers(0, 3000))
def test_ranges_that_chunks_call_equal_are_equal(seed: int, at: int, length: int) -> None:
    chance = random.Random(seed)
    old = chance.randbytes(400_000)
    new = old[:at] + chance.randbytes(chance.choice((0, 1, 5))) + old[at + length :]
    maps = [ChunkMap(ends := list(chunk_ends(data)), _hashes(data, ends)) for data in (old, new)]
    start, other = chance.randrange(len(old)), chance.randrange(max(len(new), 1))
    size = min(len(old) - start, len(new) - other, chance.randrange(1, 200_000))
    found = compare_ranges(maps[0], start, maps[1], other, size)
    left, right = old[start : start + size], new[other : other + size]
    assert not (found.is_different and left == right)
    for at in range(size):
        if not any(begin <= at < end for begin, end in found.unknown) and at % 997 == 0:
            assert left[at] == right[at]
    if not found.unknown:
        assert left == right


def test_new_bytes_are_those_of_chunks_that_are_not_known_yet() -> None:
    assert new_bytes(mapped(b"aabbbcc", 2, 5, 7), {b"bbb"}) == 4
    assert new_bytes(mapped(b"aabbbaa", 2, 5, 7), set()) == 5


def _hashes(data: bytes, ends: list[int]) -> list[bytes]:
    return [chunk_hash(data[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
