"""Compression of one chunk: none, LZ4, or LZ4 over grouped bytes.

Source: docs/protocols/xet.md, section 4.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs
import lz4.block

from entrepot.errors import Malformed
from entrepot.xet.frames import FrameReader, frame_as_clients, frame_blocks
from entrepot.xet.grouping import Grouped, split_bytes, ungroup_all
from entrepot.xet.hashes import Buffer

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


@attrs.frozen
class CompressionMethod:
    """How to compress a chunk: the scheme, and for grouped bytes which groups shrink."""

    scheme: Scheme
    shrinks: tuple[bool, ...] = ()

    def after(self, length: int) -> CompressionMethod:
        """Return the same method for a chunk that begins ``length`` bytes later: its groups are others."""
        shift = length % 4
        return CompressionMethod(self.scheme, self.shrinks[shift:] + self.shrinks[:shift]) if shift else self


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
    if method.scheme is Scheme.LZ4:
        payload = frame_as_clients(view)
    else:
        # The upper bytes of floating-point numbers shrink; the lower ones are noise: they need not be
        # searched now, nor decoded later.
        payload = frame_blocks(list(zip(split_bytes(view), method.shrinks, strict=True)))
    return Packed(method.scheme, payload) if len(payload) < len(view) else Packed(Scheme.NONE, chunk)


class Decoder:
    """A decompressor of chunks, in two steps: grouped bytes of several chunks are put in order together.

    Guarantees: at most 256 KiB more than the announced length are produced for a chunk, for any payload.
    Not thread-safe.
    """

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames = FrameReader()

    def unpack(self, scheme: int, payload: memoryview, length: int) -> Buffer | Grouped:
        """Return the bytes of a chunk, perhaps grouped; for an uncompressed chunk, ``payload`` itself.

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
        if scheme not in (Scheme.LZ4, Scheme.BG4_LZ4):
            raise Malformed("chunk", f"compression scheme {scheme} is unknown")
        if length > MAX_CHUNK_BYTES:
            raise Malformed("chunk", f"{length} bytes are more than {MAX_CHUNK_BYTES}")
        pieces = self._frames.read(payload, length)
        if scheme == Scheme.BG4_LZ4 and length:
            return Grouped(pieces, length)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def put_in_order(unpacked: Sequence[Buffer | Grouped]) -> list[Buffer]:
    """Return the bytes of chunks that a decoder has unpacked."""
    grouped = [chunk for chunk in unpacked if isinstance(chunk, Grouped)]
    if not grouped:
        return list(unpacked)  # type: ignore[arg-type]
    ordered = iter(ungroup_all(grouped))
    return [next(ordered) if isinstance(chunk, Grouped) else chunk for chunk in unpacked]


def _sample(view: memoryview) -> bytes:
    """Return up to three pieces from the beginning, the middle and the end, cut at multiples of 4."""
    size = len(view)
    if size <= 3 * _SAMPLE_BYTES:
        return bytes(view)
    starts = (0, (size - _SAMPLE_BYTES) // 8 * 4, (size - _SAMPLE_BYTES) // 4 * 4)
    return b"".join(view[start : start + _SAMPLE_BYTES] for start in starts)


def _estimate(data: Buffer) -> int:
    return min(len(lz4.block.compress(data, store_size=False)), len(data))
