"""Folders of images, audio or video as tables: a row is a file, with its folder as label, or a row of metadata.

The rules are those of ``imagefolder``, ``audiofolder`` and ``videofolder`` of ``datasets``, which is the oracle of the
tests. No medium is decoded. Needs pyarrow.

Source: docs/dataset-viewer.md, section "Folders of images, audio and video".
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import Malformed
from entrepot.previews.features import features_of
from entrepot.previews.folders import HEADER, MediaFolder
from entrepot.previews.sources import BytesRangeReader, RangeReader
from entrepot.previews.table_formats import MAX_TEXT
from entrepot.previews.tables.csv_columns import read_batches
from entrepot.previews.tables.json_columns import line_batches

MAX_ROW = 128 << 20
"""Bytes of the media of a row that are put into a Parquet file."""

_BATCH_ROWS, _BATCH_BYTES = 100, 32 << 20
_MAX_METADATA = 256 << 20


@attrs.frozen
class _Medium:
    """A column of metadata that names files, and the column of media that it becomes."""

    source: str
    is_list: bool


class FolderTables:
    """The rows of a folder of media.

    Args:
        folder: its files.
        sources: their contents, by path; those of media are needed for :meth:`embedded` only.

    Raises:
        Malformed: its metadata cannot be read as ``datasets`` would.
    """

    def __init__(self, folder: MediaFolder, sources: Mapping[str, RangeReader]) -> None:
        import pyarrow as pa

        self._folder, self._sources = folder, sources
        self._media = {folder.column: _Medium("", is_list=False)}
        self.features: dict[str, Any] = {folder.column: {"_type": folder.kind}}
        types: dict[str, Any] = {folder.column: pa.string()}
        if any(split.has_metadata for split in folder.splits.values()):
            self.features, types = self._describe()
        elif folder.labels:
            self.features["label"] = {"names": list(folder.labels), "_type": "ClassLabel"}
            types["label"] = pa.int64()
        info = {"huggingface": json.dumps({"info": {"features": self.features}})}
        self.schema = pa.schema(list(types.items()), metadata=info)
        medium = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        whole = {name: pa.list_(medium) if it.is_list else medium for name, it in self._media.items()}
        self.embedded_schema = pa.schema(list({**types, **whole}.items()), metadata=info)

    def read(self, split: str) -> Iterator[Any]:
        """Yield the rows of a split as tables with the paths of media.

        Raises:
            Malformed: its metadata cannot be read, or names a file outside its folder.
        """
        import pyarrow as pa

        files = self._folder.splits[split]
        if files.has_metadata:
            for path in files.metadata:
                for table in self._metadata(path):
                    yield self._fitting(path, table)
            return
        columns: dict[str, Any] = {name: pa.nulls(len(files.files), kind.type) for name, kind in self._fields()}
        columns[self._folder.column] = pa.array(files.files, pa.string())
        if files.has_labels:
            numbers = {name: at for at, name in enumerate(self._folder.labels)}
            labels = [numbers[posixpath.basename(posixpath.dirname(path))] for path in files.files]
            columns["label"] = pa.array(labels, pa.int64())
        yield pa.table([columns[name] for name in self.schema.names], schema=self.schema)

    def embedded(self, split: str) -> Iterator[tuple[str, Any]]:
        """Yield the rows of a split as small tables with the bytes of media, each with a name for messages.

        Raises:
            Malformed: as :meth:`read`; a file does not exist, or the media of a row are too large.
        """
        import pyarrow as pa

        for table in self.read(split):
            media = [self._paths(table[name].to_pylist(), is_list=it.is_list) for name, it in self._media.items()]
            rows = [[path for column in media for path in column[at]] for at in range(len(table))]
            at = 0
            while at < len(table):
                end, size = at, 0
                while end < len(table) and end - at < _BATCH_ROWS and size < _BATCH_BYTES:
                    size += self._size(rows[end])
                    end += 1
                piece = table.slice(at, end - at)
                columns = [
                    self._embed(piece[field.name], field.type) if field.name in self._media else piece[field.name]
                    for field in self.embedded_schema
                ]
                yield f"rows of {split}", pa.table(columns, schema=self.embedded_schema)
                at = end

    def _fields(self) -> list[tuple[str, Any]]:
        return [(field.name, field) for field in self.schema]

    def _metadata_schema(self) -> tuple[Mapping[str, Any], Any]:
        """Return the features and the schema of the metadata files, which all have the same features."""
        found, schema, first = None, None, ""
        paths = [path for split in self._folder.splits.values() for path in split.metadata]
        if len({posixpath.splitext(path)[1] for path in paths}) > 1:
            raise Malformed("folder", "its metadata files have different endings")
        for split in self._folder.splits.values():
            for path in split.metadata:
                table = next(self._metadata(path), None)
                if table is None:
                    continue
                features = features_of(table.schema)
                if found is None or schema is None:
                    found, schema, first = features, table.schema, path
                elif dict(found) != dict(features):
                    raise Malformed("folder", f"{path} and {first} have different features")
                break
        if found is None or schema is None:
            raise Malformed("folder", "its metadata files have no rows")
        return found, schema

    def _describe(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return features and types of the columns that the metadata have; note which are media."""
        import pyarrow as pa

        found, schema = self._metadata_schema()
        renamed, types, media = dict[str, Any](), dict[str, Any](), dict[str, _Medium]()
        for field in schema:
            name, medium = self._renamed(field.name, found[field.name])
            if name in renamed:
                raise Malformed("folder", f"the metadata have two columns that become {name!r}")
            if medium is None:
                renamed[name], types[name] = found[field.name], field.type
                continue
            media[name] = medium
            kind = {"_type": self._folder.kind}
            renamed[name] = {"feature": kind, "_type": "List"} if medium.is_list else kind
            types[name] = pa.list_(pa.string()) if medium.is_list else pa.string()
        if not media:
            raise Malformed("folder", "its metadata have no column 'file_name', and none that ends with '_file_name'")
        self._media = media
        return renamed, types

    def _renamed(self, name: str, feature: Any) -> tuple[str, _Medium | None]:  # noqa: ANN401 - JSON
        """Return the name of a column, and the medium that it is."""
        if _is_text(feature) and (name == "file_name" or name.endswith("_file_name")):
            return name[: -len("_file_name")] or self._folder.column, _Medium(name, is_list=False)
        if name == "file_names" or name.endswith("_file_names"):
            inner = feature.get("feature") if isinstance(feature, dict) and feature.get("_type") == "List" else None
            if _is_text(inner):
                return name[: -len("_file_names")] or f"{self._folder.column}s", _Medium(name, is_list=True)
        if _names_files(feature):
            raise Malformed("folder", f"names of files within the column {name!r} are not read")
        return name, None

    def _metadata(self, path: str) -> Iterator[Any]:
        """Yield the rows of a file of metadata as tables; no empty ones."""
        import pyarrow as pa

        source = self._sources.get(path)
        if source is None or source.size > _MAX_METADATA:
            raise Malformed("folder", f"{path} has more than {_MAX_METADATA:,} bytes, or was deleted")
        try:
            for table in _READERS[posixpath.splitext(path)[1]](source):
                if len(table):
                    yield table
        except Malformed as error:
            raise Malformed("folder", f"{path}: {error.reason}") from error
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise Malformed(
                "folder", f"{path}: {(str(error) or type(error).__name__).splitlines()[0][:300]}"
            ) from error

    def _fitting(self, path: str, table: Any) -> Any:  # noqa: ANN401 - a table of pyarrow
        """Return metadata with paths in the repository instead of names, and the columns of all metadata."""
        import pyarrow as pa

        folder, columns = posixpath.dirname(path), []
        for field in self.schema:
            medium = self._media.get(field.name)
            source = field.name if medium is None else medium.source
            if source not in table.column_names:
                columns.append(pa.nulls(len(table), field.type))
                continue
            try:
                if medium is None:
                    columns.append(table[source].cast(field.type))
                    continue
                names = self._paths(table[source].to_pylist(), is_list=medium.is_list)
                found = [[_within(folder, name) for name in row] for row in names]
                values: list[Any] = list(found) if medium.is_list else [row[0] if row else None for row in found]
                columns.append(pa.array(values, field.type))
            except (pa.ArrowException, ValueError) as error:
                reason = f"a value of the column {source!r} does not fit its type {field.type}"
                raise Malformed("folder", f"{path}: {reason}") from error
        return pa.table(columns, schema=self.schema)

    @staticmethod
    def _paths(values: Sequence[Any], *, is_list: bool) -> list[list[str]]:
        """Return the paths that are named in each row of a column."""
        if is_list:
            return [[path for path in row if path] if row else [] for row in values]
        return [[path] if path else [] for path in values]

    def _size(self, paths: Sequence[str]) -> int:
        """Return the bytes of the media of a row."""
        missing = next((path for path in paths if path not in self._sources), None)
        if missing is not None:
            raise Malformed("folder", f"its metadata name {missing}, which is not a file of this configuration")
        size = sum(self._sources[path].size for path in paths)
        if size > MAX_ROW:
            raise Malformed("folder", f"{paths[0]}: the files of a row have more than {MAX_ROW:,} bytes")
        return size

    def _embed(self, column: Any, kind: Any) -> Any:  # noqa: ANN401 - a column and a type of pyarrow
        """Return a column of media with their bytes."""
        import pyarrow as pa

        return pa.array([self._whole(value) for value in column.to_pylist()], kind)

    def _whole(self, value: Any) -> Any:  # noqa: ANN401 - a path, a list of paths, or nothing
        if value is None:
            return None
        if isinstance(value, list):
            return [self._whole(path) for path in value]
        source = self._sources[value]
        return {"bytes": source.read_at(0, source.size), "path": posixpath.basename(value)}


def open_folder(source: RangeReader) -> Any:  # noqa: ANN401 - a table of pyarrow
    """Return the rows of a split of a folder, with the paths of its media, from what :func:`pack_folder` begins.

    Raises:
        Malformed: its metadata cannot be read, or are too large.
    """
    import pyarrow as pa

    at = int.from_bytes(source.read_at(0, HEADER), "big") + HEADER
    header = json.loads(source.read_at(HEADER, at - HEADER))
    if sum(size for _, size in header["metadata"]) > MAX_TEXT:
        raise Malformed("folder", f"its metadata files have more than {MAX_TEXT:,} bytes")
    sources = {}
    for path, size in header["metadata"]:
        sources[path] = BytesRangeReader(source.read_at(at, size))
        at += size
    tables = FolderTables(MediaFolder.of(header["folder"]), sources)
    return pa.concat_tables([tables.schema.empty_table(), *tables.read(header["split"])])


def _within(folder: str, name: str) -> str:
    """Return the path of a file that metadata in a folder name.

    Raises:
        Malformed: it is not in this folder.
    """
    inside = posixpath.normpath(name).replace("\\", "/")
    if "://" in name or inside.startswith(("/", "../")) or inside == "..":
        raise Malformed("folder", f"the file name {name[:200]!r} leads out of the folder of the metadata")
    return posixpath.join(folder, inside)


def _is_text(feature: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(feature, dict) and feature.get("_type") == "Value" and "string" in str(feature.get("dtype"))


def _names_files(feature: Any, depth: int = 0) -> bool:  # noqa: ANN401 - JSON
    """Return whether a feature has members whose names are those of columns of files."""
    if not isinstance(feature, dict) or depth > 32:
        return False
    if "_type" in feature:
        return _names_files(feature.get("feature"), depth + 1)
    ends = ("file_name", "file_names")
    return any(name in ends or name.endswith(("_file_name", "_file_names")) for name in feature) or any(
        _names_files(item, depth + 1) for item in feature.values()
    )


def _read_csv(source: RangeReader) -> Iterator[Any]:
    return read_batches(source, ",")


def _read_json(source: RangeReader) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import json as arrow_json

    for batch in line_batches(source):
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(batch) + 1)
        table = arrow_json.read_json(pa.BufferReader(batch), read_options=options)
        table.validate(full=True)
        yield table


def _read_parquet(source: RangeReader) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(source.read_at(0, source.size)))
    for group in range(file.num_row_groups):
        yield file.read_row_group(group, use_threads=False)


_READERS = {".csv": _read_csv, ".jsonl": _read_json, ".parquet": _read_parquet}
