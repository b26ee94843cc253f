"""Xorbs: sequences of chunks that are stored and transferred together.

A serialized xorb is ``u8 version = 0, u24 stored length, u8 scheme, u24
length, payload`` for each chunk, little-endian; old clients append a footer.
Source: docs/protocols/xet.md, sections 5 and 8.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import attrs

from entrepot.errors import ContentMismatch, LimitExceeded, Malformed
from entrepot.names import XetHash
from entrepot.xet.compression import MAX_CHUNK_BYTES, Decoder, put_in_order
from entrepot.xet.footers import MAGIC, check_footer, footer_bytes
from entrepot.xet.grouping import Grouped
from entrepot.xet.hashes import Buffer, chunk_hash, read_hash
from entrepot.xet.indexes import MAX_CHUNKS, MAX_RAW_BYTES, XorbIndex

HEADER_BYTES = 8
MAX_XORB_BYTES = MAX_RAW_BYTES + HEADER_BYTES * MAX_CHUNKS
"""The maximum length of a serialized xorb: incompressible content in small chunks."""

MAX_BODY_BYTES = MAX_XORB_BYTES + footer_bytes(1, MAX_CHUNKS)
"""The maximum length of a request body with a xorb, including the footer of old clients."""

_MAX_STORED_BYTES = 2 * MAX_CHUNK_BYTES
_DECODED_AT_ONCE = 384 * 1024
_HEADER = struct.Struct("<II")


@attrs.frozen
class Xorb:
    """A xorb built here: its id, its serialized bytes without footer, and its index."""

    hash: XetHash
    data: bytes
    index: XorbIndex


class _Chunk(NamedTuple):
    scheme: int
    start: int  # of the payload
    end: int
    length: int


def parse_xorb(data: Buffer, expected: XetHash) -> XorbIndex:
    """Verify a received xorb completely and return its index.

    Every chunk is decompressed and hashed, and the root of the tree over the
    hashes must be ``expected``. The caller stores the first
    :attr:`XorbIndex.size` bytes: a footer after them is validated but is not
    part of the xorb.

    Raises:
        LimitExceeded: there are more chunks or bytes than a xorb may have.
        Malformed: a header, a payload or a footer violates the format.
        ContentMismatch: the chunks are those of another xorb.

    Guarantees: uses less than 1 MiB of memory besides ``data``, which is not copied.
    """
    view = memoryview(data)
    chunks = _read_headers(view)
    ends = array("I", [chunk.end for chunk in chunks])
    raw_ends = array("I", accumulate(chunk.length for chunk in chunks))
    hashes = bytearray().join(map(chunk_hash, _decode(view, chunks, 0)))
    index = XorbIndex(bytes(hashes), ends, raw_ends)
    found = index.xorb_hash()
    if found != expected:
        raise ContentMismatch("xorb hash", expected, found)
    return index


def open_chunks(data: Buffer, index: XorbIndex, start: int, end: int) -> list[memoryview]:
    """Return the uncompressed bytes of each of the chunks ``start`` to ``end`` (exclusive).

    Uncompressed chunks are views of ``data`` and are not copied.

    Args:
        data: the serialized bytes of exactly these chunks, that is, the bytes
            ``index.offset(start)`` to ``index.offset(end)`` of the xorb.

    Raises:
        Malformed: the range is not within the xorb, the headers in ``data`` are
            not those of these chunks, or a chunk cannot be decompressed.
        ContentMismatch: the hash of a chunk is not the one in the index.
    """
    return [memoryview(chunk) for chunk in _verified(data, index, start, end)]


def decode_chunks(data: Buffer, index: XorbIndex, start: int, end: int) -> list[memoryview]:
    """Open chunks as :func:`open_chunks` does, without hashing, for callers who verify the hash of the whole content.

    Raises:
        Malformed: as :func:`open_chunks`.
    """
    chunks = _read_range(data, index, start, end)
    return [memoryview(chunk) for chunk in _decode(memoryview(data), chunks, start)]


def verify_chunks(data: Buffer, index: XorbIndex, start: int, end: int) -> None:
    """Check that stored bytes are still the chunks ``start`` to ``end`` (exclusive), few at a time in memory.

    Arguments and errors as :func:`open_chunks`.
    """
    for _ in _verified(data, index, start, end):
        pass


def _verified(data: Buffer, index: XorbIndex, start: int, end: int) -> Iterator[Buffer]:
    chunks = _read_range(data, index, start, end)
    for number, chunk in enumerate(_decode(memoryview(data), chunks, start), start):
        found, known = chunk_hash(chunk), index.chunk_hashes(number, number + 1)
        if found != known:
            raise ContentMismatch(f"hash of chunk {number}", read_hash(known), read_hash(found))
        yield chunk


class _Walk:
    """A reader of consecutive chunk headers; it does not decompress."""

    __slots__ = ("at", "view")

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.at = 0

    def step(self, number: int) -> _Chunk:
        if self.at + HEADER_BYTES > len(self.view):
            raise Malformed("xorb", f"chunk {number}: its header is cut off")
        first, second = _HEADER.unpack_from(self.view, self.at)
        start = self.at + HEADER_BYTES
        chunk = _Chunk(second & 0xFF, start, start + (first >> 8), second >> 8)
        if first & 0xFF:
            raise Malformed("xorb", f"chunk {number}: version {first & 0xFF} is unknown")
        if not 1 <= chunk.length <= MAX_CHUNK_BYTES:
            raise Malformed("xorb", f"chunk {number}: {chunk.length} bytes are not 1 to {MAX_CHUNK_BYTES}")
        if chunk.end - start > _MAX_STORED_BYTES:
            raise Malformed("xorb", f"chunk {number}: {chunk.end - start} stored bytes are too many")
        if chunk.end > len(self.view):
            raise Malformed("xorb", f"chunk {number}: its payload is cut off")
        self.at = chunk.end
        return chunk


def _read_headers(view: memoryview) -> list[_Chunk]:
    """Return the chunks of a whole xorb by their headers, up to its end or its footer."""
    if len(view) > MAX_BODY_BYTES:
        raise LimitExceeded("the serialized xorb", MAX_XORB_BYTES, "cut xorbs at 64 MiB of content")
    walk = _Walk(view)
    chunks: list[_Chunk] = []
    while walk.at < len(view) and view[walk.at : walk.at + len(MAGIC)] != MAGIC:
        if len(chunks) == MAX_CHUNKS:
            raise LimitExceeded("the number of chunks of the xorb", MAX_CHUNKS, "put the rest into another xorb")
        chunks.append(walk.step(len(chunks)))
    if not chunks:
        raise Malformed("xorb", "it has no chunks")
    if walk.at > MAX_XORB_BYTES:
        raise LimitExceeded("the serialized xorb", MAX_XORB_BYTES, "cut xorbs at 64 MiB of content")
    if walk.at < len(view):
        check_footer(view[walk.at :], len(chunks))
    return chunks


def _read_range(data: Buffer, index: XorbIndex, start: int, end: int) -> list[_Chunk]:
    """Return the chunks of a part of a xorb by their headers, which must match the index."""
    index.check_range(start, end)
    base = index.offset(start)
    if len(data) != index.offset(end) - base:
        raise Malformed("xorb", f"{len(data)} bytes are not the chunks {start} to {end}")
    chunks: list[_Chunk] = []
    at, raw_at = 0, index.raw_offset(start)
    for number in range(start, end):
        payload, stop, raw_stop = at + HEADER_BYTES, index.ends[number] - base, index.raw_ends[number]
        first, second = _HEADER.unpack_from(data, at) if payload <= stop else (1, 0)
        # The index is trusted: chunks that match it are within all limits.
        if first != (stop - payload) << 8 or second >> 8 != raw_stop - raw_at:
            raise Malformed("xorb", f"chunk {number}: its header contradicts the index")
        chunks.append(_Chunk(second & 0xFF, payload, stop, raw_stop - raw_at))
        at, raw_at = stop, raw_stop
    return chunks


def _decode(view: memoryview, chunks: Sequence[_Chunk], first: int) -> Iterator[Buffer]:
    """Yield the uncompressed bytes of chunks; ``first`` is the number of the first one, for errors."""
    decoder, waiting, size = Decoder(), list[Buffer | Grouped](), 0
    for number, chunk in enumerate(chunks, first):
        try:
            waiting.append(decoder.unpack(chunk.scheme, view[chunk.start : chunk.end], chunk.length))
        except Malformed as error:
            raise _at(number, error) from error
        size += chunk.length
        if size >= _DECODED_AT_ONCE:
            yield from put_in_order(waiting)
            waiting, size = [], 0
    yield from put_in_order(waiting)


def _at(number: int, error: Malformed) -> Malformed:
    return Malformed("xorb", f"chunk {number}: {error.reason}")
