"""Tables as Parquet files, with the columns and features that ``datasets`` would give them. Needs pyarrow.

Source: docs/dataset-viewer.md, section "Conversion to Parquet".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs

from entrepot.errors import Malformed
from entrepot.previews.features import features_of
from entrepot.previews.folders import MediaFolder
from entrepot.previews.sources import RangeReader
from entrepot.previews.table_formats import COMPRESSIONS, UNPACKED_RATIO, compression_of, separator_of
from entrepot.previews.tables import csv_columns
from entrepot.previews.tables.compressed_files import DecompressedFile
from entrepot.previews.tables.json_columns import JsonBatches, mark_mixed, read_field
from entrepot.previews.tables.media_folders import FolderTables
from entrepot.previews.tables.table_sources import TableSource
from entrepot.previews.tables.text_lines import read_lines

GROUP_ROWS = 1_000
"""Rows of a row group."""

SHARD_BYTES = 500 << 20
"""Bytes of decompressed data after which the next file begins."""

_TEXT_ROWS = 10_000
_MAX_UNPACKED = 64 << 20


class ParquetTarget(Protocol):
    """A sink of Parquet files, written one after the other."""

    def write(self, data: bytes) -> int:
        """Append bytes to the current file."""
        ...

    def end(self) -> None:
        """End the current file."""
        ...


@attrs.frozen
class ConvertedSplit:
    """A converted split: its rows, the bytes of its decompressed data, and its number of files."""

    rows: int
    memory: int
    files: int


class Converter:
    """Converts the splits of one configuration. The first split decides about the columns of all.

    Args:
        form: one of :data:`~entrepot.previews.table_formats.CONVERTIBLE`.
        declared: the features that the card states, or None.
        separator: of the fields of CSV files; empty: the default for the ending of each name.
        field: the member of JSON objects that has the rows; empty: the rows are the objects.
        most_unpacked: bytes that all compressed files together may contain.
    """

    def __init__(
        self,
        form: str,
        declared: Mapping[str, Any] | None = None,
        *,
        separator: str = "",
        field: str = "",
        most_unpacked: int = 1 << 30,
    ) -> None:
        self.features: Mapping[str, Any] = declared or {}
        self._form, self._separator, self._field = form, separator, field
        self._left_unpacked = most_unpacked
        self._json = JsonBatches()
        self._labels = {name: kind["names"] for name, kind in self.features.items() if _is_label(kind)}
        self._schema: Any = schema_of(declared) if declared else None
        self._writing: Mapping[str, Any] = {"write_page_index": True}

    def convert(self, split: str, files: Sequence[tuple[str, RangeReader]], target: ParquetTarget) -> ConvertedSplit:
        """Write the rows of a split as Parquet files.

        Args:
            split: its name.
            files: its files, with their paths.

        Raises:
            Malformed: a file cannot be read as ``datasets`` would.
        """
        return self._write(self._read(split, files), target)

    def _read(self, _split: str, files: Sequence[tuple[str, RangeReader]]) -> Iterator[tuple[str, Any]]:
        """Return the tables of a split; each has a name for messages."""
        return ((name, table) for name, source in files for table in self._tables(name, source))

    def _write(self, tables: Iterable[tuple[str, Any]], target: ParquetTarget) -> ConvertedSplit:
        """Write tables as Parquet files."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        writer: Any = None
        rows = memory = in_file = number = 0
        for name, table in tables:
            fitting = self._fit(name, table)
            if writer is None:
                sink = pa.PythonFile(_Written(target.write), mode="w")
                writer = pq.ParquetWriter(sink, self._schema, **self._writing)
            writer.write_table(fitting, row_group_size=GROUP_ROWS)
            rows, memory, in_file = rows + len(fitting), memory + fitting.nbytes, in_file + fitting.nbytes
            if in_file > SHARD_BYTES:
                writer.close()
                target.end()
                writer, in_file, number = None, 0, number + 1
        if writer is None and not number:
            if self._schema is None:
                raise Malformed("split", "it has no rows")
            writer = pq.ParquetWriter(pa.PythonFile(_Written(target.write), mode="w"), self._schema)
        if writer is not None:
            writer.close()
            target.end()
            number += 1
        return ConvertedSplit(rows, memory, number)

    def _tables(self, name: str, source: RangeReader) -> Iterator[Any]:
        import pyarrow as pa

        try:
            source = self._unpack(name, source)
            if self._form == "csv":
                separator = self._separator or separator_of(name)
                yield from csv_columns.read_batches(source, separator)
            elif self._field:
                yield read_field(source, self._field)
            elif self._form == "json":
                yield from self._json.read(source)
            elif self._form == "text":
                yield from _read_text(source)
            else:
                yield from _read_arrow(source)
        except Malformed as error:
            raise Malformed("file", f"{name}: {error.reason}") from error
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise Malformed("file", f"{name}: {(str(error) or type(error).__name__).splitlines()[0][:300]}") from error

    def _unpack(self, name: str, source: RangeReader) -> RangeReader:
        """Return a file, or what it contains if it is compressed.

        Raises:
            Malformed: it is an archive, damaged, contains too much, or is compressed and ``datasets`` does not notice.
        """
        compression = compression_of(name, source)
        if not compression:
            return source
        if compression not in COMPRESSIONS.values():
            raise Malformed("file", f"it is an archive ({compression}); the hub does not read archives")
        if self._form == "arrow":
            raise Malformed("file", "it is compressed, and datasets does not decompress Arrow files")
        most = min(self._left_unpacked, max(source.size * UNPACKED_RATIO, _MAX_UNPACKED))
        unpacked = DecompressedFile(source, compression, most)
        self._left_unpacked -= unpacked.size
        return unpacked

    def _fit(self, name: str, table: Any) -> Any:  # noqa: ANN401 - a table of pyarrow
        """Return a table with the columns of the first one.

        Raises:
            Malformed: it has other columns, or values of other types.
        """
        import pyarrow as pa

        if self._schema is None:
            self._begin(table)
        extra = sorted(set(table.column_names) - set(self._schema.names))
        if extra:
            raise Malformed("file", f"{name}: the column {extra[0]!r} is not in the files before it")
        columns, is_cast = [], _is_cast(table, self._schema)
        for field in self._schema:
            if field.name not in table.column_names:
                columns.append(pa.nulls(len(table), field.type))
                continue
            try:
                labels = self._labels.get(field.name)
                values = (
                    table[field.name] if labels is None else _numbers_of(table[field.name], labels, is_cast=is_cast)
                )
                columns.append(values.cast(field.type))
            except (pa.ArrowException, ValueError) as error:
                reason = f"a value of the column {field.name!r} does not fit its type {field.type}"
                raise Malformed("file", f"{name}: {reason}, which was inferred from the first rows") from error
        return pa.table(columns, schema=self._schema)

    def _begin(self, table: Any) -> None:  # noqa: ANN401 - a table of pyarrow
        import pyarrow as pa

        names = list(table.column_names)
        if len(set(names)) < len(names) or not names:
            raise Malformed("table", "it has no columns, or several of one name")
        self.features = mark_mixed(features_of(table.schema), self._json.mixed)
        info = json.dumps({"info": {"features": self.features}})
        fields = [pa.field(field.name, _with_json(field.type, self.features[field.name])) for field in table.schema]
        self._schema = pa.schema(fields, metadata={"huggingface": info})


class FolderConverter(Converter):
    """Converts the splits of a folder of media; the bytes of the media are in the Parquet files as they are.

    They are not compressed, so that they share chunks with the media files in the repository.

    Args:
        folder: its files.
        sources: their contents, by path.

    Raises:
        Malformed: its metadata cannot be read as ``datasets`` would.
    """

    def __init__(self, folder: MediaFolder, sources: Mapping[str, RangeReader]) -> None:
        tables = FolderTables(folder, sources)
        super().__init__("")
        self.features = tables.features
        self._folder, self._schema = tables, tables.embedded_schema
        self._writing = {"compression": "none", "use_dictionary": False}

    def _read(self, split: str, _files: Sequence[tuple[str, RangeReader]]) -> Iterator[tuple[str, Any]]:
        """Return the tables of a split, whose files the folder knows.

        Raises:
            Malformed: its metadata cannot be read, or name files that do not exist.
        """
        return iter(self._folder.embedded(split))


def schema_of(features: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a schema of pyarrow
    """Return the schema of columns with these features.

    Raises:
        Malformed: there is one that this module does not convert to.
    """
    import pyarrow as pa

    fields = [pa.field(name, _type_of(name, feature)) for name, feature in features.items()]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": dict(features)}})})


def _is_label(feature: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)


def _is_cast(table: Any, schema: Any) -> bool:  # noqa: ANN401 - of pyarrow
    """Return whether ``datasets`` casts a table: one column of another type or order is enough."""
    missing = [name for name in schema.names if name not in table.column_names]
    return [*table.column_names, *missing] != schema.names or any(
        table.schema.field(name).type != schema.field(name).type for name in table.column_names
    )


def _numbers_of(column: Any, names: Sequence[Any], *, is_cast: bool) -> Any:  # noqa: ANN401 - of pyarrow, and JSON
    """Return a column in which texts are the numbers of the labels that they name, or that they are.

    Args:
        names: of the labels, not all of them texts: False is named by the text ``False``.
        is_cast: whether numbers are checked. ``datasets`` does not if the whole table needs no cast.

    Raises:
        ValueError: a value is not a label.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = {str(name): number for number, name in enumerate(names)}
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        greatest = pc.max(column).as_py() if is_cast and pa.types.is_integer(column.type) else None
        if greatest is not None and greatest >= len(names):
            raise ValueError(f"{greatest} is not a label")
        return column

    def number_of(text: str) -> int:
        number = numbers.get(text, numbers.get(text.strip()))
        if number is not None:
            return number
        if not -1 <= int(text) < len(names):
            raise ValueError(f"{text} is not a label")
        return int(text)

    return pa.array([None if text is None else number_of(text) for text in column.to_pylist()], pa.int64())


def _type_of(name: str, feature: Any) -> Any:  # noqa: ANN401 - JSON, and a type of pyarrow
    import pyarrow as pa

    kind = feature.get("_type") if isinstance(feature, dict) else None
    if kind == "ClassLabel":
        return pa.int64()
    if kind == "Value":
        try:
            return pa.type_for_alias(str(feature.get("dtype")))
        except ValueError:
            kind = str(feature.get("dtype"))
    raise Malformed("card", f"the feature {kind or 'of'} of the column {name!r} is not converted to")


def _with_json(kind: Any, feature: Any) -> Any:  # noqa: ANN401 - types of pyarrow, and JSON
    """Return a type in which texts with the feature ``Json`` have the type for JSON."""
    import pyarrow as pa
    import pyarrow.types as types

    if isinstance(feature, dict) and feature.get("_type") == "Json":
        return pa.json_()
    if types.is_struct(kind) and isinstance(feature, dict):
        members = [kind.field(at) for at in range(kind.num_fields)]
        return pa.struct([pa.field(it.name, _with_json(it.type, feature.get(it.name))) for it in members])
    if types.is_list(kind) and isinstance(feature, dict):
        return pa.list_(_with_json(kind.value_type, feature.get("feature")))
    return kind


class _Written:
    """A file for pyarrow that passes on what is written to it."""

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self._write, self._at = write, 0
        self.closed = False

    def write(self, data: Any) -> int:  # noqa: ANN401 - a buffer
        """Pass on bytes."""
        self._at += len(data)
        return self._write(bytes(data))

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._at

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: the target decides when a file ends."""
        self.closed = True

    def writable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return False."""
        return False


def _read_text(source: RangeReader) -> Iterator[Any]:
    import pyarrow as pa

    lines: list[str] = []
    for line in read_lines(source):
        lines.append(line.rstrip("\r\n"))
        if len(lines) == _TEXT_ROWS:
            yield pa.table({"text": pa.array(lines, pa.string())})
            lines = []
    if lines:
        yield pa.table({"text": pa.array(lines, pa.string())})


def _read_arrow(source: RangeReader) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import ipc

    handle = pa.PythonFile(TableSource(source), mode="r")
    if source.read_at(0, 6) == b"ARROW1":
        opened = ipc.open_file(handle)
        batches: Iterator[Any] = (opened.get_batch(at) for at in range(opened.num_record_batches))
    else:
        batches = iter(ipc.open_stream(handle))
    for batch in batches:
        batch.validate(full=True)
        yield pa.Table.from_batches([batch])
