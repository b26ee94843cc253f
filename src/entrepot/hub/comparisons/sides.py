"""The two sides of a comparison: files with their chunks, and ranges compared by chunks before they are read."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from entrepot.catalog import Read
from entrepot.errors import LimitExceeded, XorbDamaged
from entrepot.hub.context import HubContext
from entrepot.hub.repos.contents import LocatedFile
from entrepot.names import XetFileId
from entrepot.previews.sources import RangeReader
from entrepot.storage import chunk_content
from entrepot.xet import Terms, XorbIndex
from entrepot.xet.chunk_maps import ChunkMap, RangeComparison, chunk_map, compare_ranges

MAX_READ = 1 << 30
"""Bytes of both sides that one comparison reads."""

MAX_CHUNKS = 4_000_000
"""Chunks of a file that are compared; it is then about 250 GB long."""

_BLOCK = 1 << 20


@attrs.define
class ReadBudget:
    """Bytes that a comparison has read and may read; both sides share it."""

    left: int = MAX_READ
    used: int = 0

    def take(self, length: int) -> None:
        """Count bytes.

        Raises:
            LimitExceeded: more would be read than one comparison may.
        """
        if length > self.left:
            raise LimitExceeded("the number of bytes read for a comparison", MAX_READ)
        self.left -= length
        self.used += length


class ComparedFile:
    """A file of a comparison. ``chunks``: where its chunks lie, None if it is not stored as chunks."""

    def __init__(self, source: RangeReader, chunks: ChunkMap | None, budget: ReadBudget) -> None:
        """Wrap a file; the caller closes it."""
        self.size, self.chunks, self.budget = source.size, chunks, budget
        self._source = source

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``.

        Raises:
            LimitExceeded: the comparison has read too much.
        """
        self.budget.take(max(0, min(length, self.size - offset)))
        return self._source.read_at(offset, length)


@attrs.frozen
class RangeEquality:
    """Whether two ranges are equal, None if reading them takes too long. ``changed``: bytes at most that differ."""

    is_equal: bool | None
    changed: int


def compare_files(
    old: ComparedFile, start: int, new: ComparedFile, new_start: int, length: int, *, most: int | None = None
) -> RangeEquality:
    """Compare two ranges of the same length: by their chunks, then what chunks cannot tell by reading.

    Args:
        most: bytes of each side that may be read; None: as many as the budget allows.
    """
    compared = RangeComparison([(0, length)] if length else [], is_different=False)
    if old.chunks is not None and new.chunks is not None:
        compared = compare_ranges(old.chunks, start, new.chunks, new_start, length)
    if compared.is_different or not compared.unknown:
        return RangeEquality(not compared.is_different, compared.unknown_bytes)
    if compared.unknown_bytes > (old.budget.left // 2 if most is None else most):
        return RangeEquality(None, compared.unknown_bytes)
    for at, size in _blocks(compared):
        if old.read_at(start + at, size) != new.read_at(new_start + at, size):
            return RangeEquality(is_equal=False, changed=compared.unknown_bytes)
    return RangeEquality(is_equal=True, changed=0)


def chunks_of(hub: HubContext, tx: Read, located: LocatedFile) -> ChunkMap | None:
    """Return where the chunks of a file lie; None if it is small, raw or damaged, or has too many."""
    return None if located.file is None else chunks_of_file(hub, tx, located.file)


def chunks_of_file(hub: HubContext, tx: Read, file: XetFileId) -> ChunkMap | None:
    """Return where the chunks of a file lie, as :func:`chunks_of`."""
    terms = chunk_content.terms_of(tx, file)
    if terms is None or sum(term.end - term.start for term in terms) > MAX_CHUNKS:
        return None
    try:
        return chunk_map(_parts(hub, tx, terms))
    except XorbDamaged:
        return None


def _parts(hub: HubContext, tx: Read, terms: Terms) -> Iterator[tuple[XorbIndex, int, int]]:
    known: dict[str, XorbIndex] = {}
    for term in terms:
        if term.xorb not in known:
            known[term.xorb] = chunk_content.get_xorb(hub.store, tx, term.xorb).index
        yield known[term.xorb], term.start, term.end


def _blocks(compared: RangeComparison) -> Iterator[tuple[int, int]]:
    for start, end in compared.unknown:
        for at in range(start, end, _BLOCK):
            yield at, min(_BLOCK, end - at)
