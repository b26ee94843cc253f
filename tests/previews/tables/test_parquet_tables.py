from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.errors import UnsupportedDataset
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import parquet_tables
from entrepot.previews.tables.table_files import TableFile, open_table
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


def test_row_groups_that_overlap_have_no_places() -> None:
    data = parquet_of({"a": list(range(10_000))})
    assert len(opened("parquet", data).groups) > 1  # type: ignore[attr-defined]
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") :]
    assert opened("parquet", b"PAR1" + footer).groups == ()  # type: ignore[attr-defined]


def test_a_damaged_row_group_is_refused() -> None:
    data = bytearray(parquet_of({"a": list(range(5000))}))
    data[10:2000] = bytes(1990)
    with pytest.raises(UnsupportedDataset):
        opened("parquet", bytes(data)).read(0, 1)


def test_too_large_a_row_group_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_tables, "MAX_GROUP", 10)
    with pytest.raises(UnsupportedDataset, match="row group"):
        opened("parquet", parquet_of({"a": list(range(100))})).read(0, 1)


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
