from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.xet import MAX_CHUNKS, ChunkSet, XorbIndex, pack_ranges

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


@given(st.lists(RANGES, max_size=3), st.integers(0, 60), st.integers(0, 60))
def test_a_set_covers_what_its_ranges_cover_together(files: list[list[tuple[int, int]]], start: int, end: int) -> None:
    found = ChunkSet(pack_ranges(ranges) for ranges in files)
    numbers = {number for ranges in files for first, last in ranges for number in range(first, last)}
    assert found.covers(start, end) == (start < end and set(range(start, end)) <= numbers)
    assert found.first(60).nonzero()[0].tolist() == sorted(numbers)
    assert bool(found) == bool(numbers)


def test_ranges_are_packed_merged_and_in_order() -> None:
    assert pack_ranges([(5, 7), (0, 2), (2, 3), (6, 9)]) == pack_ranges([(0, 3), (5, 9)])
    assert pack_ranges([]) == b""
    assert len(pack_ranges([(0, MAX_CHUNKS)])) == 4


def test_everything_is_every_chunk_that_a_xorb_can_have() -> None:
    everything = ChunkSet.everything()
    assert everything.covers(0, MAX_CHUNKS)
    assert not everything.covers(0, MAX_CHUNKS + 1)
    assert not everything.covers(3, 3)
    assert not everything.covers(-1, 1)


@pytest.mark.parametrize("data", [b"a", b"abc", b"\x00\x00\x01", b"\xff\xff\xff\xff"])
def test_bytes_that_are_no_list_of_ranges_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        ChunkSet([data])


def test_a_run_ends_where_a_range_does_also_if_another_one_follows() -> None:
    chunks = ChunkSet([pack_ranges([(1, 4), (6, 8)]), pack_ranges([(4, 5)]), pack_ranges([(7, 9)])])
    assert chunks.runs(20) == [(1, 4), (4, 5), (6, 7), (7, 8), (8, 9)]
    assert chunks.runs(7) == [(1, 4), (4, 5), (6, 7)]
    assert ChunkSet.everything().runs(3) == [(0, 3)]
    assert ChunkSet().runs(3) == []


def test_the_serialised_size_of_a_set_is_that_of_its_chunks() -> None:
    index = XorbIndex(bytes(128), array("I", [18, 46, 84, 132]), array("I", [10, 30, 60, 100]))
    assert ChunkSet([pack_ranges([(1, 2)]), pack_ranges([(3, 4)])]).serialised_size(index) == 28 + 48
    assert ChunkSet.everything().serialised_size(index) == 132
