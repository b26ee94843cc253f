"""What decides about types is tested against ``datasets``, in ``test_conversions.py``."""

from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import json_columns
from entrepot.previews.tables.json_columns import JsonBatches, find_mixed, mark_mixed


def test_batches_end_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_columns, "BATCH_BYTES", 12)
    data = b"\xef\xbb\xbf" + b"".join(b'{"a": %d}\n' % number for number in range(10))
    found = [table["a"].to_pylist() for table in JsonBatches().read(BytesRangeReader(data))]
    assert found == [[0], [1, 2], [3, 4], [5, 6], [7, 8], [9]]
    monkeypatch.setattr(json_columns, "_MAX_LINE", 20)
    with pytest.raises(Malformed, match="more than 20 bytes"):
        list(JsonBatches().read(BytesRangeReader(b'{"a": "' + b"x" * 100 + b'"}')))


def test_mixed_values_are_found_and_marked() -> None:
    rows = [{"a": [{"b": 1}, {"c": 2}], "d": {"e": [1]}, "f": {}}, {"a": None, "d": {"e": {"x": 1}}, "f": {}}]
    mixed = find_mixed(rows)
    assert mixed == [("f",), ("a", 0), ("d", "e")]
    kinds = {"a": {"feature": "?", "_type": "List"}, "d": {"e": "?"}, "f": "?"}
    json = {"_type": "Json"}
    assert mark_mixed(kinds, mixed) == {"a": {"feature": json, "_type": "List"}, "d": {"e": json}, "f": json}
    assert mark_mixed({"a": "?"}, [("b", 0)]) == {"a": "?"}
    assert find_mixed([]) == []


def test_later_batches_have_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_columns, "BATCH_BYTES", 1)
    batches = JsonBatches()
    data = b'{"a": {}}\n{"a": {"x": 1}}\n{"a": "t"}\n{"a": null}\n'
    found = [table["a"].to_pylist() for table in batches.read(BytesRangeReader(data))]
    assert (found, batches.mixed) == ([["{}"], ['{"x":1}'], ['"t"'], [None]], [("a",)])


def test_deep_values_are_refused() -> None:
    row: object = 1
    for _ in range(70):
        row = {"a": row}
    with pytest.raises(Malformed, match="more than 64 levels"):
        find_mixed([row])


def test_rows_without_a_common_key_take_no_time() -> None:
    assert find_mixed([{f"k{number}": {"a": 1}} for number in range(50_000)]) == []


def test_too_many_mixed_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_columns, "_MAX_MIXED", 2)
    data = b'{"a": {}, "b": {}, "c": {}}\n'
    with pytest.raises(Malformed, match="too many members"):
        list(JsonBatches().read(BytesRangeReader(data)))
