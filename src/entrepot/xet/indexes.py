"""Xorb indexes: the hashes and positions of the chunks of a xorb, as the server stores them.

An index has 40 bytes per chunk, about 0.65 MB per GiB of content.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

import attrs

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.compression import MAX_CHUNK_BYTES
from entrepot.xet.hashes import HASH_BYTES, Buffer, xorb_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_CHUNKS = 8192
"""The maximum number of chunks in a xorb."""

MAX_RAW_BYTES = 67_108_864
"""The most uncompressed bytes that a xorb gets here.

The JavaScript client fills xorbs by their compressed size, so that received ones may have more: all that fits into
the most chunks of the greatest length.
"""

_ROW = HASH_BYTES + 4 + 4


@attrs.frozen
class XorbIndex:
    """The chunks of one xorb, in order.

    ``hashes`` holds their concatenated raw hashes, ``ends`` the end of each one
    in the serialized xorb, including its header, and ``raw_ends`` its end in
    the uncompressed content. Both are ascending arrays of unsigned 32-bit
    numbers. An index has at least one chunk. It is comparable but not hashable.
    """

    hashes: bytes
    ends: array[int]
    raw_ends: array[int]

    @property
    def count(self) -> int:
        """The number of chunks, 1 to 8,192."""
        return len(self.ends)

    @property
    def size(self) -> int:
        """The length of the serialized xorb."""
        return self.ends[-1]

    @property
    def raw_size(self) -> int:
        """The length of all chunks, uncompressed."""
        return self.raw_ends[-1]

    def offset(self, chunk: int) -> int:
        """Return the start of chunk ``chunk`` (0 to :attr:`count`) in the serialized xorb."""
        return self.ends[chunk - 1] if chunk else 0

    def raw_offset(self, chunk: int) -> int:
        """Return the start of chunk ``chunk`` (0 to :attr:`count`) in the uncompressed content."""
        return self.raw_ends[chunk - 1] if chunk else 0

    def raw_length(self, start: int, end: int) -> int:
        """Return the number of uncompressed bytes of the chunks ``start`` to ``end`` (exclusive)."""
        return self.raw_offset(end) - self.raw_offset(start)

    def stored_length(self, start: int, end: int) -> int:
        """Return the number of bytes of the chunks ``start`` to ``end`` (exclusive) in the serialized xorb."""
        return self.offset(end) - self.offset(start)

    def chunk_hashes(self, start: int, end: int) -> bytes:
        """Return the concatenated raw hashes of the chunks ``start`` to ``end`` (exclusive)."""
        return self.hashes[HASH_BYTES * start : HASH_BYTES * end]

    def lengths(self, start: int, end: int) -> NDArray[np.int64]:
        """Return the uncompressed length of each of the chunks ``start`` to ``end`` (exclusive)."""
        ends = np.frombuffer(self.raw_ends, np.uint32)[start:end].astype(np.int64)
        return np.diff(ends, prepend=self.raw_offset(start))

    def xorb_hash(self) -> XetHash:
        """Return the id of the xorb, computed from its chunks."""
        return xorb_hash(self.hashes, self.lengths(0, self.count))

    def check_range(self, start: int, end: int) -> None:
        """Check that ``start`` to ``end`` (exclusive) are chunks of this xorb.

        Raises:
            Malformed: the range is empty, reversed or out of bounds.
        """
        if not 0 <= start < end <= self.count:
            raise Malformed("chunk range", f"{start} to {end} is not within the {self.count} chunks of the xorb")

    def encode(self) -> bytes:
        """Return the bytes to store: all hashes, then all ends, then all raw ends, little-endian."""
        return self.hashes + encode_numbers(self.ends) + encode_numbers(self.raw_ends)


def read_index(data: Buffer) -> XorbIndex:
    """Parse an index as returned by :meth:`XorbIndex.encode`.

    Raises:
        Malformed: no number of chunks gives this length, or the distance between
            two ends is not a possible chunk length.
    """
    count, rest = divmod(len(data), _ROW)
    if rest or not 1 <= count <= MAX_CHUNKS:
        raise Malformed("xorb index", f"{len(data)} bytes are not 1 to {MAX_CHUNKS} rows of {_ROW}")
    view = memoryview(data)
    middle = HASH_BYTES * count
    ends = read_numbers(view[middle : middle + 4 * count])
    raw_ends = read_numbers(view[middle + 4 * count :])
    index = XorbIndex(bytes(view[:middle]), ends, raw_ends)
    lengths = index.lengths(0, count)
    sizes = np.diff(np.frombuffer(ends, np.uint32).astype(np.int64), prepend=0)
    if lengths.min() < 1 or lengths.max() > MAX_CHUNK_BYTES or sizes.min() <= 0:
        raise Malformed("xorb index", "its chunk ends are not ascending")
    return index


def read_numbers(data: Buffer) -> array[int]:
    """Return the unsigned 32-bit numbers in little-endian bytes, whose length is a multiple of 4."""
    numbers = array("I", bytes(data))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def encode_numbers(numbers: array[int]) -> bytes:
    """Return the bytes from which :func:`read_numbers` returns these numbers."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
