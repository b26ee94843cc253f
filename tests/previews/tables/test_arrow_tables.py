from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews.tables import arrow_tables
from entrepot.previews.tables.arrow_tables import ArrowTable, row_values


def test_rows_are_read_from_an_offset_whole_or_of_one_column() -> None:
    table = ArrowTable(pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]}), is_partial=False)
    assert table.read(1, 5) == [{"a": 2, "b": "y"}, {"a": 3, "b": "z"}]
    assert table.read(0, 1, "b") == [{"b": "x"}]
    assert table.read(9, 1) == []
    with pytest.raises(UnsupportedDataset, match="no column 'c'"):
        table.read(0, 1, "c")


def test_times_of_named_zones_are_those_of_utc_and_nanoseconds_are_cut() -> None:
    moment = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    for kind in (pa.timestamp("ns", "Europe/Berlin"), pa.list_(pa.timestamp("ns", "UTC"))):
        value = moment if pa.types.is_timestamp(kind) else [moment]
        assert row_values(pa.table({"t": pa.array([value], kind)})) == [{"t": value}]


def test_a_table_of_too_many_columns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_tables, "MAX_COLUMNS", 1)
    with pytest.raises(Malformed, match="more than 1 columns"):
        ArrowTable(pa.table({"a": [1], "b": [1]}), is_partial=False)
