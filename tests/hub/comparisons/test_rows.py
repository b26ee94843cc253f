from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.errors import InvalidParameter, UnsupportedDataset
from entrepot.hub.comparisons import rows
from entrepot.hub.comparisons.rows import RowsDiff, compare_tables
from entrepot.hub.comparisons.sides import ComparedFile, ReadBudget
from entrepot.hub.tables.reader import TableReader
from entrepot.previews.sources import BytesRangeReader
from entrepot.xet import chunk_ends, chunk_hash
from entrepot.xet.chunk_maps import ChunkMap
from tests.support.parquet_files import parquet_of


def chunked(data: bytes, budget: ReadBudget) -> ComparedFile:
    ends = list(chunk_ends(data))
    hashes = [chunk_hash(data[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return ComparedFile(BytesRangeReader(data), ChunkMap(ends, hashes), budget)


READER = TableReader()


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    READER.close()


def compare(old: bytes, new: bytes, form: str = "csv", name: str = "a.csv", **options: Any) -> RowsDiff:
    budget = ReadBudget()
    return compare_tables(READER, form, name, chunked(old, budget), chunked(new, budget), **options)


def test_rows_are_matched_by_keys() -> None:
    found = compare(b"id,a,b\n1,x,1\n2,y,1\n3,z,1\n", b"id,a,b\n3,z,1\n1,X,1\n4,w,1\n")
    assert (list(found.key), found.added, found.removed, found.changed) == (["id"], 1, 1, 1)
    assert found.changed_columns == {"a": 1}
    changed = next(change for change in found.examples if change.kind == "changed")
    assert (changed.old, changed.new, list(changed.columns)) == (
        {"id": 1, "a": "x", "b": 1},
        {"id": 1, "a": "X", "b": 1},
        ["a"],
    )
    assert found.is_complete


def test_rows_without_a_key_are_compared_as_a_whole_in_any_order_and_number() -> None:
    found = compare(b"a\n1\n1\n2\n", b"a\n2\n1\n3\n")
    assert (list(found.key), found.added, found.removed, found.changed) == ([], 1, 1, 0)
    assert [change.new for change in found.examples if change.new] == [{"a": 3}]


def test_a_key_that_is_asked_for_must_be_one() -> None:
    for key, text in (("none", "both tables"), ("a", "a different value in each row")):
        with pytest.raises(InvalidParameter, match=text):
            compare(b"a\n1\n1\n", b"a\n1\n2\n", key=[key])
    found = compare(b"a,b,c\n1,1,x\n1,2,y\n", b"a,b,c\n1,1,x\n1,2,z\n", key=["a", "b"])
    assert (found.changed, found.changed_columns) == (1, {"c": 1})


def test_columns_that_only_one_side_has_do_not_make_rows_differ() -> None:
    found = compare(b"id,a\n1,x\n", b"id,a,b\n1,x,5\n")
    assert (found.added, found.removed, found.changed) == (0, 0, 0)
    assert [(column.name, column.old) for column in found.columns] == [("b", None)]


def test_values_that_are_no_numbers_are_equal_to_themselves() -> None:
    old = parquet_of({"id": [1], "x": [float("nan")]})
    assert compare(old, parquet_of({"id": [1], "x": [float("nan")]}), "parquet", "a.parquet").changed == 0


def test_row_groups_in_equal_chunks_are_not_read() -> None:
    column = [f"{at}-{at * at}-{at * 7919 % 10007}" * 8 for at in range(40_000)]
    old = parquet_of({"id": list(range(40_000)), "t": column}, group=2_000)
    column[21_000] = "changed"
    new = parquet_of({"id": list(range(40_000)), "t": column}, group=2_000)
    budget = ReadBudget()
    found = compare_tables(READER, "parquet", "a.parquet", chunked(old, budget), chunked(new, budget))
    assert (found.added, found.removed, found.changed, found.changed_columns) == (0, 0, 1, {"t": 1})
    assert (found.skipped_groups, found.groups) == (19, 20)
    assert budget.used < 0.25 * (len(old) + len(new))


def test_row_groups_that_moved_are_found_by_their_chunks() -> None:
    texts = [f"{at}-{at * at}-{at * 7919 % 10007}" * 8 for at in range(40_000)]
    old = parquet_of({"t": texts}, group=4_000)
    new = parquet_of({"t": [f"new {at}" * 20 for at in range(4_000)] + texts}, group=4_000)
    found = compare(old, new, "parquet", "a.parquet")
    assert (found.added, found.removed) == (4_000, 0)
    assert found.skipped_groups >= 8


def test_too_many_rows_are_said_to_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROWS", 10)
    found = compare(parquet_of({"a": list(range(30))}), parquet_of({"a": list(range(1, 31))}), "parquet", "a.parquet")
    assert not found.is_complete
    assert (found.old_rows, found.added) == (30, 1)


def test_tables_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(UnsupportedDataset):
        compare(b"PAR1", b"PAR1", "parquet", "a.parquet")
