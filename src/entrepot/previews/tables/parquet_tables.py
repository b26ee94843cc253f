"""Rows of Parquet files: the footer is read, and row groups up to the wanted rows."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews.features import features_of
from entrepot.previews.parquet import MAX_FOOTER
from entrepot.previews.sources import RangeReader
from entrepot.previews.tables.arrow_tables import MAX_COLUMNS, row_values
from entrepot.previews.tables.footer_indexes import open_footer
from entrepot.previews.tables.table_sources import TableSource, reason_of

MAX_GROUP = 1 << 30
"""Bytes of the largest row group, decompressed, from which rows are read."""

_BUFFER, _BATCH_ROWS, _BATCH_BYTES = 1 << 20, 1024, 32 << 20


@attrs.frozen
class TableSizes:
    """Sizes of a Parquet file: rows, bytes of the file, and bytes of its data decompressed."""

    rows: int
    size: int
    memory: int


class ParquetTable:
    """A Parquet file.

    ``index``: the index of its footer, if that is large; with it, the file is opened again without reading the footer.
    ``weight``: its approximate memory, in bytes.
    """

    is_partial = False

    def __init__(self, name: str, source: RangeReader, index: bytes = b"") -> None:
        """Open it; ``index``: as of :func:`open_table`."""
        tail = source.read_at(max(source.size - 8, 0), 8)
        if len(tail) < 8 or tail[4:] != b"PAR1" or int.from_bytes(tail[:4], "little") > MAX_FOOTER:
            raise Malformed("Parquet file", "it does not end as a Parquet file, or its footer is too large")
        self._name, self._source = name, source
        length = int.from_bytes(tail[:4], "little")
        self._footer = open_footer(source, length, index)
        self.index = b"" if self._footer is None else self._footer.index.encode()
        self.weight = 8 * length if self._footer is None else self._footer.weight
        self._file = self._open(None if self._footer is None else self._footer.describe(0, 0))
        if len(self._file.schema_arrow) > MAX_COLUMNS:
            raise Malformed("Parquet file", f"it has more than {MAX_COLUMNS:,} columns")
        if self._footer is None:
            metadata = self._file.metadata
            groups = (metadata.row_group(at) for at in range(metadata.num_row_groups))
            self._groups = [(group.num_rows, group.total_byte_size) for group in groups]
        else:
            self._groups = [(rows, size) for rows, size, _ in self._footer.index.groups]
        self.rows = sum(max(rows, 0) for rows, _ in self._groups)
        self.sizes = TableSizes(self.rows, source.size, sum(max(size, 0) for _, size in self._groups))
        self.features: Mapping[str, Any] = features_of(self._file.schema_arrow)

    @functools.cached_property
    def groups(self) -> Sequence[tuple[int, int, int, int]]:
        """First row, rows, first byte and bytes of its row groups; none if the file does not give them reliably."""
        metadata = (self._file if self._footer is None else self._open(None)).metadata
        return _places([metadata.row_group(at) for at in range(metadata.num_row_groups)], self._source.size)

    def _open(self, described: bytes | None) -> Any:  # noqa: ANN401 - a file of pyarrow
        """Return the file as pyarrow reads it; ``described``: a file with another footer, None for its own."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        metadata = None if described is None else pq.ParquetFile(pa.BufferReader(described)).metadata
        handle = pa.PythonFile(TableSource(self._source), mode="r")
        return pq.ParquetFile(handle, metadata=metadata, buffer_size=_BUFFER, pre_buffer=False)

    def _with_groups(self, wanted: Sequence[int]) -> tuple[Any, int]:
        """Return a file of pyarrow that has row groups, and the number that its first one has in this file."""
        if self._footer is None or not wanted:
            return self._file, 0
        first, stop = wanted[0], wanted[-1] + 1
        metadata = (file := self._open(self._footer.describe(first, stop))).metadata
        rows = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
        if rows != [max(rows, 0) for rows, _ in self._groups[first:stop]]:
            raise UnsupportedDataset(self._name, "its footer describes its row groups in two ways")
        return file, first

    def read(self, offset: int, length: int, column: str | None = None) -> list[Mapping[str, Any]]:
        """Return the rows from an offset on, at most ``length``; of one column only, if it is named.

        Raises:
            UnsupportedDataset: a row group is damaged or too large, or the column does not exist.
        """
        import pyarrow

        if column is not None and column not in self.features:
            raise UnsupportedDataset(self._name, f"it has no column {column!r}")
        columns = None if column is None or "." in column else [column]  # a dot would mean a part of a struct
        found: list[Mapping[str, Any]] = []
        starts = list(itertools.accumulate((max(rows, 0) for rows, _ in self._groups), initial=0))
        wanted = range(bisect.bisect_right(starts, offset) - 1, bisect.bisect_left(starts, offset + length))
        wanted = wanted[: len(self._groups) - wanted.start]
        try:
            file, first = self._with_groups(wanted)
            for at in wanted:
                if (size := self._groups[at][1]) > MAX_GROUP:
                    raise UnsupportedDataset(self._name, f"a row group has {size:,} bytes, {MAX_GROUP:,} are read")
                begin, end = max(offset - starts[at], 0), offset + length - starts[at]
                found += self._of_group((file, at - first), at, begin, end, columns)
        except MemoryError:
            raise
        except (pyarrow.ArrowException, ValueError, OSError, OverflowError) as error:
            raise UnsupportedDataset(self._name, reason_of(error)) from error
        return found

    def _of_group(
        self, place: tuple[Any, int], group: int, first: int, end: int, columns: list[str] | None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield rows of a row group; ``place``: the file of pyarrow that has it, and its number there."""
        at = 0
        rows, size = self._groups[group]
        batch_rows = max(16, min(_BATCH_ROWS, _BATCH_BYTES * rows // max(size, 1)))
        file, number = place
        reading = {"batch_size": batch_rows, "row_groups": [number], "columns": columns, "use_threads": False}
        for batch in file.iter_batches(**reading):
            wanted = batch.slice(max(first - at, 0), max(min(end - at, batch.num_rows) - max(first - at, 0), 0))
            if wanted.num_rows:
                yield from row_values(wanted)
            at += batch.num_rows
            if at >= end:
                return


def _places(groups: Sequence[Any], size: int) -> Sequence[tuple[int, int, int, int]]:
    """Return where row groups of pyarrow lie; empty if the footer does not say it correctly.

    Guarantees: they have no more bytes together than the file, so that it costs little to look at each of them.
    """
    found, first = [], 0
    for group in groups:
        columns = [group.column(at) for at in range(group.num_columns)]
        starts = [_start_of(column) for column in columns]
        if not columns or group.num_rows < 0 or min(starts) < 0:
            return ()
        ends = [start + column.total_compressed_size for start, column in zip(starts, columns, strict=True)]
        found.append((first, group.num_rows, min(starts), max(max(ends) - min(starts), 0)))
        first += group.num_rows
    return found if sum(length for *_, length in found) <= size else ()


def _start_of(column: Any) -> int:  # noqa: ANN401 - a column of pyarrow
    pages = column.dictionary_page_offset if column.has_dictionary_page else None
    start: int = pages if pages is not None and 0 < pages < column.data_page_offset else column.data_page_offset
    return start
