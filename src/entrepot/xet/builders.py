"""Building of xorbs from chunks, for content that was not uploaded through Xet."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from entrepot.errors import LimitExceeded, Malformed
from entrepot.xet.compression import MAX_CHUNK_BYTES, CompressionMethod, choose_method, pack
from entrepot.xet.hashes import HASH_BYTES, Buffer
from entrepot.xet.indexes import MAX_CHUNKS, MAX_RAW_BYTES, XorbIndex
from entrepot.xet.xorbs import HEADER_BYTES, Xorb, open_chunks

_HEADER = struct.Struct("<II")
_PIECE = 1 << 20
_FIRST_PIECE = 1 << 16
_SAME_METHOD = 8


class XorbWriter:
    """A writer that compresses chunks and passes the bytes of the xorb on; use one for each xorb.

    Guarantees: equal chunks in equal order give equal bytes; memory is limited to
    about 1 MiB, and 48 bytes a chunk. Not thread-safe.

    Source: docs/protocols/xet.md, section 5.
    """

    __slots__ = ("_buffer", "_ends", "_filled", "_hashes", "_method", "_method_used", "_raw_ends", "_size", "_write")

    def __init__(self, write: Callable[[memoryview], object]) -> None:
        """Begin a xorb.

        Args:
            write: receives its bytes in order, about 1 MiB at a time; they are valid during the call only.
        """
        self._write = write
        # One buffer for all pieces: memory that is freed and allocated again is given back to the
        # kernel and faulted in again, which costs more than compressing.
        self._buffer = memoryview(bytearray(_FIRST_PIECE))
        self._filled = 0
        self._method: CompressionMethod | None = None
        self._method_used = 0
        self._size = 0
        self._hashes = bytearray()
        self._ends = array("I")
        self._raw_ends = array("I")

    @property
    def count(self) -> int:
        """The number of chunks so far."""
        return len(self._ends)

    @property
    def raw_size(self) -> int:
        """The uncompressed bytes so far."""
        return self._raw_ends[-1] if self._raw_ends else 0

    def has_room(self, length: int) -> bool:
        """Return whether one more chunk of this length can be added."""
        return self.count < MAX_CHUNKS and self.raw_size + length <= MAX_RAW_BYTES

    def add(self, chunk: Buffer, raw_hash: bytes, *, follows: bool = False) -> int:
        """Append a chunk.

        Args:
            chunk: 1 to 131,072 bytes; the caller may reuse the buffer immediately.
            raw_hash: its chunk hash; not verified, because the caller has computed
                it to find out that the chunk is new.
            follows: the chunk continues the previous one in a file, so it may be compressed
                by the same method; the method is judged for every eighth chunk at least.

        Returns:
            The index of the chunk in the xorb, from 0.

        Raises:
            Malformed: the chunk is empty or too long, or the hash has a wrong length.
            LimitExceeded: the xorb is full; check :meth:`has_room` first.
            Whatever ``write`` raises.
        """
        if not 1 <= len(chunk) <= MAX_CHUNK_BYTES or len(raw_hash) != HASH_BYTES:
            raise Malformed("chunk", f"{len(chunk)} bytes are not 1 to {MAX_CHUNK_BYTES}, or its hash is not 32 bytes")
        if not self.has_room(len(chunk)):
            raise LimitExceeded("the content of the xorb", MAX_RAW_BYTES, "begin another xorb")
        packed = pack(chunk, self._choose_method(chunk, follows=follows))
        self._put(_HEADER.pack(len(packed.payload) << 8, packed.scheme | len(chunk) << 8), packed.payload)
        self._raw_ends.append(self.raw_size + len(chunk))
        self._ends.append(self._size)
        self._hashes += raw_hash
        return self.count - 1

    def finish(self) -> XorbIndex:
        """Write the rest of the bytes and return the index of all added chunks.

        Raises:
            Malformed: nothing was added.
            Whatever ``write`` raises.
        """
        if not self.count:
            raise Malformed("xorb", "it has no chunks")
        self._flush()
        return XorbIndex(bytes(self._hashes), self._ends[:], self._raw_ends[:])

    def _choose_method(self, chunk: Buffer, *, follows: bool) -> CompressionMethod:
        if self._method is None or not follows or self._method_used == _SAME_METHOD:
            self._method, self._method_used = choose_method(chunk), 0
        method = self._method
        self._method, self._method_used = method.after(len(chunk)), self._method_used + 1
        return method

    def _put(self, header: bytes, payload: Buffer) -> None:
        start = self._filled + HEADER_BYTES
        end = start + len(payload)
        if end > len(self._buffer):
            larger = bytearray(max(end, 2 * len(self._buffer)))
            larger[: self._filled] = self._buffer[: self._filled]
            self._buffer = memoryview(larger)
        # Into a view, not into a bytearray, which would copy the bytes twice.
        self._buffer[self._filled : start] = header
        self._buffer[start:end] = payload
        self._size += end - self._filled
        self._filled = end
        if end >= _PIECE:
            self._flush()

    def _flush(self) -> None:
        self._write(self._buffer[: self._filled])
        self._filled = 0


class XorbBuilder:
    """A builder that collects and compresses chunks and returns the xorb, as :class:`XorbWriter` writes it."""

    __slots__ = ("_pieces", "_writer")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._writer = XorbWriter(lambda piece: self._pieces.append(bytes(piece)))

    @property
    def count(self) -> int:
        """The number of chunks so far."""
        return self._writer.count

    @property
    def raw_size(self) -> int:
        """The uncompressed bytes so far."""
        return self._writer.raw_size

    def has_room(self, length: int) -> bool:
        """Return whether one more chunk of this length can be added."""
        return self._writer.has_room(length)

    def add(self, chunk: Buffer, raw_hash: bytes) -> int:
        """Append a chunk and return its index; arguments and errors as in :meth:`XorbWriter.add`."""
        return self._writer.add(chunk, raw_hash)

    def finish(self) -> Xorb:
        """Return the xorb of all added chunks.

        Raises:
            Malformed: nothing was added.
        """
        index = self._writer.finish()
        return Xorb(index.xorb_hash(), b"".join(self._pieces), index)


def recompress(data: Buffer, index: XorbIndex) -> Xorb:
    """Return the xorb of the same chunks as :class:`XorbBuilder` compresses them.

    Raises:
        Malformed, ContentMismatch: the bytes are not those that the index describes.
    """
    builder = XorbBuilder()
    for number, chunk in enumerate(open_chunks(memoryview(data)[: index.size], index, 0, index.count)):
        builder.add(chunk, index.chunk_hashes(number, number + 1))
    return builder.finish()
