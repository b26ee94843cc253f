"""Sets of chunks of one xorb: those that a file uses, or that a caller may refer to."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from entrepot.errors import Malformed
from entrepot.xet.arrays import np
from entrepot.xet.indexes import MAX_CHUNKS, XorbIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAIR = "<u2"


class ChunkSet:
    """A set of chunk indexes of a xorb, made of packed ranges as :func:`pack_ranges` returns them.

    Raises:
        Malformed: a range is truncated, or ends after the last possible chunk.
    """

    __slots__ = ("_before", "_borders")

    def __init__(self, packed: Iterable[bytes] = ()) -> None:
        steps = np.zeros(MAX_CHUNKS + 1, np.int64)
        self._borders = np.zeros(MAX_CHUNKS + 1, np.bool_)
        for data in packed:
            if len(data) % 4:
                raise Malformed("chunk ranges", f"{len(data)} bytes are not pairs of numbers")
            pairs = np.frombuffer(data, _PAIR).reshape(-1, 2)
            if pairs.size and int(pairs.max()) > MAX_CHUNKS:
                raise Malformed("chunk ranges", f"a xorb has at most {MAX_CHUNKS} chunks")
            np.add.at(steps, pairs[:, 0], 1)
            np.add.at(steps, pairs[:, 1], -1)
            self._borders[pairs] = True
        inside = np.cumsum(steps[:-1]) > 0
        self._before = np.concatenate(([0], np.cumsum(inside))).astype(np.int16)

    @classmethod
    def everything(cls) -> Self:
        """Return the set of all chunks that a xorb can have."""
        return cls([pack_ranges([(0, MAX_CHUNKS)])])

    def covers(self, start: int, end: int) -> bool:
        """Return whether all chunks from ``start`` to ``end`` (exclusive) are in the set; False for an empty range."""
        if not 0 <= start < end <= MAX_CHUNKS:
            return False
        return int(self._before[end] - self._before[start]) == end - start

    def first(self, count: int) -> NDArray[np.bool_]:
        """Return an array that says for each of the first ``count`` chunks whether it is in the set."""
        return np.diff(self._before[: count + 1]) > 0

    def runs(self, count: int) -> list[tuple[int, int]]:
        """Return the chunks of the set among the first ``count`` as runs, ascending (end exclusive).

        A run ends where a range of the set begins or ends, even if another range continues it: whether two ranges are
        adjacent depends on what else lies between them.
        """
        borders = [0, *np.flatnonzero(self._borders[:count]).tolist(), count]
        return [(start, end) for start, end in itertools.pairwise(borders) if self.covers(start, end)]

    def serialised_size(self, index: XorbIndex) -> int:
        """Return how many bytes of a serialised xorb are those of the chunks of the set."""
        return sum(index.stored_length(start, end) for start, end in self.runs(index.count))

    def __bool__(self) -> bool:
        return bool(self._before[-1])


def pack_ranges(ranges: Iterable[tuple[int, int]]) -> bytes:
    """Return ranges of chunk indexes (end exclusive), merged and in ascending order, 4 bytes each."""
    merged: list[list[int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return struct.pack(f"<{2 * len(merged)}H", *itertools.chain.from_iterable(merged))
