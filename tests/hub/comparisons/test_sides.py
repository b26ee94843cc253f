from __future__ import annotations

import random

import pytest

from entrepot.errors import LimitExceeded
from entrepot.hub.comparisons.sides import ComparedFile, ReadBudget, chunks_of, compare_files
from entrepot.hub.repos import contents
from entrepot.names import RepoPath
from entrepot.previews.sources import BytesRangeReader
from entrepot.xet.chunk_maps import ChunkMap
from tests.support import hub_work
from tests.support.worlds import World


def side(data: bytes, budget: ReadBudget, *ends: int) -> ComparedFile:
    starts = [0, *ends[:-1]]
    chunks = ChunkMap(list(ends), [data[start:end] for start, end in zip(starts, ends, strict=True)]) if ends else None
    return ComparedFile(BytesRangeReader(data), chunks, budget)


def test_equal_chunks_are_not_read() -> None:
    budget = ReadBudget()
    found = compare_files(side(b"aabbb", budget, 2, 5), 0, side(b"xaabbb", budget, 1, 3, 6), 1, 5)
    assert (found.is_equal, found.changed, budget.used) == (True, 0, 0)


def test_files_without_chunks_are_read_until_they_differ() -> None:
    budget = ReadBudget()
    data = bytes(3 << 20)
    assert compare_files(side(data, budget), 0, side(data, budget), 0, len(data)).is_equal is True
    assert budget.used == 2 * len(data)
    budget = ReadBudget()
    found = compare_files(side(data, budget), 0, side(b"x" + data[1:], budget), 0, len(data))
    assert (found.is_equal, budget.used) == (False, 2 << 20)


def test_sides_that_would_take_too_much_reading_stay_unknown() -> None:
    budget = ReadBudget(left=10)
    assert compare_files(side(bytes(20), budget), 0, side(bytes(20), budget), 0, 20).is_equal is None
    assert compare_files(side(bytes(20), budget), 0, side(bytes(20), budget), 0, 9, most=4).is_equal is None
    with pytest.raises(LimitExceeded):
        side(bytes(20), budget).read_at(0, 11)


def test_files_of_a_repository_have_chunks_once_they_are_stored_so(world: World) -> None:
    ref = world.repo("alice/chunked")
    data = random.Random(1).randbytes(400_000)
    world.add_large(ref, "a.bin", data)
    world.add(ref, "small.txt", b"x")

    def found(path: str) -> ChunkMap | None:
        located = contents.locate(world.hub, world.alice, ref, "main", RepoPath(path))
        with world.hub.read() as tx:
            return chunks_of(world.hub, tx, located)

    assert found("a.bin") is None
    hub_work.chunk_files(world.hub, world.row_id(ref))
    chunks = found("a.bin")
    assert chunks is not None
    assert chunks.size == len(data)
    assert found("small.txt") is None
