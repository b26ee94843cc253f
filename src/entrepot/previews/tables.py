"""Rows of tables at any offset: Parquet, CSV, JSON, Arrow and text files. Needs pyarrow, of the extra ``preview``.

Of a Parquet file, the footer is read, and row groups up to the wanted rows.
Other formats have no index: at most 32 MiB from the start are read.

A small file can decompress to gigabytes. So tables are opened only in processes that may be killed
(``hub/tables/sandbox.py``, ``hub/datasets/sandbox.py``).
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs
import msgspec

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews.features import features_of
from entrepot.previews.files import SeekableFile
from entrepot.previews.footer_indexes import open_footer
from entrepot.previews.media_folders import open_folder
from entrepot.previews.parquet import MOST_FOOTER
from entrepot.previews.sources import RangeReader
from entrepot.previews.table_formats import FOLDERS, FORMATS, MOST_TEXT, check_installed, separator_of

MOST_GROUP = 1 << 30
"""Bytes of a row group, decompressed, of which rows are read."""

_MOST_COLUMNS = 1_000
_MOST_DEPTH = 32
_BUFFER, _BATCH_ROWS, _BATCH_BYTES = 1 << 20, 1024, 32 << 20


class TableFile(Protocol):
    """An open table.

    ``rows``: how many it has (``is_partial``: how many were read of more); ``features``: of each column.
    """

    rows: int
    is_partial: bool
    features: Mapping[str, Any]

    def read(self, offset: int, length: int, column: str | None = None) -> list[Mapping[str, Any]]:
        """Return the rows from an offset on, at most ``length``; of one column only, if it is named.

        Raises:
            UnsupportedDataset: there is no such column.
        """
        ...


@attrs.frozen
class TableSizes:
    """Sizes of a Parquet file: rows, bytes of the file, and bytes of its data decompressed."""

    rows: int
    size: int
    memory: int


def open_table(form: str, name: str, source: RangeReader, *, index: bytes = b"", separator: str = "") -> TableFile:
    """Open a table.

    Args:
        form: one of :data:`FORMATS`, or of :data:`FOLDERS` for what :func:`pack_folder` begins.
        name: of the file, for its suffix and for messages.
        index: what :attr:`ParquetTable.index` was when these bytes were opened before; b"" if that is not known.
        separator: of the fields of a CSV file; empty: the default for the ending of its name.

    Raises:
        UnsupportedDataset: tables of this form cannot be read, the file is damaged, or too large.
        ExtraNotInstalled: pyarrow is missing.
        MemoryError: the limit of the process.
    """
    check_installed()
    import pyarrow

    if form not in FORMATS | FOLDERS or name.lower().endswith((".gz", ".zst", ".bz2", ".xz", ".zip")):
        raise UnsupportedDataset(name, f"files of the format {form} are not read, nor compressed ones")
    try:
        if form == "parquet":
            return ParquetTable(name, source, index)
        if form == "csv":
            return ArrowTable(*_read_csv(source, separator or separator_of(name)))
        return ArrowTable(*_READERS[form](name, source))
    except MemoryError:
        raise
    except Malformed as error:
        raise UnsupportedDataset(name, error.reason) from error
    except (pyarrow.ArrowException, ValueError, OSError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UnsupportedDataset(name, _reason(error)) from error


def _reason(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


class TableSource:
    """A source as the file that pyarrow reads; it counts the bytes read."""

    def __init__(self, source: RangeReader) -> None:
        self._source, self._at = source, 0
        self.closed = False
        self.bytes_read = 0

    def read(self, length: int = -1) -> bytes:
        """Return the next bytes."""
        left = max(self._source.size - self._at, 0)
        data = self._source.read_at(self._at, left if length < 0 else min(length, left))
        self._at += len(data)
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset from the start (0), from here (1) or from the end (2)."""
        self._at = offset + (0, self._at, self._source.size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the file, not its source."""
        self.closed = True


class ParquetTable:
    """A Parquet file.

    ``index``: the index of its footer, if that is large; with it, the file is opened again without reading the footer.
    ``weight``: the memory that it takes, about.
    """

    is_partial = False

    def __init__(self, name: str, source: RangeReader, index: bytes = b"") -> None:
        """Open it; ``index``: as of :func:`open_table`."""
        tail = source.read_at(max(source.size - 8, 0), 8)
        if len(tail) < 8 or tail[4:] != b"PAR1" or int.from_bytes(tail[:4], "little") > MOST_FOOTER:
            raise Malformed("Parquet file", "it does not end as a Parquet file, or its footer is too large")
        self._name, self._source = name, source
        length = int.from_bytes(tail[:4], "little")
        self._footer = open_footer(source, length, index)
        self.index = b"" if self._footer is None else self._footer.index.encode()
        self.weight = 8 * length if self._footer is None else self._footer.weight
        self._file = self._open(None if self._footer is None else self._footer.describe(0, 0))
        if len(self._file.schema_arrow) > _MOST_COLUMNS:
            raise Malformed("Parquet file", f"it has more than {_MOST_COLUMNS:,} columns")
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
        """First row, rows, first byte and bytes of its row groups; none if the file does not tell them well."""
        metadata = (self._file if self._footer is None else self._open(None)).metadata
        return _places([metadata.row_group(at) for at in range(metadata.num_row_groups)])

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
            UnsupportedDataset: a row group is damaged or too large, or there is no such column.
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
                if (size := self._groups[at][1]) > MOST_GROUP:
                    raise UnsupportedDataset(self._name, f"a row group has {size:,} bytes, {MOST_GROUP:,} are read")
                begin, end = max(offset - starts[at], 0), offset + length - starts[at]
                found += self._of_group((file, at - first), at, begin, end, columns)
        except MemoryError:
            raise
        except (pyarrow.ArrowException, ValueError, OSError, OverflowError) as error:
            raise UnsupportedDataset(self._name, _reason(error)) from error
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
                yield from _values(wanted)
            at += batch.num_rows
            if at >= end:
                return


def _places(groups: Sequence[Any]) -> Sequence[tuple[int, int, int, int]]:
    """Return where row groups of pyarrow lie; none if the file does not tell it as it should."""
    found, first = [], 0
    for group in groups:
        columns = [group.column(at) for at in range(group.num_columns)]
        starts = [_start_of(column) for column in columns]
        if not columns or group.num_rows < 0 or min(starts) < 0:
            return ()
        ends = [start + column.total_compressed_size for start, column in zip(starts, columns, strict=True)]
        found.append((first, group.num_rows, min(starts), max(max(ends) - min(starts), 0)))
        first += group.num_rows
    return found


def _start_of(column: Any) -> int:  # noqa: ANN401 - a column of pyarrow
    pages = column.dictionary_page_offset if column.has_dictionary_page else None
    start: int = pages if pages is not None and 0 < pages < column.data_page_offset else column.data_page_offset
    return start


class ArrowTable:
    """A table in memory."""

    def __init__(self, table: Any, is_partial: bool) -> None:  # noqa: ANN401 - a table of pyarrow
        if table.num_columns > _MOST_COLUMNS:
            raise Malformed("table", f"it has more than {_MOST_COLUMNS:,} columns")
        self.table, self.is_partial = table, is_partial
        self.rows: int = table.num_rows
        self.features: Mapping[str, Any] = features_of(table.schema)

    def read(self, offset: int, length: int, column: str | None = None) -> list[Mapping[str, Any]]:
        """Return the rows from an offset on, at most ``length``; of one column only, if it is named.

        Raises:
            UnsupportedDataset: there is no such column.
        """
        if column is not None and column not in self.features:
            raise UnsupportedDataset("table", f"it has no column {column!r}")
        table = self.table if column is None else self.table.select([column])
        return _values(table.slice(min(offset, self.rows), length))


def _values(rows: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - a table or batch of pyarrow
    """Return rows as values of Python.

    Times of named zones become those of UTC, since nothing can load the rules of a zone here, and nanoseconds become
    microseconds, which are the smallest that Python knows.
    """
    import pyarrow as pa

    schema = pa.schema([field.with_type(_readable(field.type)) for field in rows.schema])
    if schema != rows.schema:
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        rows = table.cast(schema, safe=False)
    found: list[Mapping[str, Any]] = rows.to_pylist()
    return found


def _readable(kind: Any) -> Any:  # noqa: ANN401 - types of pyarrow
    """Return the type to which a column is converted first."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_timestamp(kind):
        zone = "UTC" if kind.tz and kind.tz[0] not in "+-" else kind.tz
        return pa.timestamp(_unit(kind), zone)
    if types.is_duration(kind):
        return pa.duration(_unit(kind))
    if types.is_time64(kind):
        return pa.time64("us")
    if types.is_struct(kind):
        parts = [kind.field(at) for at in range(kind.num_fields)]
        return pa.struct([part.with_type(_readable(part.type)) for part in parts])
    if types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_readable(kind.value_type)), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_readable(kind.value_type)))
    return pa.list_(kind.value_field.with_type(_readable(kind.value_type))) if types.is_list(kind) else kind


def _unit(kind: Any) -> str:  # noqa: ANN401 - a type of pyarrow
    return "us" if kind.unit == "ns" else str(kind.unit)


def _beginning(source: RangeReader) -> tuple[bytes, bool]:
    """Return the whole lines within the first 32 MiB, and whether there are more."""
    data = source.read_at(0, min(source.size, MOST_TEXT))
    if len(data) >= source.size:
        return data, False
    end = data.rfind(b"\n") + 1
    if not end:
        raise Malformed("file", f"its first line has more than {MOST_TEXT:,} bytes")
    return data[:end], True


def _read_csv(source: RangeReader, separator: str) -> tuple[Any, bool]:
    import pyarrow as pa
    from pyarrow import csv

    data, is_cut = _beginning(source)
    if not data.strip():
        return pa.table({}), False
    options = csv.ReadOptions(use_threads=False, block_size=MOST_TEXT)
    parsing = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    conversion = csv.ConvertOptions(
        strings_can_be_null=True, null_values=["", "NA", "N/A", "NaN", "nan", "null", "NULL"]
    )
    return csv.read_csv(pa.BufferReader(data), options, parsing, conversion), is_cut


def _read_json(_name: str, source: RangeReader) -> tuple[Any, bool]:
    import pyarrow as pa

    data, is_cut = _beginning(source)
    if data.lstrip()[:1] == b"[":
        if is_cut:
            raise Malformed("JSON file", f"a list of more than {MOST_TEXT:,} bytes is not read; JSON lines are")
        rows = msgspec.json.decode(data)
    else:
        decoder = msgspec.json.Decoder()
        rows = [decoder.decode(line) for line in data.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise Malformed("JSON file", "a row is not an object")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > _MOST_COLUMNS:
        raise Malformed("JSON file", f"it has more than {_MOST_COLUMNS:,} columns")
    return pa.table({name: _column([row.get(name) for row in rows]) for name in columns}), is_cut


def _column(values: list[Any]) -> Any:  # noqa: ANN401 - an array of pyarrow
    """Return a column of JSON values; as JSON text if they have no common type."""
    import pyarrow as pa

    if any(_depth(value) > _MOST_DEPTH for value in values):
        raise Malformed("JSON file", f"values are nested more than {_MOST_DEPTH} levels deep")
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else msgspec.json.encode(value).decode() for value in values])


def _depth(value: object, level: int = 0) -> int:
    parts: Sequence[object] = ()
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, list):
        parts = value
    if not parts or level > _MOST_DEPTH:
        return level
    return max(_depth(part, level + 1) for part in parts)


def _read_text(_name: str, source: RangeReader) -> tuple[Any, bool]:
    import pyarrow as pa

    data, is_cut = _beginning(source)
    lines = data.decode("utf-8").split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    return pa.table({"text": pa.array([line.removesuffix("\r") for line in lines], pa.string())}), is_cut


def _read_arrow(_name: str, source: RangeReader) -> tuple[Any, bool]:
    import pyarrow as pa
    from pyarrow import ipc

    file = TableSource(source)
    handle = pa.PythonFile(file, mode="r")
    opened = ipc.open_file(handle) if source.read_at(0, 6) == b"ARROW1" else ipc.open_stream(handle)
    batches, is_cut = [], False
    if isinstance(opened, ipc.RecordBatchFileReader):
        found: Iterator[Any] = (opened.get_batch(at) for at in range(opened.num_record_batches))
    else:
        found = iter(opened)
    for batch in found:
        batch.validate(full=True)
        batches.append(batch)
        if file.bytes_read > MOST_TEXT:
            is_cut = file.bytes_read < source.size - 1024
            break
    return pa.Table.from_batches(batches, schema=opened.schema), is_cut


def _read_folder(_name: str, source: RangeReader) -> tuple[Any, bool]:
    return open_folder(source), False


_READERS = {
    "json": _read_json,
    "text": _read_text,
    "arrow": _read_arrow,
    **dict.fromkeys(FOLDERS, _read_folder),
}


class DecompressedFile:
    """What a compressed file contains, for readers that go forward through it.

    It is decompressed twice, to know its size and to read it, and once more for each read of what lies far behind.

    Args:
        compression: of :data:`~entrepot.previews.table_formats.COMPRESSIONS`; ``zstd`` and ``lz4`` need pyarrow.
        most: bytes that it may contain.

    Raises:
        Malformed: it is damaged, or contains more.
    """

    _PIECE, _KEPT = 1 << 20, 1 << 20

    def __init__(self, source: RangeReader, compression: str, most: int) -> None:
        self._source, self._compression = source, compression
        self._begin()
        while self._pass_on(self._PIECE):
            if self._at > most:
                raise Malformed("compressed file", f"it contains more than {most:,} bytes, which may be unpacked")
        self.size = self._at
        self._begin()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        end = min(offset + length, self.size)
        if offset < self._at - len(self._kept):
            self._begin()
        while self._at < offset:
            self._pass_on(min(self._PIECE, offset - self._at))
        pieces = [self._kept[len(self._kept) - (self._at - offset) :][: max(0, end - offset)]]
        while self._at < end:
            pieces.append(self._pass_on(min(self._PIECE, end - self._at)))
        return b"".join(pieces)

    def _begin(self) -> None:
        self._stream = _open_compressed(self._source, self._compression)
        self._at, self._kept = 0, b""

    def _pass_on(self, length: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        import lzma
        import zlib

        try:
            data: bytes = self._stream.read(length)
        except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Malformed(
                "compressed file", f"it is not an intact {self._compression} file: {reason[:200]}"
            ) from error
        self._at += len(data)
        self._kept = (self._kept + data)[-self._KEPT :]
        return data


def _open_compressed(source: RangeReader, compression: str) -> Any:  # noqa: ANN401 - files of several libraries
    import bz2  # here, because processes that read other tables begin sooner without them
    import gzip
    import lzma

    file: Any = SeekableFile(source, "compressed file")
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if compression == "bz2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(TableSource(source), mode="r"), compression)
