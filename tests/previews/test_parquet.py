from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.errors import Malformed
from entrepot.previews import parquet
from entrepot.previews.parquet import ParquetColumn
from entrepot.previews.sources import BytesRangeReader
from tests.support.memory import measured_peak


def parquet_file(table: pa.Table, rows: int = 1_000) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rows)
    return out.getvalue()


TABLE = pa.table(
    {
        "n": [1, 2, 3],
        "text": ["x", "y", "z"],
        "list": [[1.0], [2.0], []],
        "pair": [{"p": 1, "q": "x"}] * 3,
        "raw": [b"1"] * 3,
        "flag": [True, False, None],
    }
)
WHOLE = parquet_file(TABLE, 2)


def test_a_footer_tells_rows_groups_and_columns() -> None:
    footer = parquet.read_footer(BytesRangeReader(WHOLE))
    assert (footer.rows, footer.groups) == (3, (2, 1))
    assert footer.columns == (
        ParquetColumn("n", "int64", False),
        ParquetColumn("text", "string", False),
        ParquetColumn("list.list.element", "float64", True),
        ParquetColumn("pair.p", "int64", True),
        ParquetColumn("pair.q", "string", True),
        ParquetColumn("raw", "binary", False),
        ParquetColumn("flag", "bool", False),
    )


def test_a_footer_of_more_than_one_read() -> None:
    table = pa.table({f"column_{n}_{'x' * 50}": [n] for n in range(1_500)})
    whole = parquet_file(table)
    assert int.from_bytes(whole[-8:-4], "little") > 65_536
    assert len(parquet.read_footer(BytesRangeReader(whole)).columns) == 1_500


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not end with PAR1"),
        (WHOLE[:-4] + b"PARE", "does not end with PAR1"),
        (WHOLE[:-8] + (2**31).to_bytes(4, "little") + b"PAR1", "its footer would have 2,147,483,648 bytes"),
        (bytes(8) + b"\x00" + (1).to_bytes(4, "little") + b"PAR1", "no number of rows"),
        (bytes(8) + b"\x1c" * 40 + (40).to_bytes(4, "little") + b"PAR1", "nested too deeply"),
        (bytes(8) + b"\x19\xf8\xff\xff\x7f" + (5).to_bytes(4, "little") + b"PAR1", "a list of 2,097,151 items"),
    ],
)
def test_other_files_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parquet.read_footer(BytesRangeReader(data))


def test_a_footer_above_the_limit_is_not_read() -> None:
    with pytest.raises(Malformed, match="its footer would have"):
        parquet.read_footer(BytesRangeReader(WHOLE), most=10)


def test_damaged_footers_are_read_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(1_000):
        data = bytearray(WHOLE)
        for _ in range(chance.randint(1, 6)):
            data[-chance.randint(1, 1_000)] = chance.randrange(256)
        try:
            parquet.read_footer(BytesRangeReader(bytes(data)))
        except Malformed:
            continue


def footer_of(body: bytes) -> BytesRangeReader:
    return BytesRangeReader(b"PAR1" + body + len(body).to_bytes(4, "little") + b"PAR1")


@pytest.mark.parametrize("field", [b"\x29", b"\x49", b"\x59"])  # the schema, the row groups, and the metadata
def test_lists_of_empty_structs_take_no_memory(field: bytes) -> None:
    many = field + b"\xfc\xc0\x84\x3d" + bytes(1_000_000) + b"\0"  # a million of them
    with measured_peak() as peak, pytest.raises(Malformed):
        parquet.read_footer(footer_of(many))
    assert peak.grown < 32 << 20
