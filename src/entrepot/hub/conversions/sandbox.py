"""The process that converts tables: it reads and writes nothing but what it exchanges with its parent.

It receives one request on its input, asks for ranges of the files that the request names, and sends the
Parquet files that it makes. ``hub/conversions/processes.py`` is the other side.

Frames: from here ``R``, number of a file, offset and length; ``W`` with a length and bytes of a Parquet file; ``N``:
this file has ended; ``S`` with a length and what a split has become; ``A`` with the result, or ``E`` with a reason, end
the process. To here: the request and each range, with their lengths; a length of :data:`FAILED`: it cannot be read.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Any, BinaryIO

READ = struct.Struct(">IQI")
LENGTH = struct.Struct(">I")
FAILED = 0xFFFFFFFF
"""The length of a range that the parent cannot read."""

PIECE = 1 << 20
"""The longest range that is read at a time."""

WRITTEN = 1 << 18
"""The most bytes of a Parquet file that are sent at a time."""

CPU_S = 900
"""Processor time of the conversion of one configuration."""

_MOST_MEMORY = 4 << 30


class ConversionPipe:
    """The frames to and from the parent; also the target of the Parquet files."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source, self._target = source, target

    def request(self) -> dict[str, Any]:
        """Return the request."""
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        found: dict[str, Any] = json.loads(self._exactly(length))
        return found

    def read(self, file: int, offset: int, length: int) -> bytes:
        """Return a range of a file."""
        self._target.write(b"R" + READ.pack(file, offset, length))
        self._target.flush()
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size))
        if size == FAILED:
            raise OSError("the hub cannot read it now")
        return self._exactly(size)

    def write(self, data: bytes) -> int:
        """Send bytes of the present Parquet file."""
        for at in range(0, len(data), WRITTEN):
            self.send(b"W", data[at : at + WRITTEN])
        return len(data)

    def end(self) -> None:
        """End the present Parquet file."""
        self._target.write(b"N")

    def send(self, kind: bytes, data: bytes) -> None:
        """Send a frame with bytes."""
        self._target.write(kind + LENGTH.pack(len(data)) + data)
        self._target.flush()

    def _exactly(self, length: int) -> bytes:
        data = self._source.read(length)
        if len(data) < length:
            raise EOFError
        return data


class PipedFile:
    """A file of the request, as a source of previews."""

    def __init__(self, exchange: ConversionPipe, number: int, size: int) -> None:
        self._exchange, self._number, self.size = exchange, number, size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        end = min(offset + length, self.size)
        pieces = (self._exchange.read(self._number, at, min(PIECE, end - at)) for at in range(offset, end, PIECE))
        return b"".join(pieces)


def main() -> None:
    """Convert the splits of one request."""
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints gets between the frames
    exchange = ConversionPipe(sys.stdin.buffer, target)
    try:
        _run(exchange, exchange.request())
    except EOFError:
        return
    except MemoryError:
        exchange.send(b"E", b"it takes too much memory")


def _run(exchange: ConversionPipe, request: dict[str, Any]) -> None:
    import pyarrow as pa

    from entrepot.errors import Malformed
    from entrepot.previews.conversions import Converter

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _warm()
    confine(CPU_S)
    try:
        converter = Converter(request["form"], request["declared"])
        number = 0
        for name, files in request["splits"]:
            sources = [(path, PipedFile(exchange, number + at, size)) for at, (path, size) in enumerate(files)]
            number += len(files)
            made = converter.convert(sources, exchange)
            exchange.send(b"S", json.dumps([name, made.rows, made.memory, made.files]).encode())
    except Malformed as error:
        exchange.send(b"E", error.reason.encode("utf-8", "replace")[:1000])
        return
    exchange.send(b"A", json.dumps(converter.features).encode())


def _warm() -> None:
    """Load what libraries load late, while files can still be opened."""
    from entrepot.errors import Malformed
    from entrepot.previews.conversions import Converter
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
                Converter(form).convert([("a", BytesRangeReader(content))], Nowhere())
            except Malformed:
                continue


def _stream() -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    made = pa.table({"a": [1], "t": pa.array([0], pa.timestamp("us", "UTC"))})
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    return bytes(sink.getvalue())


def confine(cpu_s: int) -> None:
    """Give up opening anything, writing files, and more than some memory and processor time."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
