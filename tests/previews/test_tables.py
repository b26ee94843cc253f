from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from typing import Any

import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews import tables
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import DecompressedFile, TableFile, TableSource, open_table
from tests.support.parquet_files import parquet_of


class Counted(BytesRangeReader):
    read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        data = super().read_at(offset, length)
        self.read += len(data)
        return data


def opened(form: str, data: bytes, name: str = "") -> TableFile:
    return open_table(form, name or f"a.{form}", BytesRangeReader(data))


@pytest.mark.parametrize("offset", [0, 1, 999, 1000, 1500, 9_999, 10_000, 20_000])
def test_rows_of_a_parquet_file_are_those_of_pyarrow(offset: int) -> None:
    columns = {"n": list(range(10_000)), "s": [f"row {at}" for at in range(10_000)]}
    table = opened("parquet", parquet_of(columns))
    assert table.rows == 10_000
    assert table.read(offset, 3) == pa.table(columns).slice(min(offset, 10_000), 3).to_pylist()


def test_a_page_reads_the_footer_and_one_row_group() -> None:
    noise = random.Random(1)
    columns = {"b": [noise.randbytes(100) for _ in range(20_000)]}
    source = Counted(parquet_of(columns))
    table = open_table("parquet", "a.parquet", source)
    assert table.read(12_345, 100)[0] == {"b": columns["b"][12_345]}
    assert source.read < source.size // 8  # one of 20 row groups, and the footer


def test_csv_keeps_quotes_newlines_and_types() -> None:
    table = opened("csv", b'a,b,c\n1,"x, ""y""\nz",1.5\n2,,\n')
    assert table.read(0, 10) == [{"a": 1, "b": 'x, "y"\nz', "c": 1.5}, {"a": 2, "b": None, "c": None}]
    assert table.features["a"] == {"dtype": "int64", "_type": "Value"}
    assert opened("csv", b"a\tb\n1\t2\n", "x.tsv").read(0, 1) == [{"a": 1, "b": 2}]
    assert opened("csv", b"").rows == 0


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
    monkeypatch.setattr(tables, "MOST_TEXT", 10)
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


def test_a_damaged_row_group_is_refused() -> None:
    data = bytearray(parquet_of({"a": list(range(5000))}))
    data[10:2000] = bytes(1990)
    with pytest.raises(UnsupportedDataset):
        opened("parquet", bytes(data)).read(0, 1)


def test_too_large_a_row_group_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_GROUP", 10)
    with pytest.raises(UnsupportedDataset, match="row group"):
        opened("parquet", parquet_of({"a": list(range(100))})).read(0, 1)


def test_a_compressed_csv_file_is_refused() -> None:
    with pytest.raises(UnsupportedDataset, match="compressed"):
        opened("csv", b"", "a.csv.gz")


def test_a_source_is_a_file() -> None:
    file = TableSource(BytesRangeReader(b"abcdef"))
    assert (file.seek(-2, 2), file.read(), file.tell(), file.bytes_read) == (4, b"ef", 6, 2)
    assert (file.seek(1), file.seek(1, 1), file.read(2)) == (1, 2, b"cd")
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    file.flush()
    file.close()
    assert file.closed


def test_100_rows_at_any_offset_read_the_footer_and_at_most_one_row_group() -> None:
    sink = io.BytesIO()
    columns = {"a": pa.array(range(20_000)), "b": pa.array([f"{number:0100}" for number in range(20_000)])}
    pq.write_table(pa.table(columns), sink, row_group_size=1_000, compression="none", use_dictionary=False)
    data = sink.getvalue()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    group = max(pq.ParquetFile(io.BytesIO(data)).metadata.row_group(at).total_byte_size for at in range(20))
    for offset in (0, 3_400, 12_000, 19_900):
        source = Counted(data)
        found = open_table("parquet", "a.parquet", source).read(offset, 100)
        assert [row["a"] for row in found] == list(range(offset, offset + 100))
        # The end is read twice: how long the footer is, and then the footer with some bytes before it.
        assert source.read <= group + 2 * footer + 65_536, offset
    whole = Counted(data)
    open_table("parquet", "a.parquet", whole)
    assert whole.read <= 2 * footer + 65_536


@pytest.mark.parametrize(
    ("compression", "pack"),
    [("gzip", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("lz4", lz4.frame.compress)],
)
def test_what_a_compressed_file_contains_is_read_forwards_and_backwards(
    compression: str, pack: Callable[[bytes], bytes]
) -> None:
    content = random.Random(1).randbytes(3 << 20)
    file = DecompressedFile(BytesRangeReader(pack(content)), compression, len(content))
    assert file.size == len(content)
    for offset, length in ((0, 10), (5, 3_000_000), (2_999_000, 500_000), (100, 7), (1 << 20, 0), (file.size, 5)):
        assert file.read_at(offset, length) == content[offset : offset + length]


def test_a_compressed_file_that_contains_more_is_refused() -> None:
    packed = BytesRangeReader(gzip.compress(bytes(1_001)))
    assert DecompressedFile(packed, "gzip", 1_001).size == 1_001
    with pytest.raises(Malformed, match="it contains more than 1,000 bytes"):
        DecompressedFile(packed, "gzip", 1_000)
