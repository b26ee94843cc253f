"""The process that converts tables: it reads and writes nothing but what it exchanges with its parent.

It receives one request on its input, asks for ranges of the files that the request names, and sends the
Parquet files that it makes. ``hub/conversions/processes.py`` is the other side.

Frames beyond those of ``hub/tables/child_pipes.py``: from here ``W`` with a length and bytes of a Parquet file; ``N``:
this file has ended; ``S`` with a length and what a split has become; ``A`` with the result, or ``E`` with a reason, end
the process.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import lzma
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from entrepot.hub.tables.child_pipes import ChildPipe, RemoteFile, confine, limit_work, seal_limits

if TYPE_CHECKING:
    from entrepot.previews.conversions import Converter

WRITTEN = 1 << 18
"""The most bytes of a Parquet file that are sent at a time."""

_MAX_MEMORY = 4 << 30


class ParquetOutput:
    """The target of the Parquet files: the parent gets them."""

    def __init__(self, pipe: ChildPipe) -> None:
        self._pipe = pipe

    def write(self, data: bytes) -> int:
        """Send bytes of the current Parquet file."""
        for at in range(0, len(data), WRITTEN):
            self._pipe.send(b"W", data[at : at + WRITTEN])
        return len(data)

    def end(self) -> None:
        """End the current Parquet file."""
        self._pipe.mark(b"N")


def main() -> None:
    """Convert the splits of one request."""
    pipe = ChildPipe.take_standard()
    try:
        _run(pipe, pipe.request())
    except EOFError:
        return
    except MemoryError:
        pipe.send(b"E", b"it takes too much memory")


def _run(pipe: ChildPipe, request: Mapping[str, Any]) -> None:
    import pyarrow as pa

    from entrepot.errors import Malformed

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _warm()
    limit_work(request["cpu_s"], _MAX_MEMORY)
    seal_limits()
    confine()
    try:
        number, splits = 0, dict[str, list[tuple[str, RemoteFile]]]()
        for name, files in request["splits"]:
            splits[name] = [(path, RemoteFile(pipe, number + at, size)) for at, (path, size) in enumerate(files)]
            number += len(files)
        converter = _converter(request, splits)
        for name, sources in splits.items():
            made = converter.convert(name, sources, ParquetOutput(pipe))
            pipe.send(b"S", json.dumps([name, made.rows, made.memory, made.files]).encode())
    except Malformed as error:
        pipe.send(b"E", error.reason.encode("utf-8", "replace")[:1000])
        return
    pipe.send(b"A", json.dumps(converter.features).encode())


def _converter(request: Mapping[str, Any], splits: Mapping[str, Sequence[tuple[str, RemoteFile]]]) -> Converter:
    from entrepot.previews.conversions import Converter, FolderConverter
    from entrepot.previews.folders import MediaFolder

    if request["folder"] is None:
        options = {name: request[name] for name in ("separator", "field", "most_unpacked")}
        return Converter(request["form"], request["declared"], **options)
    sources = {path: source for files in splits.values() for path, source in files}
    return FolderConverter(MediaFolder.of(request["folder"]), sources)


def _warm() -> None:
    """Load what libraries load late, while files can still be opened."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from entrepot.errors import Malformed
    from entrepot.previews.conversions import Converter, FolderConverter
    from entrepot.previews.folders import FolderSplit, MediaFolder
    from entrepot.previews.sources import BytesRangeReader

    class Nowhere:
        """A target that forgets."""

        def write(self, data: bytes) -> int:
            """Return the length."""
            return len(data)

        def end(self) -> None:
            """Do nothing."""

    samples = {
        "csv": (b"a,b\n1,x\n2.5,\n", b"a\n\xff"),
        "json": (b'{"a": {"x": "2020-01-01"}}\n{"a": {}}\n', b'[{"a": 1}]', b"{"),
        "text": (b"a\n", b"\xff"),
        "arrow": (_stream(), b"?"),
    }
    for form, contents in samples.items():
        for content in contents:
            try:
                Converter(form).convert("train", [("a", BytesRangeReader(content))], Nowhere())
            except Malformed:
                continue

    for content in (b'{"d": [{"a": {"b": 1}, "c": "x"}]}', b"["):
        with contextlib.suppress(Malformed):
            Converter("json", field="d").convert("train", [("a", BytesRangeReader(content))], Nowhere())
    for ending, data in _packed_samples().items():
        for given in (data, data[:-3]):
            with contextlib.suppress(Malformed):
                Converter("csv").convert("train", [(f"a.csv.{ending}", BytesRangeReader(given))], Nowhere())
    folder = MediaFolder("image", "Image", (), {"train": FolderSplit(["a.png"], ["m.parquet"], False, True)})
    names = pa.BufferOutputStream()
    pq.write_table(pa.table({"file_name": ["a.png"]}), names)
    sources = {"a.png": BytesRangeReader(b"x"), "m.parquet": BytesRangeReader(names.getvalue().to_pybytes())}
    FolderConverter(folder, sources).convert("train", [], Nowhere())


def _packed_samples() -> dict[str, bytes]:
    """Return a small CSV file in each compression, by the ending of its name."""
    import pyarrow as pa

    content, found = b"a\n1\n", dict[str, bytes]()
    for ending, compression in (("zst", "zstd"), ("lz4", "lz4")):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, compression) as packing:
            packing.write(content)
        found[ending] = bytes(sink.getvalue())
    return found | {"gz": gzip.compress(content), "bz2": bz2.compress(content), "xz": lzma.compress(content)}


def _stream() -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    made = pa.table({"a": [1], "t": pa.array([0], pa.timestamp("us", "UTC"))})
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    return bytes(sink.getvalue())
