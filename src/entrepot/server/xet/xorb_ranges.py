"""Downloads of xorb ranges over signed URLs: each URL is valid for one window of one xorb.

A xorb holds chunks of many repositories, so nothing outside the window may be
read. Source: docs/protocols/xet.md, sections 7.3 and 11.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from entrepot.errors import InvalidSignature, RangeNotSatisfiable
from entrepot.hub.files import chunks
from entrepot.names import XetHash
from entrepot.server.files import BINARY, FileResponse, ReadableBytes, describe_content, kept_open, open_content
from entrepot.server.handlers import AppState, app_state
from entrepot.server.ranges import ByteRange, parse_range
from entrepot.server.responders import Content
from entrepot.server.threads import line_of
from entrepot.server.xet.auth import hash_of

PATH = "/_xet/xorbs/{hash}"

_HEADERS = (("cache-control", "private, no-store"),)


async def fetch(request: Request) -> RangesResponse:
    """Serve GET and HEAD, authorised by the signed URL alone."""
    state, xorb = app_state(request), hash_of(request)
    with kept_open() as opened:
        ranges = await state.threads.run_short(_open, state, request, xorb, opened, line=line_of(request.scope))
        return RangesResponse(FileResponse(opened[0], xorb, state.threads, _HEADERS), ranges)


@attrs.frozen
class RangesResponse:
    """A response with exactly these ranges of a file, independent of the request headers."""

    file: FileResponse
    ranges: Sequence[ByteRange]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the ranges."""
        wanted = ",".join(f"{part.start}-{part.stop - 1}" for part in self.ranges)
        # Conditional headers are removed: If-Range could turn a range into the whole file.
        await self.file({**scope, "headers": [(b"range", f"bytes={wanted}".encode())]}, receive, send)


def cut_ranges(header: str | None, size: int, window: ByteRange) -> tuple[ByteRange, ...]:
    """Return the ranges to send: those in ``Range``, or the whole window without the header.

    Args:
        size: end of the window, which stands for the size of the whole xorb.

    Raises:
        InvalidSignature: a range extends beyond the window.
    """
    try:
        wanted = parse_range(header, size) or (window,)
    except RangeNotSatisfiable:
        wanted = ()
    if not wanted or any(part.start < window.start or part.stop > window.stop for part in wanted):
        raise InvalidSignature("the range lies outside the signed one")
    return wanted


def _open(state: AppState, request: Request, xorb: XetHash, opened: list[Content]) -> Sequence[ByteRange]:
    stored, first, last = chunks.fetch(state.hub, xorb, dict(request.query_params))
    window = ByteRange(first, last + 1)
    try:
        if window.stop > stored.size:
            raise InvalidSignature("the xorb has been replaced")
        ranges = cut_ranges(request.headers.get("range"), window.stop, window)
    except InvalidSignature:
        stored.close()
        raise
    if request.method == "HEAD":
        stored.close()
        opened.append(describe_content(window.length, xorb, BINARY))
    else:
        opened.append(open_content(_Beginning(stored, window.stop), xorb, BINARY))
    return ranges


@attrs.frozen(eq=False)
class _Beginning:
    """A xorb up to the end of a window.

    The size of the whole xorb, which ``Content-Range`` would state, tells about chunks of other files.
    """

    _stored: ReadableBytes
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        return self._stored.read_at(offset, length)

    def close(self) -> None:
        self._stored.close()
