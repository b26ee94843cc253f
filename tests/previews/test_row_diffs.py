from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import InvalidParameter
from entrepot.previews import row_diffs
from entrepot.previews.row_diffs import RowCounts, compare_rows


def compare(left: list[dict[str, Any]], right: list[dict[str, Any]], *key: str) -> RowCounts:
    kinds = [dict.fromkeys([name for row in rows for name in row]) for rows in (left, right)]
    return compare_rows(left, right, key, kinds[0], kinds[1])


def test_rows_are_matched_by_a_column_that_looks_like_a_key() -> None:
    found = compare([{"id": 1, "a": "x"}, {"id": 2, "a": "y"}], [{"id": 2, "a": "z"}, {"id": 3, "a": "w"}])
    assert (found.key, found.added, found.removed, found.changed, found.columns) == (["id"], 1, 1, 1, {"a": 1})
    assert [(change.kind, change.old, change.new) for change in found.examples] == [
        ("changed", {"id": 2, "a": "y"}, {"id": 2, "a": "z"}),
        ("added", None, {"id": 3, "a": "w"}),
        ("removed", {"id": 1, "a": "x"}, None),
    ]


def test_rows_without_a_key_are_counted_as_often_as_they_are_there() -> None:
    found = compare([{"a": 1}, {"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}, {"a": 3}])
    assert (list(found.key), found.added, found.removed) == ([], 1, 1)


def test_a_key_must_be_unique() -> None:
    with pytest.raises(InvalidParameter, match="several rows have the same 'a'"):
        compare([{"a": 1}, {"a": 1}], [{"a": 1}], "a")


def test_examples_are_few_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_diffs, "MAX_EXAMPLES", 3)
    found = compare([], [{"id": at, "a": "x" * 100_000} for at in range(9)])
    assert found.added == 9
    assert [len(str(change.new["a"])) for change in found.examples if change.new] == [64 << 10] * 3
