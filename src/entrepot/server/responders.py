"""File responses: whole, one range, several ranges, or only headers.

Measured alternatives: file responses of the framework take several times the
CPU for ranges, and granian's ``http.response.pathsend`` takes 0.49 CPU seconds
per GiB, as much as reading pieces in a thread. Local and remote bytes therefore
share one implementation.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterable
from typing import Literal, Protocol
from urllib.parse import quote

import attrs
from starlette.types import Receive, Scope, Send

from entrepot.errors import ObjectDamaged, RangeNotSatisfiable
from entrepot.server.error_responses import error_response
from entrepot.server.ranges import ByteRange, match, none_match, parse_range, range_applies
from entrepot.server.threads import BegunCall, Threads, line_of, settle

PIECE = 1024 * 1024
"""Bytes per read for a fast peer; larger reads save no CPU."""

SMALL_PIECE = 128 * 1024
"""Bytes per read for a slow peer, and for every peer at first: granian queues about ten pieces of a
response, and the first megabytes fit into socket buffers however slow the peer is."""

_WARM_BYTES = 16 * 1024 * 1024
_WARMING = 512 * 1024
"""Bytes per read for a peer that may still turn out to be slow; they are sent in small pieces, so that few are queued
for it, and read together, so that the event loop wakes up less often."""
_SVG_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"
_SLOW_SECONDS_PER_BYTE = 0.2 / (1024 * 1024)
_UNSAFE_NAME = re.compile(r'[^\x20-\x7e]|["\\%;]')

SVG = "image/svg+xml"
"""The media type of pictures that can hold scripts."""

Header = tuple[bytes, bytes]

Treatment = Literal["inline", "attachment"]
"""What a browser does with a file: show it, if it can, or save it."""


class Content(Protocol):
    """Immutable bytes that can be read at any offset."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    @property
    def etag(self) -> str:
        """The opaque entity tag without quotes; equal if and only if the bytes are equal."""

    @property
    def content_type(self) -> str:
        """The media type of the response."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``offset``; called in a thread, one call at a time."""

    def close(self) -> None:
        """Close the file; called once in the event loop, so it must not block."""


@attrs.frozen
class MemoryContent:
    """Content in memory, sent without a thread.

    For HEAD, ``data`` may be empty: only ``size`` is used.
    """

    etag: str
    content_type: str
    size: int
    data: bytes = attrs.field(repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether the bytes are available, so that GET can be answered too."""
        return len(self.data) == self.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``offset``."""
        return self.data[offset : offset + length]

    def close(self) -> None:
        """Do nothing: there is no file to close."""


async def send_content(
    scope: Scope,
    receive: Receive,
    send: Send,
    content: Content,
    *,
    threads: Threads,
    filename: str,
    treatment: Treatment = "inline",
    headers: Iterable[tuple[str, str]] = (),
    accel: str | None = None,
    has_ranges: bool = True,
) -> None:
    """Respond to GET or HEAD with a file: 200, 206 (one part or several), 304, 412 or 416.

    The response is never compressed and cannot run scripts in the hub's origin. The next piece is read while the
    previous one is sent; a slow peer gets small pieces and no reading ahead. Reading stops when the peer disconnects.

    Args:
        filename: last segment of the path, proposed to browsers that save it; ``treatment`` says whether they do.
        headers: additional response headers (``X-Repo-Commit`` …), ASCII.
        accel: the internal location where the proxy finds the file, if it may send the body (and cut
            ranges) itself; ignored for requests with conditions, which it would judge by other tags.
        has_ranges: whether parts of it can be asked for; if not, ``read_at`` is called in the order of the bytes.

    Raises:
        Any error of ``read_at``: for the first piece before anything was sent; later in the middle of the
            response, which then ends early.

    Guarantees: when this ends, ``content`` is closed and no ``read_at`` is running.

    Source: docs/protocols/hf_api.md, section 2.5; RFC 9110, sections 13 to 15; RFC 6266.
    """
    try:
        extra = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
        asked = _RequestHeaders.of(scope)
        plan = _plan(asked, content) if has_ranges else _plan_of_whole(asked, content)
        if accel is not None and plan.parts and not asked.head and not asked.has_conditions:
            plan = _ResponsePlan.by_proxy(accel, content)
        held = content if isinstance(content, MemoryContent) else None
        has_stream = plan.parts and not asked.head and held is None
        stream = _Stream(receive, send, content, (threads, line_of(scope)), plan.parts) if has_stream else None
        if stream is not None:
            await stream.read_first()  # missing bytes become an error response, not a truncated file
        await send(
            {
                "type": "http.response.start",
                "status": plan.status,
                "headers": [*plan.headers, *plan.ranges, *_fixed_headers(content, filename, treatment), *extra],
            }
        )
        if stream is not None:
            await stream.run()
        else:
            body = b"" if held is None or asked.head else _cut(held.data, plan.parts)
            await send({"type": "http.response.body", "body": body})
    except RangeNotSatisfiable as error:  # of the plan: nothing was sent
        await _refuse(send, error, content, extra)
    finally:
        content.close()


def headers_of_whole(
    content: Content, filename: str, treatment: Treatment, headers: Iterable[tuple[str, str]] = ()
) -> list[Header]:
    """Return the headers with which :func:`send_content` answers 200 with the whole file."""
    extra = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
    plan = _plan(_NOTHING_ASKED, content)
    return [*plan.headers, *plan.ranges, *_fixed_headers(content, filename, treatment), *extra]


def asks_for_whole(scope: Scope) -> bool:
    """Return whether a request has no header that asks for a part of a file, or for nothing of a known one."""
    return _ASKING.isdisjoint([name for name, _ in scope["headers"]])


async def _refuse(send: Send, error: RangeNotSatisfiable, content: Content, extra: list[Header]) -> None:
    """Answer 416 with what a client learns about the file from every other answer: its commit and its tag."""
    refused = error_response(error, raw_path="", query=b"")
    more = [(b"accept-ranges", b"bytes"), (b"etag", f'"{content.etag}"'.encode("ascii"))]
    more += [header for header in extra if header[0].lower() != b"cache-control"]  # that is for the file
    await send({"type": "http.response.start", "status": refused.status, "headers": [*refused.headers, *more]})
    await send({"type": "http.response.body", "body": refused.body})


def disposition(filename: str, treatment: Treatment = "inline") -> str:
    """Return the value of ``Content-Disposition`` that proposes the file's own name.

    Source: RFC 6266, section 4.3; RFC 8187 for ``filename*``.
    """
    fallback = _UNSAFE_NAME.sub("_", filename)
    encoded = quote(filename, safe="!#$&+^`|~", encoding="utf-8", errors="replace")
    return f"{treatment}; filename*=UTF-8''{encoded}; filename=\"{fallback}\""


@attrs.frozen
class _RequestHeaders:
    """The request headers that affect a file response."""

    head: bool
    range: str | None
    if_range: str | None
    if_match: str | None
    if_none_match: str | None
    has_conditions: bool

    @classmethod
    def of(cls, scope: Scope) -> _RequestHeaders:
        found: dict[bytes, str] = {}
        for name, value in scope["headers"]:
            text = value.decode("latin-1")
            found[name] = f"{found[name]}, {text}" if name in found else text
        return cls(
            scope["method"] == "HEAD",
            # RFC 9110, 14.2: Range is defined for GET only.
            found.get(b"range") if scope["method"] == "GET" else None,
            found.get(b"if-range"),
            found.get(b"if-match"),
            found.get(b"if-none-match"),
            any(name.startswith(b"if-") for name in found),
        )


_ASKING = frozenset({b"range", b"if-range", b"if-match", b"if-none-match"})
_NOTHING_ASKED = _RequestHeaders(False, None, None, None, None, False)


@attrs.frozen
class _ResponsePlan:
    """A planned response: ``parts`` are literal bytes and ranges of the file, in order."""

    status: int
    headers: list[Header]
    parts: list[bytes | ByteRange]
    ranges: tuple[Header, ...] = ((b"accept-ranges", b"bytes"),)

    @classmethod
    def by_proxy(cls, accel: str, content: Content) -> _ResponsePlan:
        """Return a response without a body; the proxy replaces it by the file."""
        kind = content.content_type.encode("ascii", "replace")
        headers = [(b"content-type", kind), (b"content-length", b"0"), (b"x-accel-redirect", accel.encode("ascii"))]
        return cls(200, headers, [], ())  # the proxy says itself that it cuts ranges


def _plan(asked: _RequestHeaders, content: Content) -> _ResponsePlan:
    if not match(asked.if_match, content.etag):
        return _ResponsePlan(412, [(b"content-length", b"0")], [])
    if not none_match(asked.if_none_match, content.etag):
        return _ResponsePlan(304, [], [])
    wanted = parse_range(asked.range, content.size) if range_applies(asked.if_range, content.etag) else None
    kind = content.content_type.encode("ascii", "replace")
    if wanted is None:
        headers = [(b"content-type", kind), (b"content-length", str(content.size).encode())]
        if asked.range is not None and not content.size:
            headers.append((b"content-range", b"bytes */0"))
        return _ResponsePlan(200, headers, [ByteRange(0, content.size)] if content.size else [])
    if len(wanted) == 1:
        return _ResponsePlan(
            206,
            [
                (b"content-type", kind),
                (b"content-length", str(wanted[0].length).encode()),
                (b"content-range", wanted[0].content_range(content.size).encode()),
            ],
            [wanted[0]],
        )
    return _multipart(wanted, content.size, kind)


def _plan_of_whole(asked: _RequestHeaders, content: Content) -> _ResponsePlan:
    """Plan a response that ignores ``Range``. Source: RFC 9110, section 14.3."""
    return attrs.evolve(_plan(attrs.evolve(asked, range=None), content), ranges=((b"accept-ranges", b"none"),))


def _multipart(wanted: tuple[ByteRange, ...], size: int, kind: bytes) -> _ResponsePlan:
    boundary = secrets.token_hex(16).encode()
    parts: list[bytes | ByteRange] = []
    for number, part in enumerate(wanted):
        lead = b"" if number == 0 else b"\r\n"
        head = b"--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n"
        parts += [lead + head % (boundary, kind, part.content_range(size).encode()), part]
    parts.append(b"\r\n--%b--\r\n" % boundary)
    length = sum(len(part) if isinstance(part, bytes) else part.length for part in parts)
    return _ResponsePlan(
        206,
        [
            (b"content-type", b"multipart/byteranges; boundary=" + boundary),
            (b"content-length", str(length).encode()),
        ],
        parts,
    )


def _cut(data: bytes, parts: list[bytes | ByteRange]) -> bytes:
    return b"".join(part if isinstance(part, bytes) else data[part.start : part.stop] for part in parts)


def _fixed_headers(content: Content, filename: str, treatment: Treatment) -> list[Header]:
    """Return the headers of a file that depend on no request.

    An SVG picture is shown where a page embeds it as an image, in which browsers run no scripts and load nothing.
    Opened by its address it is saved: it is never a document at the address of the hub.
    """
    is_svg = content.content_type == SVG
    return [
        (b"etag", f'"{content.etag}"'.encode("ascii")),
        (b"content-disposition", disposition(filename, "attachment" if is_svg else treatment).encode("ascii")),
        (b"content-security-policy", _SVG_POLICY if is_svg else b"default-src 'none'; sandbox"),
        (b"x-content-type-options", b"nosniff"),
    ]


class _Stream:
    """Sends one body, reading ahead while the peer keeps up."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        content: Content,
        place: tuple[Threads, bytes],
        parts: list[bytes | ByteRange],
    ) -> None:
        """Prepare to send ``parts``; ``place``: the threads that read, and the line of the request in front of them."""
        self._receive = receive
        self._send = send
        self._content = content
        self._threads, self._line = place
        self._parts = parts
        self._piece = SMALL_PIECE
        self._length = SMALL_PIECE
        self._slow = False
        self._sent = 0
        self._ahead: BegunCall[list[bytes]] | None = None

    async def read_first(self) -> None:
        """Read the first piece of the file, to detect a missing file before the response begins."""
        first = next(part for part in self._parts if isinstance(part, ByteRange))
        self._ahead = self._read(first.start, first.stop)
        await self._ahead.result()

    async def run(self) -> None:
        """Send all parts, or stop when the peer disconnects."""
        total = sum(part.length for part in self._parts if isinstance(part, ByteRange))
        # send() does not report a disconnect, so a response of several pieces also calls receive().
        gone = asyncio.create_task(self._wait_for_disconnect()) if total > SMALL_PIECE else None
        try:
            last = len(self._parts) - 1
            for number, part in enumerate(self._parts):
                if isinstance(part, bytes):
                    await self._send({"type": "http.response.body", "body": part, "more_body": number < last})
                elif not await self._send_range(part, gone, final=number == last):
                    return
        finally:
            if gone is not None:
                gone.cancel()
            try:
                await settle(gone)
            finally:
                if self._ahead is not None:
                    await self._ahead.abandon()

    async def _send_range(self, part: ByteRange, gone: asyncio.Task[None] | None, *, final: bool) -> bool:
        offset = part.start
        while offset < part.stop:
            self._ahead = self._ahead or self._read(offset, part.stop)
            pieces = await self._ahead.result()
            self._ahead = None
            if gone is not None and gone.done():
                return False
            offset += sum(map(len, pieces))
            more = offset < part.stop
            if more and not self._slow:
                self._ahead = self._read(offset, part.stop)
            started, sent = time.monotonic(), self._sent
            while pieces:
                data = pieces.pop(0)
                is_last = final and not more and not pieces
                await self._send({"type": "http.response.body", "body": data, "more_body": not is_last})
                self._sent += len(data)
            self._adapt_pieces(self._sent - sent, time.monotonic() - started)
        return True

    def _adapt_pieces(self, length: int, seconds: float) -> None:
        self._slow = seconds > _SLOW_SECONDS_PER_BYTE * length
        if self._slow:
            self._length = self._piece = SMALL_PIECE
        elif self._sent < _WARM_BYTES:
            self._length, self._piece = _WARMING, SMALL_PIECE
        else:
            self._length = self._piece = PIECE

    def _read(self, offset: int, stop: int) -> BegunCall[list[bytes]]:
        return self._threads.begin_transfer(
            _read_pieces, self._content, offset, min(self._length, stop - offset), self._piece, line=self._line
        )

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _read_pieces(content: Content, offset: int, length: int, piece: int) -> list[bytes]:
    """Read bytes of a file, to be sent in pieces."""
    data = content.read_at(offset, length)
    if len(data) != length:
        raise ObjectDamaged(content.etag, f"{length:,} bytes expected at {offset:,}, {len(data):,} found")
    return [data] if length <= piece else [data[at : at + piece] for at in range(0, length, piece)]
