"""Where the chunks of a file lie, and which ranges of two files they show to be equal."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

import attrs

from entrepot.xet.hashes import HASH_BYTES
from entrepot.xet.indexes import XorbIndex


@attrs.frozen
class ChunkMap:
    """The chunks of a file in order: the end of each in the file, and its hash."""

    ends: Sequence[int]
    hashes: Sequence[bytes] = attrs.field(repr=False)

    @property
    def size(self) -> int:
        """The length of the file."""
        return self.ends[-1] if self.ends else 0

    def begin(self, chunk: int) -> int:
        """Return where a chunk begins in the file."""
        return self.ends[chunk - 1] if chunk else 0


@attrs.frozen
class RangeComparison:
    """What chunks say of two ranges of the same length.

    ``unknown``: parts of the first range, from its start, that no pair of equal chunks covers;
    ``is_different``: two chunks that lie at the same place within the ranges differ, so the ranges do.
    """

    unknown: Sequence[tuple[int, int]]
    is_different: bool

    @property
    def unknown_bytes(self) -> int:
        """The length of the unknown parts, an upper bound for the bytes that differ."""
        return sum(end - start for start, end in self.unknown)


def chunk_map(parts: Iterable[tuple[XorbIndex, int, int]]) -> ChunkMap:
    """Return the chunks of a file that is made of ranges of chunks of xorbs.

    Args:
        parts: index of the xorb, first chunk, and the chunk after the last one.
    """
    ends: list[int] = []
    hashes: list[bytes] = []
    base = 0
    for index, start, end in parts:
        shift = base - index.raw_offset(start)
        ends += [shift + raw_end for raw_end in index.raw_ends[start:end]]
        hashes += [index.hashes[HASH_BYTES * at : HASH_BYTES * (at + 1)] for at in range(start, end)]
        base += index.raw_length(start, end)
    return ChunkMap(ends, hashes)


def compare_ranges(old: ChunkMap, start: int, new: ChunkMap, new_start: int, length: int) -> RangeComparison:
    """Compare a range of one file with a range of the same length of another by their chunks, without reading them.

    Chunks that reach over the ends of the ranges count too, as far as they are equal.
    """
    unknown: list[tuple[int, int]] = []
    is_different = False
    shift, stop = new_start - start, start + length
    chunk = bisect.bisect_right(old.ends, start)
    while chunk < len(old.ends) and old.begin(chunk) < stop:
        begin, end = old.begin(chunk), old.ends[chunk]
        other = bisect.bisect_right(new.ends, begin + shift) if begin + shift >= 0 else len(new.ends)
        is_aligned = other < len(new.ends) and new.begin(other) == begin + shift and new.ends[other] == end + shift
        if not is_aligned or new.hashes[other] != old.hashes[chunk]:
            first, last = max(begin, start) - start, min(end, stop) - start
            if unknown and unknown[-1][1] == first:
                unknown[-1] = (unknown[-1][0], last)
            else:
                unknown.append((first, last))
            is_different = is_different or (is_aligned and begin >= start and end <= stop)
        chunk += 1
    return RangeComparison(unknown, is_different)


def new_bytes(chunks: ChunkMap, known: frozenset[bytes] | set[bytes]) -> int:
    """Return the bytes of a file in chunks that are not among the known ones; a repeated chunk counts once."""
    seen: set[bytes] = set()
    total = 0
    for at, digest in enumerate(chunks.hashes):
        if digest not in known and digest not in seen:
            seen.add(digest)
            total += chunks.ends[at] - chunks.begin(at)
    return total
