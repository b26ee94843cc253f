from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc

from entrepot.errors import UnsupportedDataset
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import table_files
from entrepot.previews.tables.table_files import TableFile, open_table


class Counted(BytesRangeReader):
    read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        data = super().read_at(offset, length)
        self.read += len(data)
        return data


def opened(form: str, data: bytes, name: str = "") -> TableFile:
    return open_table(form, name or f"a.{form}", BytesRangeReader(data))


def test_csv_keeps_quotes_newlines_and_types() -> None:
    table = opened("csv", b'a,b,c\n1,"x, ""y""\nz",1.5\n2,,\n')
    assert table.read(0, 10) == [{"a": 1, "b": 'x, "y"\nz', "c": 1.5}, {"a": 2, "b": None, "c": None}]
    assert table.features["a"] == {"dtype": "int64", "_type": "Value"}
    assert opened("csv", b"a\tb\n1\t2\n", "x.tsv").read(0, 1) == [{"a": 1, "b": 2}]


def test_columns_of_csv_get_the_names_that_datasets_gives_them() -> None:
    table = opened("csv", b",a,a,\n0,1,2,3\n")
    assert table.read(0, 5) == [{"Unnamed: 0": 0, "a": 1, "a.1": 2, "Unnamed: 3": 3}]
    assert list(table.features) == ["Unnamed: 0", "a", "a.1", "Unnamed: 3"]


@pytest.mark.parametrize(("form", "data"), [("csv", b""), ("csv", b"\n"), ("json", b""), ("json", b"[]")])
def test_a_file_without_columns_has_no_rows(form: str, data: bytes) -> None:
    table = opened(form, data)
    assert (table.rows, table.read(0, 5), table.read(3, 5), dict(table.features)) == (0, [], [], {})


def test_json_lines_and_lists_may_be_nested_and_mixed() -> None:
    lines = b'{"a": 1, "b": {"c": [1, 2]}}\n\n{"a": "x", "d": null}\n'
    assert opened("json", lines).read(0, 5) == [
        {"a": "1", "b": {"c": [1, 2]}, "d": None},
        {"a": '"x"', "b": None, "d": None},
    ]
    assert opened("json", b' [{"a": 1}, {"a": 2}]').read(1, 5) == [{"a": 2}]


def test_text_is_a_column_of_lines() -> None:
    assert opened("text", "é\r\n\nx".encode()).read(0, 5) == [{"text": "é"}, {"text": ""}, {"text": "x"}]


@pytest.mark.parametrize("make", [ipc.new_stream, ipc.new_file])
def test_arrow_files_and_streams_are_read(make: Any) -> None:
    table, target = pa.table({"a": [1, 2, 3]}), io.BytesIO()
    with make(target, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    assert opened("arrow", target.getvalue()).read(1, 5) == [{"a": 2}, {"a": 3}]


def test_the_beginning_of_a_long_text_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "MAX_TEXT", 10)
    table = opened("csv", b"a\n1\n2\n3\n4\n5\n6\n")
    assert (table.rows, table.is_partial) == (4, True)
    with pytest.raises(UnsupportedDataset, match="first line"):
        opened("text", b"x" * 20)
    with pytest.raises(UnsupportedDataset, match="JSON lines are"):
        opened("json", b'[\n{"a": 1}, {"a": 2}]')


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("parquet", b""),
        ("parquet", b"PAR1" + b"\xff\xff\xff\x7fPAR1"),
        ("parquet", b"PAR1garbage\x07\x00\x00\x00PAR1"),
        ("csv", b"a,b\n1\n"),
        ("json", b"[1]"),
        ("json", b"{"),
        ("json", b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("json", b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}"),
        ("text", b"\xff\xfe"),
        ("arrow", b"ARROW1\0\0nothing"),
        ("arrow", b""),
        ("imagefolder", b""),
    ],
)
def test_a_file_that_is_no_table_is_refused(form: str, data: bytes) -> None:
    with pytest.raises(UnsupportedDataset):
        opened(form, data)


def test_a_compressed_csv_file_is_refused() -> None:
    with pytest.raises(UnsupportedDataset, match="compressed"):
        opened("csv", b"", "a.csv.gz")
