"""Request bodies, received with bounded memory.

Two rules. A slow peer costs the event loop a little memory and never a thread:
pieces are gathered in the loop, and a thread is borrowed only for the moment
in which a whole piece is written. And a body that is longer than it may be is
refused at the first byte too many, before anything else is read.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope

from entrepot.errors import ClientGone, ContentMismatch, LimitExceeded, Malformed
from entrepot.server.threads import Threads, settle

PIECE = 1024 * 1024
"""Bytes gathered before a thread is borrowed; at most two pieces of a body are in memory."""


def announced_size(scope: Scope, limit: int | None) -> int | None:
    """The ``Content-Length`` of a request; None for a chunked body.

    Raises:
        Malformed: the header is no number.
        LimitExceeded: the announced body is longer than ``limit``; nothing of
            it has been asked for yet.
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise Malformed("Content-Length header", "expected a number of bytes")
            size = int(value)
            if limit is not None and size > limit:
                raise LimitExceeded("the request body in bytes", limit)
            return size
    return None


async def receive_into(
    receive: Receive,
    write: Callable[[bytes], object],
    *,
    limit: int | None,
    expected: int | None,
    threads: Threads,
    piece: int = PIECE,
) -> int:
    """Pass a request body on to ``write``, in order, and return its length.

    Args:
        write: called in a transfer thread with pieces of at least ``piece``
            bytes (the last one may be shorter), never twice at the same time.
        limit: the longest acceptable body in bytes, None for no limit.
        expected: the announced length in bytes, None when unknown.

    Guarantees: the next piece is received while the last one is being written;
    when this call ends, however it ends, no ``write`` is running any more.

    Raises:
        LimitExceeded: the body is longer than ``limit``; raised at once.
        ContentMismatch: the body is longer than ``expected`` (raised at once)
            or shorter.
        ClientGone: the peer closed the connection before the end.
        Whatever ``write`` raises.
    """
    total = 0
    writing: asyncio.Task[object] | None = None
    try:
        async for data in _pieces(receive, limit=limit, expected=expected, piece=piece):
            total += len(data)
            if writing is not None:
                await writing
            writing = asyncio.create_task(threads.run_transfer(write, data))
        if writing is not None:
            await writing
    except BaseException:
        await settle(writing)  # the error under way is the one that is told
        raise
    return total


async def read_small(request: Request, limit: int) -> bytes:
    """A whole small body (JSON, a form) in memory.

    Args:
        limit: longest acceptable body in bytes.

    Raises:
        LimitExceeded: the body is longer; refused before it is read when it
            announces its length.
        ClientGone: the peer closed the connection before the end.
    """
    announced_size(request.scope, limit)
    body = io.BytesIO()
    async for data in _pieces(request.receive, limit=limit, expected=None, piece=PIECE):
        body.write(data)
    return body.getvalue()


@attrs.define(eq=False)
class SpooledBody:
    """A body kept for reading line by line: in memory while small, else in a nameless temporary file.

    Use it as a context manager; leaving it frees the file.
    """

    size: int
    _file: IO[bytes]

    def lines(self) -> Iterator[bytes]:
        """The lines without their ends, from the start, read lazily; empty lines are left out.

        Blocking when the body is on disk: iterate in a thread.
        """
        self._file.seek(0)
        for line in self._file:
            bare = line.rstrip(b"\r\n")
            if bare:
                yield bare

    def close(self) -> None:
        """Free the memory or the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def spool_lines(
    receive: Receive,
    *,
    max_line: int,
    max_body: int,
    threads: Threads,
    folder: Path | None = None,
    in_memory: int = PIECE,
) -> SpooledBody:
    """Keep a body of lines (NDJSON) for reading it line by line.

    Args:
        max_line: longest acceptable line in bytes, without its end.
        max_body: longest acceptable body in bytes.
        folder: where the temporary file is made, None for the system's place.
        in_memory: bytes kept in memory before a file is used.

    Raises:
        LimitExceeded: a line or the body is too long. A line is refused when
            at most one piece more than ``max_line`` of it has arrived.
        ClientGone: the peer closed the connection before the end.

    Guarantees: the file is closed when this raises.
    """
    ruler = _LineRuler(max_line)
    file: IO[bytes] = io.BytesIO()
    size = 0
    try:
        async for data in _pieces(receive, limit=max_body, expected=None, piece=PIECE):
            ruler.measure(data)
            size += len(data)
            if isinstance(file, io.BytesIO) and size > in_memory:
                file = await threads.run_transfer(_move_to_disk, file, folder)
            if isinstance(file, io.BytesIO):
                file.write(data)
            else:
                await threads.run_transfer(file.write, data)
    except BaseException:
        file.close()
        raise
    return SpooledBody(size, file)


def _move_to_disk(memory: io.BytesIO, folder: Path | None) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=folder, prefix="body-")  # noqa: SIM115 - handed on to the caller
    try:
        file.write(memory.getbuffer())
    except BaseException:
        file.close()
        raise
    return file


@attrs.define
class _LineRuler:
    longest: int
    since_newline: int = 0

    def measure(self, data: bytes) -> None:
        """Follow the lines through the next piece; LimitExceeded when one is too long."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._check(self.since_newline + end - start)
            self.since_newline = 0
            start = end + 1
        self.since_newline += len(data) - start
        self._check(self.since_newline)

    def _check(self, length: int) -> None:
        if length > self.longest:
            raise LimitExceeded("a line of the request body in bytes", self.longest)


async def _pieces(receive: Receive, *, limit: int | None, expected: int | None, piece: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at least ``piece`` bytes, the last one as long as it is (never empty)."""
    total = 0
    # BytesIO copies each chunk once, hands the result over without a copy, and
    # stays compact when a peer sends single bytes, where a list of chunks would not.
    gathered = io.BytesIO()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        total += len(body)
        if limit is not None and total > limit:
            raise LimitExceeded("the request body in bytes", limit)
        if expected is not None and total > expected:
            raise ContentMismatch("size", f"{expected:,} bytes", "more than that")
        gathered.write(body)
        if gathered.tell() >= piece:
            yield gathered.getvalue()
            gathered = io.BytesIO()
    if expected is not None and total < expected:
        raise ContentMismatch("size", f"{expected:,} bytes", f"{total:,} bytes")
    if gathered.tell():
        yield gathered.getvalue()
