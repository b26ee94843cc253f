"""Compression of one chunk: none, LZ4, or LZ4 over grouped bytes.

Source: docs/protocols/xet.md, section 4; LZ4 frame format 1.6.4 (lz4, ``doc/lz4_Frame_format.md``).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs
import lz4.block
import lz4.frame

from entrepot.errors import Malformed
from entrepot.xet.arrays import np
from entrepot.xet.hashes import Buffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_CHUNK_BYTES = 131_072
"""A chunk has 1 to this many bytes before compression."""

_SAMPLE_BYTES = 4096
# Savings of less than 3 % are not worth the decompression at every read.
_WORTHWHILE = 0.97


class Scheme(enum.IntEnum):
    """The compression scheme of a chunk; the value is the byte in its header."""

    NONE = 0
    LZ4 = 1
    BG4_LZ4 = 2


@attrs.frozen
class Packed:
    """A chunk in its stored form, without its header."""

    scheme: Scheme
    payload: Buffer


def compress(chunk: Buffer) -> Packed:
    """Compress a chunk with the best of the three schemes, chosen by a sample of at most 12 KiB.

    Guarantees: the payload is never longer than the chunk, and the result
    depends only on the chunk.
    """
    view = memoryview(chunk)
    sample = _sample(view)
    plain = len(lz4.block.compress(sample, store_size=False))
    grouped = len(lz4.block.compress(group_bytes(sample), store_size=False))
    if min(plain, grouped) > _WORTHWHILE * len(sample):
        return Packed(Scheme.NONE, chunk)
    scheme = Scheme.LZ4 if plain <= grouped else Scheme.BG4_LZ4
    payload = _frame(view if scheme is Scheme.LZ4 else group_bytes(view))
    return Packed(scheme, payload) if len(payload) < len(view) else Packed(Scheme.NONE, chunk)


def decompress(scheme: int, payload: Buffer, length: int) -> bytes:
    """Return the bytes of a chunk from its stored form; arguments and errors as in :meth:`Decoder.decode`."""
    return bytes(Decoder().decode(scheme, memoryview(payload), length))


def group_bytes(data: Buffer) -> bytes:
    """Return the bytes reordered by their position modulo 4: all first ones, all second ones, and so on."""
    source = np.frombuffer(data, np.uint8)
    return b"".join(source[group::4].tobytes() for group in range(4))


def ungroup_bytes(grouped: Buffer, target: NDArray[np.uint8]) -> None:
    """Undo :func:`group_bytes`.

    Args:
        target: receives the bytes; exactly as long as ``grouped``.
    """
    source = np.frombuffer(grouped, np.uint8)
    at = 0
    for group in range(4):
        places = target[group::4]
        places[:] = source[at : at + len(places)]
        at += len(places)


class Decoder:
    """A decompressor of chunks.

    Guarantees: at most 131,073 bytes are produced for a chunk, for any payload.
    Not thread-safe.
    """

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames = lz4.frame.LZ4FrameDecompressor()

    def decode(self, scheme: int, payload: memoryview, length: int) -> Buffer:
        """Return the bytes of a chunk; for an uncompressed chunk, ``payload`` itself.

        Args:
            scheme: the byte in the header of the chunk.
            length: the length in the header of the chunk.

        Raises:
            Malformed: the scheme is unknown, the payload cannot be
                decompressed or has trailing bytes, or the result does not
                have the announced length.
        """
        if scheme == Scheme.NONE:
            if len(payload) != length:
                raise Malformed("chunk", f"{len(payload)} stored bytes cannot be {length} bytes uncompressed")
            return payload
        if scheme == Scheme.LZ4:
            return self._unframe(payload, length)
        if scheme == Scheme.BG4_LZ4:
            grouped = self._unframe(payload, length)
            target = np.empty(length, np.uint8)
            ungroup_bytes(grouped, target)
            return target.data
        raise Malformed("chunk", f"compression scheme {scheme} is unknown")

    def _unframe(self, payload: memoryview, length: int) -> bytes:
        # The reference implementation reads frames of version 1 without dictionary; others might decode other bytes.
        if (
            length > MAX_CHUNK_BYTES
            or bytes(payload[:4]) != b"\x04\x22\x4d\x18"
            or len(payload) < 7
            or payload[4] & 0xC1 != 64
        ):
            raise Malformed("chunk", "its payload is not an LZ4 frame")
        self._frames.reset()
        try:
            data = self._frames.decompress(payload, max_length=length + 1)
        except RuntimeError as error:
            raise Malformed("chunk", f"its LZ4 frame is damaged ({error})") from error
        if len(data) != length:
            raise Malformed("chunk", f"it does not have the {length} bytes that its header announces")
        if not self._frames.eof or self._frames.unused_data:
            raise Malformed("chunk", "its LZ4 frame does not end where its payload ends")
        return bytes(data)


def _sample(view: memoryview) -> bytes:
    """Return up to three pieces from the beginning, the middle and the end, cut at multiples of 4."""
    size = len(view)
    if size <= 3 * _SAMPLE_BYTES:
        return bytes(view)
    starts = (0, (size - _SAMPLE_BYTES) // 8 * 4, (size - _SAMPLE_BYTES) // 4 * 4)
    return b"".join(view[start : start + _SAMPLE_BYTES] for start in starts)


def _frame(data: Buffer) -> bytes:
    """Return an LZ4 frame exactly as Xet clients write it: independent blocks of 64 KiB, no checksums, no size."""
    return bytes(lz4.frame.compress(data, block_size=lz4.frame.BLOCKSIZE_MAX64KB, block_linked=False, store_size=False))
