from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from entrepot.errors import InvalidParameter, StoreUnavailable, UnsupportedDataset
from entrepot.hub.tables import reader as readers
from entrepot.hub.tables.exchanges import end_process
from entrepot.hub.tables.processes import TableProcesses
from entrepot.hub.tables.reader import TableContent, TableFacts, TablePage, TableReader, WorkLimits
from entrepot.previews.row_pages import PageLimits
from entrepot.previews.sources import BytesRangeReader, MeteredReader
from entrepot.previews.tables.footer_indexes import LEAST_FOOTER
from tests.support import table_bombs
from tests.support.memory import measured_peak
from tests.support.parquet_files import parquet_of

FEW_MIB = 96 << 20


class CountedReader(BytesRangeReader):
    """Bytes that know how many of them were read."""

    read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.read += length
        return super().read_at(offset, length)


@pytest.fixture(scope="module")
def reader() -> Iterator[TableReader]:
    made = TableReader()
    yield made
    made.close()


def content(form: str, data: bytes, key: str = "") -> TableContent:
    return TableContent(form, f"a.{form}", CountedReader(data), key or str(hash(data)))


def read(reader: TableReader, table: TableContent, offset: int = 0, length: int = 100) -> TablePage:
    return reader.read(table, offset, length)


def test_rows_and_what_a_table_says_of_itself(reader: TableReader) -> None:
    table = content("parquet", parquet_of({"a": list(range(5000))}))
    page = read(reader, table, 1234, 2)
    assert [row.cells for row in page.rows] == [{"a": 1234}, {"a": 1235}]
    assert page.facts.rows == reader.describe(table).rows == 5000
    assert page.facts.features == {"a": {"dtype": "int64", "_type": "Value"}}
    assert page.facts.memory > 0


def test_a_further_page_reads_neither_the_footer_nor_other_row_groups(reader: TableReader) -> None:
    source = CountedReader(parquet_of({"a": [f"{at * 7919 % 10007}" * 20 for at in range(20_000)]}))
    table = TableContent("parquet", "a.parquet", source, "further")
    read(reader, table, 0, 1)
    source.read = 0
    assert read(reader, table, 10_500, 1).rows[0].cells == {"a": f"{10_500 * 7919 % 10007}" * 20}
    assert 0 < source.read < source.size // 15  # one of 20 row groups
    source.read = 0
    assert reader.describe(table).rows == 20_000
    assert source.read == 0


@pytest.mark.parametrize(
    ("form", "bomb", "rows"),
    [
        ("parquet", table_bombs.dictionary_bomb, 100_000),
        ("parquet", table_bombs.long_text_bomb, 1),
        ("arrow", table_bombs.zeros_bomb, 32_000_000),
    ],
)
def test_a_small_file_that_decompresses_to_much_costs_this_process_nothing(
    reader: TableReader, form: str, bomb: Callable[[], bytes], rows: int
) -> None:
    table = content(form, bomb())
    with measured_peak() as peak, contextlib.suppress(UnsupportedDataset):  # on a machine that is too slow
        assert read(reader, table).facts.rows == rows
    assert peak.grown < FEW_MIB


def test_objects_that_are_small_as_text_cost_this_process_little(reader: TableReader) -> None:
    table = content("json", table_bombs.objects_bomb())
    with measured_peak() as peak, contextlib.suppress(UnsupportedDataset):
        assert read(reader, table).rows[0].cut == ["a"]
    assert peak.grown < FEW_MIB


def test_a_table_that_takes_too_much_is_refused_and_the_next_is_read(
    reader: TableReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "READING", WorkLimits(10, 60.0, 128 << 20))
    with pytest.raises(UnsupportedDataset, match=r"a\.arrow.*memory"):
        read(reader, content("arrow", table_bombs.zeros_bomb(), "too much"))
    monkeypatch.undo()
    assert len(read(reader, content("csv", b"a\n1\n")).rows) == 1


def test_cells_that_do_not_fit_are_cut_and_named(reader: TableReader) -> None:
    table = content("json", b'{"a": "%s", "b": 1}\n' % (b"x" * 1000) * 3)
    limits = PageLimits(2_500, 900)
    page = reader.read(table, 0, 3, limits=limits)
    assert [(len(str(row.cells["a"])), row.cut) for row in page.rows] == [(900, ["a"]), (900, ["a"]), (100, ["a"])]


def test_a_damaged_table_and_a_limit_of_its_bytes_are_told(reader: TableReader) -> None:
    with pytest.raises(UnsupportedDataset, match=r"a\.parquet"):
        read(reader, content("parquet", b"PAR1"))
    few = MeteredReader(BytesRangeReader(parquet_of({"a": list(range(5000))})), 100)
    with pytest.raises(UnsupportedDataset, match="too many bytes"):
        read(reader, TableContent("parquet", "a.parquet", few, "few"))


def test_many_requests_at_a_time_get_their_own_rows(reader: TableReader) -> None:
    tables = [content("csv", f"a\n{at}\n".encode()) for at in range(24)]
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda table: read(reader, table), tables))
    assert [page.rows[0].cells["a"] for page in pages] == list(range(24))


def test_two_tables_are_compared(reader: TableReader) -> None:
    old, new = content("csv", b"id,a\n1,x\n2,y\n"), content("csv", b"id,a\n1,x\n2,z\n3,w\n")
    found = reader.compare(old, new, ([(0, 2)], [(0, 3)]), ())
    assert (list(found.key), found.added, found.removed, found.changed) == (["id"], 1, 0, 1)
    assert [change.kind for change in found.examples] == ["changed", "added"]
    with pytest.raises(InvalidParameter, match="a different value in each row"):
        reader.compare(content("csv", b"a\n1\n1\n"), new, ([(0, 2)], [(0, 3)]), ["a"])
    groups = reader.describe_groups(content("parquet", parquet_of({"a": list(range(2500))}))).groups
    assert [(first, rows) for first, rows, _, _ in groups] == [(0, 1000), (1000, 1000), (2000, 500)]


def test_a_reader_that_is_closed_reads_nothing() -> None:
    made = TableReader()
    made.close()
    with pytest.raises(StoreUnavailable):
        read(made, content("csv", b"a\n"))


def test_facts_are_kept_within_a_limit() -> None:
    cache = TableReader(facts_bytes=5_000).facts
    for at in range(10):
        cache.put(str(at), TableFacts(at, False, {"a": at}, 0))
        cache.find("0")
    assert cache.find("0") is not None
    assert [cache.find(str(at)) is not None for at in (1, 9)] == [False, True]
    cache.put("large", TableFacts(1, False, {"a": "x" * 5_000}, 0))
    assert cache.find("large") is None


def test_a_large_footer_is_read_once_whichever_process_reads_the_table() -> None:
    columns = {f"column {at}": list(range(300)) for at in range(5)}
    data = parquet_of(columns, group=1)
    footer = int.from_bytes(data[-8:-4], "little")
    assert footer > LEAST_FOOTER
    source = CountedReader(data)
    table = TableContent("parquet", "a.parquet", source, "large footer")
    processes = TableProcesses(1)
    reader = TableReader(processes)
    try:
        first = read(reader, table, 100, 2)
        assert source.read > footer
        end_process(processes._idle[0])
        source.read = 0
        assert read(reader, table, 100, 2) == first
        assert source.read < footer / 4
        end_process(processes._idle[0])
        source.read = 0
        read(reader, attrs.evolve(table, key="of another repository"), 100, 2)
        assert source.read > footer
    finally:
        reader.close()
