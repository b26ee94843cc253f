"""Content-defined chunking: equal regions of files give equal chunks.

Only needed for content that was not uploaded through Xet: the server accepts
any chunk boundaries that a client chose.

Source: docs/protocols/xet.md, section 3.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from typing import TYPE_CHECKING

from entrepot.xet.arrays import np
from entrepot.xet.compiled_gear import START, CompiledGear, compiled_gear, length_of
from entrepot.xet.compression import MAX_CHUNK_BYTES
from entrepot.xet.gear_table import GEAR
from entrepot.xet.hashes import Buffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_CHUNK_BYTES = 8192
"""Every chunk but the last has at least this many bytes."""

# A 64-bit number that is shifted left for every byte no longer depends on the byte 64 positions ago.
_WINDOW = 64
_BOUNDARY_BELOW = 1 << 48  # the upper 16 bits are zero
_BLOCK = 32_768


@functools.cache
def _table() -> NDArray[np.uint64]:
    return np.array(GEAR, np.uint64)


class Chunker:
    """A chunker that finds chunk boundaries incrementally, compiled if possible (:mod:`entrepot.xet.compiled_gear`).

    Guarantees: the boundaries do not depend on how the bytes were split into calls,
    nor on what is installed. Not thread-safe.
    """

    __slots__ = ("_chunker",)

    def __init__(self) -> None:
        gear = compiled_gear()
        self._chunker: NumpyChunker | CompiledChunker = NumpyChunker() if gear is None else CompiledChunker(gear)

    def feed(self, data: Buffer) -> list[int]:
        """Add the next bytes.

        Returns:
            The ends of the chunks that these bytes complete, in ascending order,
            as offsets from the beginning of the file.
        """
        return self._chunker.feed(data)

    def finish(self) -> list[int]:
        """Return the end of the last chunk; an empty list if the file ended with a chunk or is empty."""
        return self._chunker.finish()


class CompiledChunker:
    """The chunker that searches in machine code; see :class:`Chunker`."""

    __slots__ = ("_gear", "_state", "_taken")

    def __init__(self, gear: CompiledGear) -> None:
        self._gear = gear
        self._state = START
        self._taken = 0

    def feed(self, data: Buffer) -> list[int]:
        """Add the next bytes; see :meth:`Chunker.feed`."""
        view = memoryview(data).cast("B")
        ends, self._state = self._gear.search(view, self._state)
        before, self._taken = self._taken, self._taken + len(view)
        return [before + end for end in ends]

    def finish(self) -> list[int]:
        """Return the end of the last chunk; see :meth:`Chunker.finish`."""
        waiting, self._state = length_of(self._state), START
        return [self._taken] if waiting else []


class NumpyChunker:
    """The chunker that needs NumPy only, and the oracle of the compiled one; see :class:`Chunker`."""

    __slots__ = ("_candidates", "_hashes", "_last_end", "_recent", "_shifted", "_table", "_taken")

    def __init__(self) -> None:
        self._table = _table()
        self._hashes = np.empty(_BLOCK + _WINDOW - 1, np.uint64)
        self._shifted = np.empty_like(self._hashes)
        self._recent = np.zeros(_WINDOW - 1, np.uint8)
        self._candidates: list[int] = []
        self._taken = 0
        self._last_end = 0

    def feed(self, data: Buffer) -> list[int]:
        """Add the next bytes; see :meth:`Chunker.feed`."""
        source = np.frombuffer(data, np.uint8)
        for at in range(0, len(source), _BLOCK):
            self._scan(source[at : at + _BLOCK])
        return self._cut()

    def finish(self) -> list[int]:
        """Return the end of the last chunk; see :meth:`Chunker.finish`."""
        if self._last_end == self._taken:
            return []
        self._last_end = self._taken
        return [self._taken]

    def _scan(self, block: NDArray[np.uint8]) -> None:
        """Record every position where the hash of the preceding 64 bytes allows a boundary."""
        window = np.concatenate((self._recent, block))
        hashes = self._hashes[: len(window)]
        np.take(self._table, window, out=hashes, mode="clip")
        # After the step with width w, each number covers 2w bytes: h(i) + 2**w h(i - w).
        for width in (1, 2, 4, 8, 16, 32):
            shifted = self._shifted[: len(window) - width]
            np.left_shift(hashes[:-width], width, out=shifted)
            np.add(hashes[width:], shifted, out=hashes[width:])
        found = np.flatnonzero(hashes[_WINDOW - 1 :] < _BOUNDARY_BELOW)
        self._candidates += (found + (self._taken + 1)).tolist()
        self._recent = window[-(_WINDOW - 1) :]
        self._taken += len(block)

    def _cut(self) -> list[int]:
        ends: list[int] = []
        end = self._last_end
        known = 0
        while self._taken - end >= MIN_CHUNK_BYTES:
            known = bisect_left(self._candidates, end + MIN_CHUNK_BYTES, known)
            nearest = self._candidates[known] if known < len(self._candidates) else self._taken + 1
            following = min(nearest, end + MAX_CHUNK_BYTES)
            if following > self._taken:
                break
            ends.append(following)
            end = following
        self._last_end = end
        del self._candidates[:known]
        return ends


def chunk_ends(data: Buffer) -> list[int]:
    """Return the ends of all chunks of a file, in ascending order.

    The last end is the length of the file; an empty file has none.
    """
    chunker = Chunker()
    return chunker.feed(data) + chunker.finish()
