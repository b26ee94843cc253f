"""Rows of tables at any offset: Parquet, CSV, JSON, Arrow and text files. Needs pyarrow, of the extra ``preview``.

Of a Parquet file, the footer is read, and row groups up to the wanted rows.
Other formats have no index: at most 32 MiB from the start are read, of JSON at most a million values.

A small file can decompress to gigabytes. So tables are opened only in processes that may be killed
(``hub/tables/sandbox.py``, ``hub/datasets/sandbox.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews.sources import RangeReader
from entrepot.previews.table_formats import FOLDERS, FORMATS, MAX_TEXT, check_installed, separator_of
from entrepot.previews.tables.arrow_tables import MAX_COLUMNS, ArrowTable
from entrepot.previews.tables.csv_columns import column_names
from entrepot.previews.tables.media_folders import open_folder
from entrepot.previews.tables.parquet_tables import ParquetTable
from entrepot.previews.tables.table_sources import TableSource, reason_of

MAX_VALUES = 1_000_000
"""Values of a JSON file that are read."""

_MAX_DEPTH, _PIECE, _HEADER = 32, 64 << 10, 1 << 20
_QUOTED = re.compile(rb'"[^"]*"')


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
            UnsupportedDataset: the column does not exist.
        """
        ...


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
        raise UnsupportedDataset(name, f"files of the format {form}, and compressed files, are not read as tables")
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
        raise UnsupportedDataset(name, reason_of(error)) from error


def _beginning(source: RangeReader) -> tuple[bytes, bool]:
    """Return the whole lines within the first 32 MiB, and whether there are more."""
    data = source.read_at(0, min(source.size, MAX_TEXT))
    if len(data) >= source.size:
        return data, False
    end = data.rfind(b"\n") + 1
    if not end:
        raise Malformed("file", f"its first line has more than {MAX_TEXT:,} bytes")
    return data[:end], True


def _read_csv(source: RangeReader, separator: str) -> tuple[Any, bool]:
    import pyarrow as pa
    from pyarrow import csv

    data, is_cut = _beginning(source)
    if not data.strip():
        return pa.table({}), False
    header = re.split(rb"[\r\n]", _QUOTED.sub(b"", data[:_HEADER]), maxsplit=1)[0]
    if header.count(separator.encode()) >= MAX_COLUMNS:  # the library takes seconds for so many
        raise Malformed("CSV file", f"it has more than {MAX_COLUMNS:,} columns")
    options = csv.ReadOptions(use_threads=False, block_size=MAX_TEXT)
    parsing = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    conversion = csv.ConvertOptions(
        strings_can_be_null=True, null_values=["", "NA", "N/A", "NaN", "nan", "null", "NULL"]
    )
    table = csv.read_csv(pa.BufferReader(data), options, parsing, conversion)
    return table.rename_columns(column_names(table.column_names)), is_cut


def _read_json(_name: str, source: RangeReader) -> tuple[Any, bool]:
    import pyarrow as pa

    data, is_cut = _beginning(source)
    if data.lstrip()[:1] == b"[":
        if is_cut or _values(data) > MAX_VALUES:
            most = f"{MAX_TEXT:,} bytes or {MAX_VALUES:,} values"
            raise Malformed("JSON file", f"a list of more than {most} is not read; JSON lines are")
        found = iter(msgspec.json.decode(data))
    else:
        data, is_cut = _first_values(data, is_cut)
        decoder = msgspec.json.Decoder()
        found = (decoder.decode(line) for line in data.splitlines() if line.strip())
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for row in found:
        if not isinstance(row, dict):
            raise Malformed("JSON file", "a row is not an object")
        columns.update(dict.fromkeys(row))
        if len(columns) > MAX_COLUMNS:
            raise Malformed("JSON file", f"it has more than {MAX_COLUMNS:,} columns")
        rows.append(row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in columns}), is_cut


def _values(data: bytes) -> int:
    """Return about how many values some JSON has: a comma or bracket in a text counts too."""
    return data.count(b",") + data.count(b"{") + data.count(b"[")


def _first_values(data: bytes, is_cut: bool) -> tuple[bytes, bool]:
    """Return the whole lines with the first million values, and whether there are more."""
    at, left = 0, MAX_VALUES
    while at < len(data):
        piece = data[at : data.find(b"\n", min(at + _PIECE, len(data) - 1)) + 1 or len(data)]
        left -= _values(piece) + piece.count(b"\n")
        if left < 0:
            if not at:
                raise Malformed("JSON file", f"its first lines have more than {MAX_VALUES:,} values")
            return data[:at], True
        at += len(piece)
    return data, is_cut


def _column(values: list[Any]) -> Any:  # noqa: ANN401 - an array of pyarrow
    """Return a column of JSON values; as JSON text if they have no common type."""
    import pyarrow as pa

    if any(_depth(value) > _MAX_DEPTH for value in values):
        raise Malformed("JSON file", f"values are nested more than {_MAX_DEPTH} levels deep")
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
    if not parts or level > _MAX_DEPTH:
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
        if file.bytes_read > MAX_TEXT:
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
