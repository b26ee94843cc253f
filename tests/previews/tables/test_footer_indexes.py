from __future__ import annotations

import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import footer_indexes
from entrepot.previews.tables.footer_indexes import FooterIndex, compose_file, index_footer, open_footer
from entrepot.previews.tables.parquet_tables import ParquetTable
from entrepot.previews.tables.table_files import open_table
from tests.support.parquet_files import parquet_of


class Counted(BytesRangeReader):
    read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        data = super().read_at(offset, length)
        self.read += len(data)
        return data


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make indexes of small footers too."""
    monkeypatch.setattr(footer_indexes, "LEAST_FOOTER", 0)


def footer_of(data: bytes) -> bytes:
    length = int.from_bytes(data[-8:-4], "little")
    return data[-8 - length : -8]


def written(columns: dict[str, Any], group: int = 10, **options: Any) -> bytes:
    target = io.BytesIO()
    table = pa.table(columns).replace_schema_metadata({"huggingface": "{}"})
    pq.write_table(table, target, row_group_size=group, **options)
    return target.getvalue()


COLUMNS: dict[str, Any] = {
    "n": list(range(100)),
    "t": [f"text {at}" for at in range(100)],
    "l": [[{"a": at}] * (at % 3) for at in range(100)],
    "b": [at % 2 == 0 for at in range(100)],
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd", "use_dictionary": False, "write_statistics": False},
        {"write_page_index": True, "write_page_checksum": True, "version": "1.0"},
        {"sorting_columns": [pq.SortingColumn(0)], "data_page_version": "2.0"},
        {"column_encoding": {"n": "DELTA_BINARY_PACKED"}, "use_dictionary": ["t"]},
        {"group": 1},
        {"group": 1000},
    ],
)
def test_files_opened_with_an_index_are_those_of_pyarrow(options: dict[str, Any]) -> None:
    data = written(COLUMNS, **options)
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    index = index_footer(footer_of(data))
    assert index is not None
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    assert [group[:2] for group in index.groups] == [(group.num_rows, group.total_byte_size) for group in groups]
    assert FooterIndex.decode(index.encode(), index.footer) == index
    rows = pa.table(COLUMNS).to_pylist()
    fresh = ParquetTable("a.parquet", BytesRangeReader(data))
    again = ParquetTable("a.parquet", BytesRangeReader(data), fresh.index)
    assert fresh.index == again.index == index.encode()
    assert again.groups == fresh.groups
    assert len(again.groups) == len(groups)
    for offset, length in ((0, 100), (0, 1), (9, 2), (55, 40), (99, 5), (100, 5), (10**12, 1), (5, 0)):
        assert again.read(offset, length) == fresh.read(offset, length) == rows[offset : offset + length]
    assert again.read(15, 1, "t") == [{"t": "text 15"}]
    assert again.features == fresh.features


def test_a_file_with_a_known_index_is_read_without_its_footer() -> None:
    data = written(COLUMNS, group=1)
    source = Counted(data)
    fresh = ParquetTable("a.parquet", source)
    assert source.read > len(footer_of(data))
    source = Counted(data)
    ParquetTable("a.parquet", source, fresh.index).read(50, 2)
    assert source.read < len(footer_of(data)) / 4


def test_an_empty_file_has_an_index() -> None:
    data = written({"a": pa.array([], pa.int64())})
    table = ParquetTable("a.parquet", BytesRangeReader(data))
    assert (table.rows, table.read(0, 5), list(table.features)) == (0, [], ["a"])


@pytest.mark.parametrize("change", [b"", b"x", b"PFI1", b"PFI1" + bytes(16), b"PFI1" + bytes(36), b"\xff" * 100])
def test_what_cannot_be_the_index_is_made_anew(change: bytes) -> None:
    data = parquet_of({"a": list(range(50))}, group=10)
    source = BytesRangeReader(data)
    right = ParquetTable("a.parquet", source).index
    for known in (change, right[:-1], right[:-20], right + bytes(19), b"PFI2" + right[4:]):
        assert ParquetTable("a.parquet", source, known).index == right


def test_a_wrong_index_gives_an_error_and_no_wrong_rows() -> None:
    data = parquet_of({"a": list(range(50))}, group=10)
    right = index_footer(footer_of(data))
    assert right is not None
    groups = [(rows + 1, size, length) for rows, size, length in right.groups]
    wrong = FooterIndex(right.footer, right.head, right.first, right.tail, groups)
    table = open_table("parquet", "a.parquet", BytesRangeReader(data), index=wrong.encode())
    with pytest.raises(UnsupportedDataset, match="in two ways"):
        table.read(0, 5)


def test_damaged_footers_give_the_error_that_they_give_without_an_index() -> None:
    data = written(COLUMNS)
    footer = footer_of(data)
    dice = random.Random(7)
    for _ in range(300):
        changed = bytearray(footer)
        for _ in range(dice.randrange(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        cut = bytes(changed[: dice.choice([len(changed), dice.randrange(len(changed))])])
        file = data[: -8 - len(footer)] + cut + len(cut).to_bytes(4, "little") + b"PAR1"
        try:
            open_table("parquet", "a.parquet", BytesRangeReader(file)).read(0, 5)
        except UnsupportedDataset:
            continue


@pytest.mark.parametrize(
    "footer",
    [
        b"",
        b"\x4c" * 1000,  # structs within structs
        b"\x49" * 1000,
        b"\x49\xfc" + b"\xff" * 20,  # more row groups than there are bytes
        b"\x49\xfc\xff\xff\xff\xff\x0f",
        b"\x49\xfc\xc0\x84\x3d" + bytes(1_000_000),  # a million of nothing
        b"\x48" + b"\xff" * 9 + b"\x01",  # a text that is longer than the file
        b"\x46" + b"\xff" * 1000,
        b"\x4b\x01",
    ],
)
def test_hostile_footers_are_damaged_ones(footer: bytes) -> None:
    with pytest.raises(Malformed):
        index_footer(footer)


def test_indexes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(COLUMNS, group=1)
    assert index_footer(b"\x00") is None
    frame = {"a": list(range(50)), "x" * 5000: list(range(50))}
    monkeypatch.setattr(footer_indexes, "MAX_FRAME", 3000)
    assert index_footer(footer_of(written(frame))) is None
    monkeypatch.setattr(footer_indexes, "MAX_INDEX", 1000)
    with pytest.raises(Malformed):
        index_footer(footer_of(data))
    table = ParquetTable("a.parquet", BytesRangeReader(data))
    assert (table.index, table.read(99, 1)[0]["n"]) == (b"", 99)
    monkeypatch.setattr(footer_indexes, "MAX_FOOTER", 100)
    assert open_footer(BytesRangeReader(data), len(footer_of(data))) is None
    assert open_footer(BytesRangeReader(b"abc"), 50) is None


def test_a_file_is_composed_of_many_row_groups() -> None:
    data = written({"a": list(range(500))}, group=1)
    footer = footer_of(data)
    index = index_footer(footer)
    assert index is not None
    for count in (0, 1, 14, 15, 127, 128, 300):
        begin = index.starts()[100]
        groups = footer[begin : begin + sum(length for _, _, length in index.groups[100 : 100 + count])]
        made = compose_file(footer[: index.head], count, groups, footer[index.tail :])
        assert pq.ParquetFile(io.BytesIO(made)).metadata.num_row_groups == count
