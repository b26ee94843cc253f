from __future__ import annotations

from array import array
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.xet import XorbIndex, read_index, xorb_hash

INDEX = XorbIndex(b"a" * 32 + b"b" * 32 + b"c" * 32, array("I", [18, 30, 50]), array("I", [10, 200, 300]))


def test_places_and_lengths_of_chunks() -> None:
    assert (INDEX.count, INDEX.size, INDEX.raw_size) == (3, 50, 300)
    assert [INDEX.offset(n) for n in range(4)] == [0, 18, 30, 50]
    assert [INDEX.raw_offset(n) for n in range(4)] == [0, 10, 200, 300]
    assert INDEX.raw_length(1, 3) == 290
    assert INDEX.lengths(0, 3).tolist() == [10, 190, 100]
    assert INDEX.lengths(1, 2).tolist() == [190]
    assert INDEX.chunk_hashes(1, 2) == b"b" * 32


def test_the_id_is_that_of_the_chunks() -> None:
    assert INDEX.xorb_hash() == xorb_hash(INDEX.hashes, [10, 190, 100])


def test_an_index_comes_back_from_its_bytes() -> None:
    data = INDEX.encode()
    assert len(data) == 3 * 40
    assert data[96:108].hex() == "120000001e00000032000000"
    assert read_index(data) == INDEX


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 1), (-1, 1), (0, 4), (3, 4)])
def test_a_range_outside_of_the_xorb_is_malformed(start: int, end: int) -> None:
    with pytest.raises(Malformed):
        INDEX.check_range(start, end)
    INDEX.check_range(0, 3)


@pytest.mark.parametrize(
    ("ends", "raw_ends"),
    [
        ([9, 9], [1, 2]),
        ([9, 8], [1, 2]),
        ([9, 20], [1, 1]),
        ([9, 20], [2, 1]),
        ([9, 20], [1, 131_074]),
        ([0, 9], [1, 2]),
    ],
)
def test_ends_that_do_not_ascend_are_malformed(ends: list[int], raw_ends: list[int]) -> None:
    data = bytes(64) + np.array(ends, "<u4").tobytes() + np.array(raw_ends, "<u4").tobytes()
    with pytest.raises(Malformed):
        read_index(data)


@pytest.mark.parametrize("size", [0, 39, 41, 40 * 8193])
def test_other_lengths_are_no_index(size: int) -> None:
    with pytest.raises(Malformed):
        read_index(bytes(size))


@given(st.integers(1, 20).flatmap(lambda n: st.binary(min_size=40 * n, max_size=40 * n)))
def test_any_bytes_are_an_index_or_malformed(data: bytes) -> None:
    with suppress(Malformed):
        assert read_index(data).encode() == data
