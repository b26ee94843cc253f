"""Request bodies of git, gzipped or not, in pieces with bounded memory."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

from starlette.types import Receive, Scope

from entrepot.errors import ClientGone, LimitExceeded, Malformed

PIECE = 256 * 1024
"""Maximum size of a yielded piece, in bytes."""


async def inflated(scope: Scope, receive: Receive, *, limit: int) -> AsyncIterator[bytes]:
    """Yield the decompressed body of a request, in pieces of up to 256 KiB.

    Args:
        limit: maximum length of the decompressed body, in bytes.

    Raises:
        Malformed: the body is not valid gzip, or has another content encoding.
        LimitExceeded: the body is longer than ``limit``.
        ClientGone: the peer closed the connection before the end.
    """
    total = 0
    unpack = _unpacker(scope)
    async for data in _arriving(receive):
        for piece in unpack.take(data) if unpack else _cut(data):
            total += len(piece)
            if total > limit:
                raise LimitExceeded("the size of the request body in bytes", limit)
            yield piece
            await asyncio.sleep(0)  # a few bytes may become many pieces: other requests have their turn between them
    if unpack:
        unpack.finish()


def _unpacker(scope: Scope) -> _Unpacker | None:
    coding = next((value for name, value in scope["headers"] if name == b"content-encoding"), b"").strip().lower()
    if coding in (b"gzip", b"x-gzip"):
        return _Unpacker()
    if coding not in (b"", b"identity"):
        raise Malformed("Content-Encoding header", "only gzip is known")
    return None


class _Unpacker:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)

    def take(self, data: bytes) -> Iterator[bytes]:
        try:
            while data and not self._stream.eof:
                piece = self._stream.decompress(data, PIECE)
                data = self._stream.unconsumed_tail
                if piece:
                    yield piece
        except zlib.error as error:
            raise Malformed("request body", f"it is not valid gzip ({error})") from None

    def finish(self) -> None:
        if not self._stream.eof:
            raise Malformed("request body", "the gzip data is truncated")


def _cut(data: bytes) -> list[bytes]:
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


async def _arriving(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        yield message.get("body", b"")
