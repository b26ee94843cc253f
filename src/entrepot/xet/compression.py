"""Compression of one chunk: none, LZ4, or LZ4 over grouped bytes.

Source: docs/protocols/xet.md, section 4; LZ4 frame format 1.6.4 (lz4, ``doc/lz4_Frame_format.md``).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
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

# Version 1, independent blocks of at most 64 KiB, no sizes and no checksums, as Xet clients write it.
_FRAME_HEADER = bytes.fromhex("04224d18604082")
_SIZE = struct.Struct("<I")
_UNCOMPRESSED = 1 << 31


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


@attrs.frozen
class CompressionMethod:
    """How to compress a chunk: the scheme, and for grouped bytes which groups shrink."""

    scheme: Scheme
    shrinks: tuple[bool, ...] = ()

    def after(self, length: int) -> CompressionMethod:
        """Return the same method for a chunk that begins ``length`` bytes later: its groups are others."""
        shift = length % 4
        return attrs.evolve(self, shrinks=self.shrinks[shift:] + self.shrinks[:shift]) if shift else self


def compress(chunk: Buffer) -> Packed:
    """Compress a chunk with the best of the three schemes, chosen by a sample of at most 12 KiB.

    Guarantees: the payload is never longer than the chunk, and the result
    depends only on the chunk.
    """
    return pack(chunk, choose_method(chunk))


def choose_method(chunk: Buffer) -> CompressionMethod:
    """Return the best method for a chunk, judged by a sample of at most 12 KiB."""
    sample = _sample(memoryview(chunk))
    plain = len(lz4.block.compress(sample, store_size=False))
    groups = [_estimate(group) for group in split_bytes(sample)]
    if min(plain, sum(groups)) > _WORTHWHILE * len(sample):
        return CompressionMethod(Scheme.NONE)
    if plain <= sum(groups):
        return CompressionMethod(Scheme.LZ4)
    return CompressionMethod(Scheme.BG4_LZ4, tuple(size < _WORTHWHILE * len(sample) / 4 for size in groups))


def pack(chunk: Buffer, method: CompressionMethod) -> Packed:
    """Compress a chunk with a method, which need not suit it: the payload is never longer than the chunk."""
    view = memoryview(chunk)
    if method.scheme is Scheme.NONE:
        return Packed(Scheme.NONE, chunk)
    payload = _frame(view) if method.scheme is Scheme.LZ4 else _frame_groups(split_bytes(view), method.shrinks)
    return Packed(method.scheme, payload) if len(payload) < len(view) else Packed(Scheme.NONE, chunk)


def decompress(scheme: int, payload: Buffer, length: int) -> bytes:
    """Return the bytes of a chunk from its stored form; arguments and errors as in :meth:`Decoder.decode`."""
    return bytes(Decoder().decode(scheme, memoryview(payload), length))


def split_bytes(data: Buffer) -> list[memoryview]:
    """Return four groups of the bytes, by their position modulo 4."""
    whole, rest = divmod(len(data), 4)
    groups = [np.empty(whole + (number < rest), np.uint8) for number in range(4)]
    # Halving twice is faster than four copies with a stride of 4.
    words = np.frombuffer(data, "<u2", 2 * whole)
    low, high = words.astype(np.uint8).view("<u2"), (words >> 8).astype(np.uint8).view("<u2")
    for group, half in zip(groups, (low, high, low >> 8, high >> 8), strict=True):
        np.copyto(group[:whole], half, casting="unsafe")
    for number in range(rest):
        groups[number][whole] = data[4 * whole + number]
    return [group.data for group in groups]


def group_bytes(data: Buffer) -> bytes:
    """Return the bytes reordered by their position modulo 4: all first ones, all second ones, and so on."""
    return b"".join(split_bytes(data))


def ungroup_bytes(grouped: Buffer) -> memoryview:
    """Undo :func:`group_bytes`."""
    whole, rest = divmod(len(grouped), 4)
    source = np.frombuffer(grouped, np.uint8)
    at = 0
    groups: list[NDArray[np.uint8]] = []
    for number in range(4):
        groups.append(source[at : at + whole])
        at += whole + (number < rest)
    # Shifts over whole arrays are faster than four copies with a stride of 4.
    low, high = _pairs(groups[0], groups[1]), _pairs(groups[2], groups[3])
    words = high.astype("<u4")
    words <<= 16
    words |= low
    if not rest:
        return words.view(np.uint8).data
    last = [source[number * (whole + 1) + whole] for number in range(rest)]
    return np.append(words.view(np.uint8), np.array(last, np.uint8)).data


def _pairs(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint16]:
    pairs = second.astype("<u2")
    pairs <<= 8
    pairs |= first
    return pairs


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
            return ungroup_bytes(self._unframe(payload, length))
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


def _estimate(data: Buffer) -> int:
    return min(len(lz4.block.compress(data, store_size=False)), len(data))


def _frame_groups(groups: Sequence[Buffer], shrinks: Sequence[bool]) -> bytes:
    """Return an LZ4 frame of four groups, each a block of its own; only those that shrink are compressed.

    The upper bytes of floating-point numbers shrink; the lower ones are noise, which need not be searched or decoded.
    """
    parts: list[Buffer] = [_FRAME_HEADER]
    for group, is_shrinking in zip(groups, shrinks, strict=True):
        block = lz4.block.compress(group, store_size=False) if is_shrinking else group
        if len(block) < len(group):
            parts += (_SIZE.pack(len(block)), block)
        elif group:  # a block of no bytes would end the frame
            parts += (_SIZE.pack(len(group) | _UNCOMPRESSED), group)
    parts.append(_SIZE.pack(0))
    return b"".join(parts)


def _frame(data: Buffer) -> bytes:
    """Return an LZ4 frame exactly as Xet clients write it: independent blocks of 64 KiB, no checksums, no size."""
    return bytes(lz4.frame.compress(data, block_size=lz4.frame.BLOCKSIZE_MAX64KB, block_linked=False, store_size=False))
