"""The process that reads uploaded tables: it can open nothing, and reads the ranges that the hub sends.

It serves one request after the other, and keeps the last tables open, so that a further page of one is quick.
It ends when the hub ends, after some minutes without a request, and after a table that took much memory.
``hub/tables/processes.py`` is the other side.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from entrepot.errors import EntrepotError, InvalidParameter, Malformed, UnsupportedDataset
from entrepot.hub.tables.child_pipes import NUMBER, ChildPipe, RemoteFile, confine, limit_work
from entrepot.hub.tables.lean_imports import leave_out_numpy

IDLE_S = 300.0
"""How long a process waits for a request."""

_KEPT_BYTES = 64 << 20
_MAX_RESIDENT = 384 << 20
_MAX_FEATURES = 4 << 20


class _OpenTables:
    """Tables that were read last, with the files behind them."""

    def __init__(self, pipe: ChildPipe) -> None:
        self._pipe = pipe
        self._kept: OrderedDict[tuple[str, str, str, str, int], tuple[RemoteFile, Any, int]] = OrderedDict()

    def get(self, tables: Sequence[Mapping[str, Any]], number: int) -> Any:  # noqa: ANN401 - a table of pyarrow
        """Return a table of those of the request; ``number``: of its file."""
        from entrepot.previews.tables.table_files import open_table

        asked = tables[number]
        form, name, size, separator = asked["form"], asked["name"], asked["size"], asked.get("separator", "")
        place = (asked["key"], form, separator, name, size)
        kept = self._kept.pop(place, None)
        if kept is None:
            file = RemoteFile(self._pipe, number, size)
            known = self._known_index(asked, number + len(tables))
            table = open_table(form, name, file, index=known, separator=separator)
            made = getattr(table, "index", b"")
            if made and made != known:
                self._pipe.send(b"I", NUMBER.pack(number) + made)
            kept = file, table, _weight_of(table)
        kept[0].number = number
        self._kept[place] = kept
        while len(self._kept) > 2 and sum(weight for _, _, weight in self._kept.values()) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return kept[1]

    def _known_index(self, asked: Mapping[str, Any], number: int) -> bytes:
        """Return the index that the hub has cached for a table; ``number``: its number among the files."""
        size = int(asked.get("index", 0))
        return RemoteFile(self._pipe, number, size).read_at(0, size) if size else b""

    def forget(self) -> None:
        """Drop all tables."""
        self._kept.clear()


def main() -> None:
    """Serve requests until the hub closes the pipe."""
    pipe = ChildPipe.take_standard()
    leave_out_numpy()
    _warm()
    memory = _Memory()
    confine()
    tables = _OpenTables(pipe)
    try:
        while pipe.is_asked(IDLE_S):
            request = pipe.request()
            limits = int(request["cpu_s"]), memory.mapped + int(request["memory"])
            pipe.send(*_served(pipe, tables, request, limits))
            if memory.resident() > _MAX_RESIDENT:
                return
    except (EOFError, BrokenPipeError):
        return


def _served(
    pipe: ChildPipe, tables: _OpenTables, request: Mapping[str, Any], limits: tuple[int, int]
) -> tuple[bytes, bytes]:
    """Return the type (one letter) and the bytes of the result of a request.

    Args:
        limits: seconds of processor time, and bytes of memory.
    """
    import pyarrow

    pipe.mark(b"S")  # it has arrived: if the process ends from now on, the request is the reason
    limit_work(*limits)
    try:
        opened = [tables.get(request["tables"], number) for number in range(len(request["tables"]))]
        if request["operation"] == "medium":
            return b"B", _read_medium(request, *opened)
        found = _OPERATIONS[request["operation"]](request, *opened)
        return b"A", json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    except InvalidParameter as error:
        return b"P", json.dumps([error.name, error.reason]).encode()
    except UnsupportedDataset as error:
        return b"E", error.reason.encode("utf-8", "replace")
    except MemoryError:
        tables.forget()
        return b"E", b"reading it takes too much memory; smaller row groups and shorter values can be read"
    except (EntrepotError, pyarrow.ArrowException, ValueError, OSError, TypeError, RecursionError, KeyError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        return b"E", line.encode("utf-8", "replace")


def _describe(_request: Mapping[str, Any], table: Any) -> dict[str, Any]:  # noqa: ANN401 - as in _OpenTables.get
    from entrepot.previews.row_pages import weigh

    if weigh(dict(table.features)) > _MAX_FEATURES:
        raise Malformed("table", "its columns take too many bytes to describe")
    sizes = getattr(table, "sizes", None)
    memory = sizes.memory if sizes else 0
    return {"rows": table.rows, "partial": table.is_partial, "features": dict(table.features), "memory": memory}


def _describe_groups(request: Mapping[str, Any], table: Any) -> dict[str, Any]:  # noqa: ANN401
    groups = getattr(table, "groups", ())
    if len(groups) > request["groups"]:
        groups = ()
    return {**_describe(request, table), "groups": list(groups)}


def _read_rows(request: Mapping[str, Any], table: Any) -> dict[str, Any]:  # noqa: ANN401
    from entrepot.previews.row_pages import PageLimits, pack_rows

    features = request["features"] or dict(table.features)
    limits = PageLimits(request["page_memory"], request["cell"])
    packed = pack_rows(features, table.read(request["offset"], request["length"]), limits)
    return {**_describe(request, table), "page": [[row.cells, row.cut] for row in packed]}


def _read_medium(request: Mapping[str, Any], table: Any) -> bytes:  # noqa: ANN401
    from entrepot.previews.media import MAX_MEDIUM, bytes_at

    rows = table.read(request["offset"], 1, request["column"])
    found = bytes_at(rows[0].get(request["column"]), request["parts"]) if rows else None
    if not found:
        return b""
    if len(found) > MAX_MEDIUM:
        raise Malformed("cell", f"it has {len(found):,} bytes, of which at most {MAX_MEDIUM:,} are shown")
    return found


def _compare(request: Mapping[str, Any], old: Any, new: Any) -> dict[str, Any]:  # noqa: ANN401
    from entrepot.previews.row_diffs import compare_rows

    sides = []
    for table, parts in zip((old, new), request["parts"], strict=True):
        sides.append([row for first, rows in parts for row in table.read(first, rows)])
    found = compare_rows(sides[0], sides[1], request["key"], old.features, new.features)
    examples = [[item.kind, item.old, item.new, list(item.columns)] for item in found.examples]
    counts = {"added": found.added, "removed": found.removed, "changed": found.changed}
    return {"key": list(found.key), **counts, "columns": dict(found.columns), "examples": examples}


_OPERATIONS: Mapping[str, Callable[..., Mapping[str, Any]]] = {
    "describe": _describe,
    "groups": _describe_groups,
    "rows": _read_rows,
    "compare": _compare,
}


def _weight_of(table: Any) -> int:  # noqa: ANN401 - as in _OpenTables.get
    """Return about how many bytes of memory an open table takes."""
    columns = getattr(table, "table", None)
    return int(columns.nbytes) if columns is not None else int(table.weight)


class _Memory:
    """The memory of this process, read through a file that was opened in time; 0 where the platform does not tell.

    ``mapped``: bytes of addresses that libraries take, before a request comes; more on machines with many cores.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        with contextlib.suppress(OSError):
            self._file = os.open("/proc/self/statm", os.O_RDONLY)
        self.mapped = self._pages(0)

    def resident(self) -> int:
        """Return the resident memory of this process, in bytes."""
        return self._pages(1)

    def _pages(self, field: int) -> int:
        if self._file is None:
            return 0
        os.lseek(self._file, 0, os.SEEK_SET)
        return int(os.read(self._file, 200).split()[field]) * os.sysconf("SC_PAGE_SIZE")


def _warm() -> None:
    """Load what reading loads late, while files can still be opened."""
    import datetime
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import ipc

    from entrepot.previews import row_diffs  # noqa: F401
    from entrepot.previews.folders import FolderSplit, MediaFolder, pack_folder
    from entrepot.previews.row_pages import PageLimits, pack_rows
    from entrepot.previews.sources import BytesRangeReader
    from entrepot.previews.tables.table_files import open_table

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    now = pa.array([datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)])
    columns = {"t": now.cast(pa.timestamp("ns", "UTC")), "z": now.cast(pa.timestamp("us", "+01:00"))}
    columns |= {"d": pa.array([1.5]).cast(pa.decimal128(5, 2)), "l": pa.array([[{"a": "x"}]])}
    columns |= {"x": pa.array(["x"]).dictionary_encode(), "n": now.cast(pa.timestamp("ns", "Europe/Berlin"))}
    table = pa.table(columns)
    parquet, arrow = io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet, compression="zstd")
    with ipc.new_file(arrow, table.schema, options=ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    names = io.BytesIO()
    pq.write_table(pa.table({"file_name": ["a.png"]}), names)
    metadata = {"csv": b"file_name\na.png\n", "jsonl": b'{"file_name": "a.png"}\n', "parquet": names.getvalue()}
    for ending, data in metadata.items():
        folder = MediaFolder("image", "Image", (), {"train": FolderSplit([], [f"m.{ending}"], False, True)})
        packed = pack_folder(folder, "train", [(f"m.{ending}", len(data))]) + data
        open_table("imagefolder", "warm", BytesRangeReader(packed)).read(0, 1)
    texts = {"csv": b"a,b\n1,2026-01-01\n", "json": b'{"a": [1, {"b": "x"}]}\n', "text": b"\xc3\xa9\n"}
    for form, data in {"parquet": parquet.getvalue(), "arrow": arrow.getvalue(), **texts}.items():
        opened = open_table(form, f"warm.{form}", BytesRangeReader(data))
        pack_rows(opened.features, opened.read(0, 1), PageLimits())
    for damaged in (b"PAR1", b"\xff"):
        for form in ("parquet", "csv", "json"):
            with contextlib.suppress(EntrepotError):
                open_table(form, "warm", BytesRangeReader(damaged))
