"""Downloads of parts of files over signed URLs, which clients read as xorbs.

Nothing in a response tells about the xorbs that the chunks of a part are in, or about other chunks there.
Source: docs/protocols/xet.md, sections 7.3 and 11.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from entrepot.errors import InvalidSignature, RangeNotSatisfiable
from entrepot.hub.files import reconstructions
from entrepot.names import XetHash
from entrepot.server.error_responses import REPEATS_5XX
from entrepot.server.files import BINARY, FileResponse, describe_content, kept_open, open_content
from entrepot.server.handlers import AppState, app_state
from entrepot.server.ranges import ByteRange, parse_range
from entrepot.server.responders import Content
from entrepot.server.threads import line_of
from entrepot.server.xet.auth import hash_of

PATH = "/_xet/xorbs/{hash}"

_HEADERS = (("cache-control", "private, no-store"),)


async def fetch(request: Request) -> RangesResponse:
    """Serve GET and HEAD, authorised by the signed URL alone."""
    request.scope["state"][REPEATS_5XX] = True
    state, name = app_state(request), hash_of(request)
    with kept_open() as opened:
        ranges = await state.threads.run_short(_open, state, request, name, opened, line=line_of(request.scope))
        return RangesResponse(FileResponse(opened[0], name, state.threads, _HEADERS), ranges)


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


def cut_ranges(header: str | None, size: int) -> tuple[ByteRange, ...]:
    """Return the ranges to send: those in ``Range``, or all bytes without the header.

    Args:
        size: bytes of the part.

    Raises:
        InvalidSignature: the part has none of the bytes. Clients take the response to mean that the URL has expired.
    """
    try:
        return parse_range(header, size) or (ByteRange(0, size),)
    except RangeNotSatisfiable:
        raise InvalidSignature("the range lies outside the signed one") from None


def _open(state: AppState, request: Request, name: XetHash, opened: list[Content]) -> Sequence[ByteRange]:
    stored = reconstructions.fetch(state.hub, name, dict(request.query_params))
    try:
        ranges = cut_ranges(request.headers.get("range"), stored.size)
    except InvalidSignature:
        stored.close()
        raise
    if request.method == "HEAD":
        stored.close()
        opened.append(describe_content(stored.size, name, BINARY))
    else:
        opened.append(open_content(stored, name, BINARY))
    return ranges
