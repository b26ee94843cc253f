from __future__ import annotations

from typing import Any

import attrs
import pytest

from entrepot.errors import GatedRepo, RepoNotFound, SplitNotFound, UnsupportedDataset
from entrepot.hub.conversions import conversions
from entrepot.hub.datasets import queries, tables
from entrepot.hub.datasets.layouts import SplitRef, find_layout
from entrepot.hub.datasets.tables import RowsPage, _Shards, measure, read_first_rows, read_rows
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.tables.reader import TableReader
from entrepot.names import RepoRef, RepoType
from entrepot.previews.row_pages import PageLimits
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
    return read_rows(world.hub, None, SplitRef(ref, "main", "default", split), offset=offset, length=length)


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
    old = read_rows(world.hub, None, SplitRef(ref, first, "default", "train"), offset=0, length=9)
    assert (old.commit, old.total) == (first, 1)


def test_a_process_is_started_early_if_there_are_tables(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[bool]()
    monkeypatch.setattr(TableReader, "prepare", lambda _self: started.append(True))
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "a.csv", b"a\n1\n")
    tables.prepare(world.hub)
    assert started == []
    for _ in conversions.convert_steps(world.hub, world.row_id(ref)):
        pass
    tables.prepare(world.hub)
    assert started == [True]
    find_layout(world.hub, None, ref, "main")  # who looks for splits will read rows
    assert started == [True, True]


def test_first_rows_are_cut_to_a_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "a.jsonl", b"".join(b'{"a": "%s"}\n' % (b"x" * 300) for _ in range(20)))
    monkeypatch.setattr(tables, "FIRST_ROWS_BYTES", 1000)
    found = read_first_rows(world.hub, None, SplitRef(ref, "main", "default", "train"))
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


def test_sizes_of_many_splits_are_read_for_a_limited_time(
    world: World, shards: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = counted(world, monkeypatch)
    monkeypatch.setattr(tables, "_MEASURING_S", -1)
    found = measure(world.hub, None, shards, "main", None)
    assert [(size.split, size.rows, size.is_partial) for size in found.splits] == [
        ("train", 0, True),
        ("test", 0, True),
    ]
    assert opened == []


def test_a_split_with_many_files_is_partial(world: World, shards: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_SHARDS", 1)
    assert (page(world, shards).total, page(world, shards).is_partial) == (3, True)


def test_a_gate_protects_the_rows(world: World, shards: RepoRef) -> None:
    repositories.configure(world.hub, world.alice, shards, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        page(world, shards)


def test_no_more_than_a_limit_is_read(world: World, shards: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MAX_BYTES", 100)
    with pytest.raises(UnsupportedDataset, match="too many bytes"):
        page(world, shards)


def counted(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are opened from now on, as they are opened."""
    opened: list[str] = []
    run = TableReader._run

    def note(self: TableReader, operation: str, contents: Any, *more: Any) -> Any:
        opened.extend(f"{operation} {content.name.rpartition('/')[2]}" for content in contents)
        return run(self, operation, contents, *more)

    monkeypatch.setattr(TableReader, "_run", note)
    return opened


def test_files_without_rows_of_the_page_are_opened_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    for at in range(3):
        world.add(ref, f"train-{at}.csv", f"a\n{at}\n".encode())
    opened = counted(world, monkeypatch)
    assert values(page(world, ref, 2, 1)) == [(2, 2)]
    assert opened == ["rows train-0.csv", "rows train-1.csv", "rows train-2.csv"]
    opened.clear()
    assert values(page(world, ref, 1, 1)) == [(1, 1)]
    assert opened == ["rows train-1.csv"]
    opened.clear()
    assert [size.rows for size in measure(world.hub, None, ref, "main", None).splits] == [3]
    world.add(ref, "train-1.csv", b"a\n5\n6\n")
    assert values(page(world, ref, 2, 2)) == [(2, 6), (3, 2)]
    assert opened == ["rows train-1.csv", "rows train-2.csv"]


def test_counting_rows_ends_after_a_while_and_goes_on_with_the_next_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    for at in range(3):
        world.add(ref, f"train-{at}.csv", f"a\n{at}\n".encode())
    asked = iter([False, True, True])
    monkeypatch.setattr(_Shards, "is_spent", lambda _shards: next(asked))
    found = page(world, ref, 0, 1)
    assert (values(found), found.total, found.is_partial) == ([(0, 0)], 1, True)
    with pytest.raises(UnsupportedDataset, match="ask again"):
        page(world, ref, 2, 1)
    monkeypatch.setattr(_Shards, "is_spent", lambda _shards: True)
    [size] = measure(world.hub, None, ref, "main", None).splits
    assert (size.rows, size.is_partial) == (1, True)
    monkeypatch.undo()
    opened = counted(world, monkeypatch)
    found = page(world, ref, 2, 1)
    assert (values(found), found.total, found.is_partial) == ([(2, 2)], 3, False)
    assert opened == ["rows train-1.csv", "rows train-2.csv"]


def test_rows_of_a_page_share_what_it_may_take(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    for at in range(2):
        world.add(ref, f"train-{at}.jsonl", b'{"a": "%s"}\n' % (b"x" * 1_000) * 3)
    found = read_rows(
        world.hub, None, SplitRef(ref, "main", "default", "train"), offset=0, length=9, limits=PageLimits(4_500, 2_000)
    )
    assert [len(str(row.cells["a"])) for row in found.rows] == [1_000] * 4 + [100] * 2
    assert [row.cut for row in found.rows] == [[]] * 4 + [["a"]] * 2


def test_a_converted_split_is_read_from_its_parquet_files_with_its_types(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    # "007" is a number for pyarrow and for datasets; later texts make the column one of texts for datasets only.
    old = world.add(ref, "train.csv", b"a,b\n" + b"1,x\n" * 20_000 + b"z,x\n")
    for _ in conversions.convert_steps(world.hub, world.row_id(ref)):
        pass
    found = page(world, ref, 19_999)
    assert (found.commit, found.total, found.is_partial) == (old, 20_001, False)
    assert [dict(row.cells) for row in found.rows] == [{"a": "1", "b": "x"}, {"a": "z", "b": "x"}]
    assert found.features["a"] == {"dtype": "string", "_type": "Value"}
    [size] = measure(world.hub, None, ref, "main", None).splits
    assert (size.rows, size.file_bytes, size.is_parquet) == (20_001, 8 + 20_000 * 4, False)
    world.add(ref, "train.csv", b"a\n5\n")  # not converted yet
    assert values(page(world, ref)) == [(0, 5)]


def test_the_separator_of_the_card_counts_in_rows_and_queries(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    entry = "- config_name: {}\n  data_files: a.csv\n  {}\n"
    entries = (
        entry.format("one", 'sep: ";"') + entry.format("two", 'delimiter: "|"') + entry.format("three", "sep: '::'")
    )
    world.add(ref, "README.md", f"---\nconfigs:\n{entries}---\n".encode())
    world.add(ref, "a.csv", b"a;b|c\n1;x|y\n")

    def cells(config: str) -> list[dict[str, Any]]:
        found = read_rows(world.hub, None, SplitRef(ref, "main", config, "train"), offset=0, length=9)
        return [dict(row.cells) for row in found.rows]

    assert [cells("one"), cells("two"), cells("one")] == [
        [{"a": 1, "b|c": "x|y"}],
        [{"a;b": "1;x", "c": "y"}],
        [{"a": 1, "b|c": "x|y"}],
    ]
    with pytest.raises(UnsupportedDataset, match="the separator of CSV files that the card names is not one of: tab"):
        cells("three")
    source = queries.QuerySource("", ref, "main")
    found = queries.run(world.hub, None, [source], 'select b.c, a."b|c" from "two.train" b, "one.train" a')
    assert found.rows == [{"c": "y", "b|c": "x|y"}]


def test_features_that_the_card_states_count(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    card = (
        "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
        "          '0': no\n          '1': yes\n---\n"
    )
    world.add(ref, "README.md", card.encode())
    world.add(ref, "train.parquet", parquet_of({"label": [1, 0]}))
    found = page(world, ref)
    assert found.features == {"label": {"names": [False, True], "_type": "ClassLabel"}}  # as of YAML 1.1
    assert [row.cells["label"] for row in found.rows] == [1, 0]
    [size] = measure(world.hub, None, ref, "main", None).splits
    assert size.features == found.features
    world.add(ref, "train.parquet", parquet_of({"other": [1]}))  # columns that the card does not state
    assert list(page(world, ref).features) == ["other"]
    world.add(ref, "README.md", b"---\ndataset_info:\n  features:\n  - 5\n---\n")
    assert list(page(world, ref).features) == ["other"]


def test_first_rows_are_known_after_they_were_read(world: World, shards: RepoRef) -> None:
    layout = find_layout(world.hub, None, shards, "main")
    row, head = layout.repo, layout.commit
    assert tables.known_first_rows(world.hub, None, row, head) is None
    page(world, shards, split="test")
    page(world, shards, 1)
    page(world, shards, 0, 3)
    assert tables.known_first_rows(world.hub, None, row, head) is None
    page(world, shards)
    known = tables.known_first_rows(world.hub, None, row, head)
    assert known is not None
    assert (known.config, known.split, known.total) == ("default", "train", 5)
    assert [cells["a"] for cells in known.rows] == [0, 1, 2, 3, 4]
    assert len(known.paths) == 2
    later = world.add(shards, "README.md", b"# d\n")
    assert tables.known_first_rows(world.hub, None, row, later) is None


def test_known_first_rows_are_shown_to_readers_of_their_files_only(world: World, shards: RepoRef) -> None:
    page(world, shards)
    layout = find_layout(world.hub, None, shards, "main")
    row, head = layout.repo, layout.commit
    row = repositories.configure(world.hub, world.alice, shards, RepoChanges(gated="manual"))
    assert tables.known_first_rows(world.hub, world.alice, row, head) is not None
    with pytest.raises(GatedRepo):
        tables.known_first_rows(world.hub, None, row, head)
    row = repositories.configure(world.hub, world.alice, shards, RepoChanges(gated="no", visibility="private"))
    with pytest.raises(RepoNotFound):
        tables.known_first_rows(world.hub, None, row, head)


def test_first_rows_of_files_that_are_gone_are_forgotten(world: World, shards: RepoRef) -> None:
    page(world, shards)
    layout = find_layout(world.hub, None, shards, "main")
    row, head = layout.repo, layout.commit
    [(key, known)] = world.hub.first_rows._held.items()
    world.hub.first_rows.drop(key)
    world.hub.first_rows.put(key, attrs.evolve(known, paths=("gone.parquet",)))
    assert tables.known_first_rows(world.hub, None, row, head) is None
    assert world.hub.first_rows.find(key) is None
