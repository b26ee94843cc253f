"""LZ4 frames of chunks.

Frames that have exactly the form that Xet clients and the hub write are read here, with one call of the library for
each compressed block and without a copy of uncompressed blocks, in half the time that the library needs for a frame.
The library reads all other frames and all damaged ones, and decides what is valid.

Source: docs/protocols/xet.md, section 4; LZ4 frame format 1.6.4 (lz4, ``doc/lz4_Frame_format.md``).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import lz4.block
import lz4.frame

from entrepot.errors import Malformed
from entrepot.xet.hashes import Buffer

# Version 1, independent blocks of at most 64 KiB, no sizes and no checksums, as Xet clients write it.
FRAME_HEADER = bytes.fromhex("04224d18604082")
LARGE_FRAME_HEADER = bytes.fromhex("04224d186050fb")
"""The same with blocks of at most 256 KiB: that of frames with more than 64 KiB in one block."""

_MAX_IN_BLOCK = {FRAME_HEADER: 64 * 1024, LARGE_FRAME_HEADER: 256 * 1024}
"""Bytes in a block at most, compressed or not."""
_SIZE = struct.Struct("<I")
_UNCOMPRESSED = 1 << 31
_MAX_BLOCKS = 8
"""A chunk as clients or the hub write it has 1, 2 or 4 blocks. Each takes a microsecond here, so a frame with thousands
of tiny ones is left to the library, which is many times faster at them."""


class FrameReader:
    """A reader of frames.

    Guarantees: at most one block more than the announced length is produced for a frame. Not thread-safe; unusable
    after an error, because the library keeps part of its state.
    """

    __slots__ = ("_library",)

    def __init__(self) -> None:
        self._library: lz4.frame.LZ4FrameDecompressor | None = None

    def read(self, payload: memoryview, length: int) -> list[Buffer]:
        """Return the content of a frame in pieces; some of them are views of ``payload``.

        Args:
            length: the length of the content.

        Raises:
            Malformed: the frame is damaged or of a kind that not all readers read, it has trailing bytes,
                or its content has another length.
        """
        most = _MAX_IN_BLOCK.get(bytes(payload[: len(FRAME_HEADER)]))
        if most is not None:
            pieces = _blocks(payload, length, most)
            if pieces is not None:
                return pieces
        return [self._read_any(payload, length)]

    def _read_any(self, payload: memoryview, length: int) -> bytes:
        # The reference implementation reads frames of version 1 without dictionary; others might decode other bytes.
        if bytes(payload[:4]) != FRAME_HEADER[:4] or len(payload) < len(FRAME_HEADER) or payload[4] & 0xC1 != 64:
            raise Malformed("chunk", "its payload is not an LZ4 frame")
        if self._library is None:
            self._library = lz4.frame.LZ4FrameDecompressor()
        self._library.reset()
        try:
            data = self._library.decompress(payload, max_length=length + 1)
        except RuntimeError as error:
            raise Malformed("chunk", f"its LZ4 frame is damaged ({error})") from error
        if len(data) != length:
            raise Malformed("chunk", f"it does not have the {length} bytes that its header announces")
        if not self._library.eof or self._library.unused_data:
            raise Malformed("chunk", "its LZ4 frame does not end where its payload ends")
        return bytes(data)


def _blocks(payload: memoryview, length: int, most: int) -> list[Buffer] | None:
    """Return the content of each block of a frame with a usual header; None unless all of it is valid."""
    at, end = len(FRAME_HEADER), len(payload) - _SIZE.size
    pieces: list[Buffer] = []
    while at < end:
        if len(pieces) == _MAX_BLOCKS:
            return None
        (size,) = _SIZE.unpack_from(payload, at)
        start, at = at + _SIZE.size, at + _SIZE.size + (size & ~_UNCOMPRESSED)
        if at > end or not 0 < at - start <= most:
            return None
        piece: Buffer = payload[start:at]
        if not size & _UNCOMPRESSED:
            try:
                piece = lz4.block.decompress(piece, uncompressed_size=max(1, min(most, length)))
            except lz4.block.LZ4BlockError:
                return None
        length -= len(piece)
        if length < 0:
            return None
        pieces.append(piece)
    # The frame ends with a size of 0.
    return pieces if at == end and not length and not any(payload[end:]) else None


def frame_blocks(blocks: Sequence[tuple[Buffer, bool]]) -> bytes:
    """Return a frame of the given blocks, each of at most 64 KiB; those marked True are compressed if that helps."""
    parts: list[Buffer] = [FRAME_HEADER]
    for content, is_shrinking in blocks:
        block = lz4.block.compress(content, store_size=False) if is_shrinking else content
        if len(block) < len(content):
            parts += (_SIZE.pack(len(block)), block)
        elif content:  # a block of no bytes would end the frame
            parts += (_SIZE.pack(len(content) | _UNCOMPRESSED), content)
    parts.append(_SIZE.pack(0))
    return b"".join(parts)


def frame_as_clients(data: Buffer) -> bytes:
    """Return a frame as Xet clients write it, always with independent blocks of 64 KiB, no checksums and no size."""
    return bytes(lz4.frame.compress(data, block_size=lz4.frame.BLOCKSIZE_MAX64KB, block_linked=False, store_size=False))
