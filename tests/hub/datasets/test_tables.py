from __future__ import annotations

import pytest

from entrepot.errors import GatedRepo, SplitNotFound, UnsupportedDataset
from entrepot.hub.datasets import tables
from entrepot.hub.datasets.tables import RowsPage, measure, read_first_rows, read_rows
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef, RepoType
from tests.support.parquet_files import parquet_of
from tests.support.worlds import World


@pytest.fixture
def shards(world: World) -> RepoRef:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "data/train-00000-of-00002.parquet", parquet_of({"a": [0, 1, 2]}))
    world.add(ref, "data/train-00001-of-00002.parquet", parquet_of({"a": [3, 4]}))
    world.add(ref, "data/test-00000-of-00001.parquet", parquet_of({"a": [9]}))
    return ref


def page(world: World, ref: RepoRef, offset: int = 0, length: int = 100, split: str = "train") -> RowsPage:
    return read_rows(world.hub, None, ref, "main", "default", split, offset=offset, length=length)


def values(found: RowsPage) -> list[tuple[int, object]]:
    return [(row.index, row.cells["a"]) for row in found.rows]


def test_a_page_crosses_the_files_of_a_split(world: World, shards: RepoRef) -> None:
    found = page(world, shards, 2, 2)
    assert (values(found), found.total, found.is_partial) == ([(2, 2), (3, 3)], 5, False)
    assert values(page(world, shards, 4, 100)) == [(4, 4)]
    assert values(page(world, shards, 50)) == []
    assert values(page(world, shards, split="test")) == [(0, 9)]
    with pytest.raises(SplitNotFound):
        page(world, shards, split="validation")


def test_a_page_is_that_of_its_revision(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    first = world.add(ref, "a.csv", b"a\n1\n")
    second = world.add(ref, "a.csv", b"a\n1\n2\n")
    assert (page(world, ref).commit, page(world, ref).total) == (second, 2)
    old = read_rows(world.hub, None, ref, first, "default", "train", offset=0, length=9)
    assert (old.commit, old.total) == (first, 1)


def test_first_rows_are_cut_to_a_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "a.jsonl", b"".join(b'{"a": "%s"}\n' % (b"x" * 300) for _ in range(20)))
    monkeypatch.setattr(tables, "FIRST_ROWS_BYTES", 1000)
    found = read_first_rows(world.hub, None, ref, "main", "default", "train")
    assert [len(str(row.cells["a"])) for row in found.rows] == [300] * 3 + [100] * 7
    assert [list(row.cut) for row in found.rows] == [[]] * 3 + [["a"]] * 7


def test_sizes_are_those_of_the_footers(world: World, shards: RepoRef) -> None:
    found = measure(world.hub, None, shards, "main", None)
    assert [(size.split, size.rows, size.is_parquet) for size in found.splits] == [
        ("train", 5, True),
        ("test", 1, True),
    ]
    assert found.splits[0].memory > 0
    [one] = [split for split in measure(world.hub, None, shards, "main", "default").splits if split.split == "test"]
    assert (one.rows, one.features) == (1, {"a": {"dtype": "int64", "_type": "Value"}})


def test_a_split_with_many_files_is_partial(world: World, shards: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_SHARDS", 1)
    assert (page(world, shards).total, page(world, shards).is_partial) == (3, True)


def test_a_gate_protects_the_rows(world: World, shards: RepoRef) -> None:
    repositories.configure(world.hub, world.alice, shards, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        page(world, shards)


def test_no_more_than_a_limit_is_read(world: World, shards: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_BYTES", 100)
    with pytest.raises(UnsupportedDataset, match="too many bytes"):
        page(world, shards)
