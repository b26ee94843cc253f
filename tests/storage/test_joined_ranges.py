from __future__ import annotations

import pathlib

import pytest

from entrepot.blobs import LocalBlobs, put
from entrepot.errors import BlobMissing, BlobUnreadable
from entrepot.storage.joined_ranges import JoinedRanges, StoredRange


@pytest.fixture
def blobs(tmp_path: pathlib.Path) -> LocalBlobs:
    made = LocalBlobs(tmp_path, fsync=False)
    for key, data in (("x/a", b"0123456789"), ("x/b", b"abcdefghij")):
        put(made, key, data)
    return made


RANGES = [StoredRange("x/a", 2, 3), StoredRange("x/a", 5, 2), StoredRange("x/b", 0, 4), StoredRange("x/a", 0, 1)]
WHOLE = b"23456abcd0"


def test_every_part_of_joined_ranges_is_read(blobs: LocalBlobs) -> None:
    joined = JoinedRanges(blobs, RANGES)
    assert joined.size == len(WHOLE)
    for start in range(len(WHOLE) + 1):
        for length in range(len(WHOLE) + 2):
            assert joined.read_at(start, length) == WHOLE[start : start + length]
    joined.close()
    joined.close()


def test_nothing_is_opened_before_it_is_reached(blobs: LocalBlobs) -> None:
    with pytest.raises(BlobMissing):
        JoinedRanges(blobs, [StoredRange("x/none", 0, 1), *RANGES])
    joined = JoinedRanges(blobs, [*RANGES, StoredRange("x/none", 0, 1)])
    assert joined.read_at(0, len(WHOLE)) == WHOLE
    with pytest.raises(BlobMissing):
        joined.read_at(len(WHOLE), 1)
    joined.close()


def test_a_range_that_ends_early_is_no_silent_loss(blobs: LocalBlobs) -> None:
    joined = JoinedRanges(blobs, [StoredRange("x/a", 8, 3)])
    with pytest.raises(BlobUnreadable):
        joined.read_at(0, 3)
    joined.close()


def test_no_ranges_are_no_bytes(blobs: LocalBlobs) -> None:
    joined = JoinedRanges(blobs, [])
    assert (joined.size, joined.read_at(0, 5)) == (0, b"")
    joined.close()
