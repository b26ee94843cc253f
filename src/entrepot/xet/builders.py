"""Building of xorbs from chunks, for content that was not uploaded through Xet."""

from __future__ import annotations

import struct
from array import array

from entrepot.errors import LimitExceeded, Malformed
from entrepot.xet.compression import MAX_CHUNK_BYTES, compress
from entrepot.xet.hashes import HASH_BYTES, Buffer
from entrepot.xet.indexes import MAX_CHUNKS, MAX_RAW_BYTES, XorbIndex
from entrepot.xet.xorbs import Xorb, open_chunks

_HEADER = struct.Struct("<II")


class XorbBuilder:
    """A builder that collects and compresses chunks and returns the xorb; use one for each xorb.

    Guarantees: equal chunks in equal order give equal bytes. Not thread-safe.

    Source: docs/protocols/xet.md, section 5.
    """

    __slots__ = ("_ends", "_hashes", "_pieces", "_raw_ends", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
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

    def add(self, chunk: Buffer, raw_hash: bytes) -> int:
        """Append a chunk.

        Args:
            chunk: 1 to 131,072 bytes.
            raw_hash: its chunk hash; not verified, because the caller has computed
                it to find out that the chunk is new.

        Returns:
            The index of the chunk in the xorb, from 0.

        Raises:
            Malformed: the chunk is empty or too long, or the hash has a wrong length.
            LimitExceeded: the xorb is full; check :meth:`has_room` first.
        """
        if not 1 <= len(chunk) <= MAX_CHUNK_BYTES or len(raw_hash) != HASH_BYTES:
            raise Malformed("chunk", f"{len(chunk)} bytes are not 1 to {MAX_CHUNK_BYTES}, or its hash is not 32 bytes")
        if not self.has_room(len(chunk)):
            raise LimitExceeded("the content of the xorb", MAX_RAW_BYTES, "begin another xorb")
        packed = compress(chunk)
        header = _HEADER.pack(len(packed.payload) << 8, packed.scheme | len(chunk) << 8)
        # A copy, because the caller may reuse its buffer; joined once at the end, which is cheaper than growing.
        self._pieces += (header, bytes(packed.payload))
        self._size += len(header) + len(packed.payload)
        self._raw_ends.append(self.raw_size + len(chunk))
        self._ends.append(self._size)
        self._hashes += raw_hash
        return self.count - 1

    def finish(self) -> Xorb:
        """Return the xorb of all added chunks.

        Raises:
            Malformed: nothing was added.
        """
        if not self.count:
            raise Malformed("xorb", "it has no chunks")
        index = XorbIndex(bytes(self._hashes), self._ends[:], self._raw_ends[:])
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
