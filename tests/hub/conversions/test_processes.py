from __future__ import annotations

import gzip
import struct
import sys
from collections.abc import Generator
from typing import Any

import pytest

from entrepot.catalog.repos import repositories
from entrepot.errors import StoreUnavailable
from entrepot.hub.conversions import processes
from entrepot.hub.conversions.plans import read_plan
from entrepot.hub.conversions.processes import ConversionFailed, MadeConfig, TimeBudget, convert
from entrepot.names import RepoRef, RepoType
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "train.csv", b"a\n1\n")
    world.add_large(ref, "test.csv", b"a\n" + b"2\n" * 1_000_000)
    return ref


def made(world: World, ref: RepoRef) -> MadeConfig:
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        [config] = read_plan(world.hub, tx, row, world.head(ref)).configs
    steps: Generator[None, None, MadeConfig] = convert(world.hub, row, config, TimeBudget(60))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result = end.value
            assert isinstance(result, MadeConfig)
            return result


def test_splits_are_made_and_the_same_bytes_again(world: World, ref: RepoRef) -> None:
    first = made(world, ref)
    assert [(split.name, split.rows, len(split.files)) for split in first.splits] == [
        ("train", 1, 1),
        ("test", 1_000_000, 1),
    ]
    assert first.features == {"a": {"dtype": "int64", "_type": "Value"}}
    assert made(world, ref) == first


def test_a_process_that_names_other_splits_is_not_believed(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = b"".join(
        kind + struct.pack(">I", len(text)) + text
        for kind, text in ((b"S", b'["../train", 1, 1, 0]'), (b"S", b'["test", 1, 1, 0]'), (b"A", b"{}"))
    )
    monkeypatch.setattr(
        processes,
        "command_of",
        lambda _module: [sys.executable, "-c", f"import sys; sys.stdout.buffer.write({frames!r})"],
    )
    with pytest.raises(ConversionFailed, match="other splits"):
        made(world, ref)


def test_a_process_that_goes_too_far_is_stopped(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    for attribute, value, reason in (
        ("_MAX_MORE", -100_000_000, "much larger than its files"),
        ("PIECE", 10, "that it may not read"),
        ("_WALL_S", 0.0, "too much time or memory"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(processes, attribute, value)
            with pytest.raises(ConversionFailed, match=reason):
                made(world, ref)


def test_what_compressed_files_contain_counts_as_their_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("alice/packed", kind=RepoType.DATASET)
    world.add(ref, "train.csv.gz", gzip.compress(b"a\n" + b"1\n" * 1_000))
    monkeypatch.setattr(processes, "_MAX_MORE", 0)
    assert [split.rows for split in made(world, ref).splits] == [1_000]
    monkeypatch.setattr(processes, "UNPACKED_RATIO", 1)
    with pytest.raises(ConversionFailed, match="much larger than its files"):
        made(world, ref)


def test_a_store_that_cannot_be_reached_is_no_fault_of_the_files(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_given: Any) -> None:
        raise StoreUnavailable("the store", "it is down")

    monkeypatch.setattr(processes, "open_content", unreachable)
    with pytest.raises(StoreUnavailable):
        made(world, ref)
