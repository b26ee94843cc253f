"""Request bodies, received with bounded memory.

A slow peer costs the event loop a little memory and never a thread: pieces are
collected in the loop, and a thread is used only while a whole piece is written.
A body that is too long is refused at the first excess byte, before anything
else is read.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import parse_qsl

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope

from entrepot.errors import ClientGone, ContentMismatch, LimitExceeded, Malformed
from entrepot.server.threads import OWN_LINE, BegunCall, Threads

PIECE = 1024 * 1024
"""Bytes collected before a thread writes them; at most two pieces of a body are in memory."""


def check_coding(scope: Scope) -> None:
    """Raise if a request body is compressed: it would be stored, or read, as something else than its sender meant.

    Raises:
        Malformed: the header ``Content-Encoding`` names a coding.

    Source: RFC 9110, section 8.4.
    """
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise Malformed("Content-Encoding header", "send the body uncompressed, without this header")


def announced_size(scope: Scope, limit: int | None) -> int | None:
    """Return the ``Content-Length`` of a request whose body is not compressed; None for a chunked body.

    Raises:
        Malformed: the header is not a number, or the body is compressed.
        LimitExceeded: the announced body is longer than ``limit``; none of
            it has been read.
    """
    check_coding(scope)
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise Malformed("Content-Length header", "expected a number of bytes")
            size = int(value)
            if limit is not None and size > limit:
                raise LimitExceeded("the size of the request body in bytes", limit)
            return size
    return None


async def receive_into(
    receive: Receive,
    write: Callable[[bytes], object],
    *,
    limit: int | None,
    expected: int | None,
    threads: Threads,
    line: bytes = OWN_LINE,
    piece: int = PIECE,
) -> int:
    """Pass a request body to ``write``, in order, and return its length.

    Args:
        write: called in a transfer thread with pieces of at least ``piece``
            bytes (the last one may be shorter), never concurrently.
        limit: maximum length of the body in bytes, None for no limit.
        expected: the announced length in bytes, None when unknown.
        line: the queue in which pieces wait for a thread; from :func:`~entrepot.server.threads.line_of`.

    Guarantees: the next piece is received while the previous one is written;
    when this call returns or raises, no ``write`` is running.

    Raises:
        LimitExceeded: the body is longer than ``limit``; raised immediately.
        ContentMismatch: the body is longer than ``expected`` (raised immediately)
            or shorter.
        ClientGone: the peer closed the connection before the end.
        Whatever ``write`` raises.
    """
    total = 0
    writing: BegunCall[object] | None = None
    try:
        async for data in _pieces(receive, limit=limit, expected=expected, piece=piece):
            total += len(data)
            if writing is not None:
                await writing.result()
            writing = threads.begin_transfer(write, data, line=line)
        if writing is not None:
            await writing.result()
    except BaseException:
        if writing is not None:
            await writing.abandon()  # report the error that is already being raised
        raise
    return total


async def read_small(request: Request, limit: int) -> bytes:
    """Return a whole small body (JSON, a form).

    Args:
        limit: maximum length of the body in bytes.

    Raises:
        Malformed: the body is compressed.
        LimitExceeded: the body is longer; refused before it is read if it
            announces its length.
        ClientGone: the peer closed the connection before the end.
    """
    announced_size(request.scope, limit)
    body = io.BytesIO()
    async for data in _pieces(request.receive, limit=limit, expected=None, piece=PIECE):
        body.write(data)
    return body.getvalue()


async def read_pairs(request: Request, limit: int, most_fields: int) -> list[tuple[str, str]]:
    """Return the names and values of a form as browsers encode it, in their order.

    Args:
        limit: maximum length of the body in bytes.
        most_fields: maximum number of fields.

    Raises:
        Malformed: the body is not a form, or has more fields.
        LimitExceeded, ClientGone: as :func:`read_small`.

    Source: WHATWG URL, "application/x-www-form-urlencoded".
    """
    body = await read_small(request, limit)
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=most_fields, errors="strict")
    except ValueError:
        raise Malformed("form", "its encoding is not that of a browser's form") from None


@attrs.define(eq=False)
class SpooledBody:
    """A body stored for reading line by line: in memory if small, else in an unnamed temporary file.

    Use it as a context manager; leaving it deletes the file.
    """

    size: int
    _file: IO[bytes]

    def lines(self) -> Iterator[bytes]:
        """Yield the lines from the start, without their ends and without empty lines.

        Blocks if the body is on disk: iterate in a thread.
        """
        self._file.seek(0)
        for line in self._file:
            bare = line.rstrip(b"\r\n")
            if bare:
                yield bare

    def close(self) -> None:
        """Free the memory or delete the file; a second call does nothing."""
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
    line: bytes = OWN_LINE,
    folder: Path | None = None,
    in_memory: int = PIECE,
) -> SpooledBody:
    """Store a body of lines (NDJSON) for reading it line by line.

    Args:
        max_line: maximum length of a line in bytes, without its end.
        max_body: maximum length of the body in bytes.
        line: as for :func:`receive_into`.
        folder: folder of the temporary file, None for the system's default.
        in_memory: bytes kept in memory before a file is used.

    Raises:
        LimitExceeded: a line or the body is too long. A line is refused
            before more than one piece beyond ``max_line`` has arrived.
        ClientGone: the peer closed the connection before the end.

    Guarantees: the file is closed when this raises. Blank lines cost next to nothing,
    and do not count in the size.
    """
    ruler = _LineRuler(max_line)
    file: IO[bytes] = io.BytesIO()
    size = 0
    try:
        async for data in _pieces(receive, limit=max_body, expected=None, piece=PIECE):
            kept = _without_blank_lines(data)
            ruler.measure(kept)
            size += len(kept)
            if isinstance(file, io.BytesIO) and size > in_memory:
                file = await threads.run_transfer(_move_to_disk, file, folder, line=line)
            if isinstance(file, io.BytesIO):
                file.write(kept)
            else:
                await threads.run_transfer(file.write, kept, line=line)
    except BaseException:
        file.close()
        raise
    return SpooledBody(size, file)


def _move_to_disk(memory: io.BytesIO, folder: Path | None) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=folder, prefix="body-")  # noqa: SIM115 - returned to the caller
    try:
        file.write(memory.getbuffer())
    except BaseException:
        file.close()
        raise
    return file


def _without_blank_lines(data: bytes) -> bytes:
    """Return a piece without most of its blank lines; each pass halves a run of them."""
    while b"\n\n" in data or b"\n\r\n" in data:
        data = data.replace(b"\n\r\n", b"\n").replace(b"\n\n", b"\n")
    return data


@attrs.define
class _LineRuler:
    longest: int
    since_newline: int = 0

    def measure(self, data: bytes) -> None:
        """Measure the lines in the next piece; raise LimitExceeded if one is too long."""
        if len(data) <= self.longest:  # then only the line that began before can be too long
            end = data.find(b"\n")
            self._check(self.since_newline + (len(data) if end < 0 else end))
            self.since_newline = self.since_newline + len(data) if end < 0 else len(data) - data.rfind(b"\n") - 1
            return
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._check(self.since_newline + end - start)
            self.since_newline = 0
            start = end + 1
        self.since_newline += len(data) - start
        self._check(self.since_newline)

    def _check(self, length: int) -> None:
        if length > self.longest:
            raise LimitExceeded("the length of a line of the request body in bytes", self.longest)


async def _pieces(receive: Receive, *, limit: int | None, expected: int | None, piece: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at least ``piece`` bytes; the last one may be shorter, none is empty."""
    total = 0
    # BytesIO copies each chunk once, returns the result without a copy, and
    # stays compact if a peer sends single bytes, unlike a list of chunks.
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
            raise LimitExceeded("the size of the request body in bytes", limit)
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
