"""What decides about types is tested against ``datasets``, in ``test_conversions.py``."""

from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import csv_columns
from entrepot.previews.tables.csv_columns import read_batches


def test_rows_come_in_batches_with_types_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_columns, "BATCH_ROWS", 2)
    found = list(read_batches(BytesRangeReader(b"a\n1\n2\n\nx\n"), ","))
    assert [(str(table.schema.field("a").type), table["a"].to_pylist()) for table in found] == [
        ("int64", [1, 2]),
        ("string", ["x"]),
    ]
    [empty] = read_batches(BytesRangeReader(b"a,b\n"), ",")
    assert (empty.num_rows, empty.column_names) == (0, ["a", "b"])


def test_hostile_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_columns, "MAX_FIELD", 10)
    for data, reason in (
        (b"a\n" + b"x" * 11, "field larger"),
        (b"," * 10_000 + b"\n", "more than 10,000 columns"),
        (b"a\n" + b"9" * 5_000 + b"\n", "field larger"),
    ):
        with pytest.raises(Malformed, match=reason):
            list(read_batches(BytesRangeReader(data), ","))
    monkeypatch.setattr(csv_columns, "MAX_FIELD", 1 << 20)
    with pytest.raises(Malformed, match="more than 64 bits"):
        list(read_batches(BytesRangeReader(b"a\n" + b"9" * 5_000 + b"\n"), ","))


def test_long_digits_and_many_equal_names_take_no_time() -> None:
    digits = "1" * 200_000
    [found] = read_batches(BytesRangeReader(f"a\n{digits}x\n".encode()), ",")
    assert found["a"].to_pylist() == [f"{digits}x"]
    [found] = read_batches(BytesRangeReader((b"a," * 4_999) + b"a.2\n"), ",")
    assert found.column_names[:4] == ["a", "a.1", "a.3", "a.4"]
    assert found.column_names[-2:] == ["a.4999", "a.2"]
