"""Plans of fetches: which chunk ranges of which packs to read, and where in which draft their bytes go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import attrs

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.workspace.stores.drafts import Draft
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.xet import FileBlock, XorbIndex, chunk_hash
from entrepot.xet.plans import check_term

REQUEST_BYTES = 8 << 20
GAP_BYTES = 64 << 10
"""Ranges with a gap of at most this many bytes are read in one request."""


@attrs.define(eq=False)
class WantedContent:
    """A content to fetch, and its draft; ``paths`` are some files that have it."""

    sha256: str
    cid: str
    draft: Draft
    paths: list[str]
    error: str | None = None


@attrs.frozen(eq=False)
class ChunkUse:
    """Adjacent chunks of a pack that go to one place of a draft."""

    start: int
    end: int
    content: WantedContent
    offset: int


@attrs.frozen(eq=False)
class ReadRequest:
    """A range of chunks to read at once, and its uses, each of which lies within the range."""

    pack: Pack
    start: int
    end: int
    uses: tuple[ChunkUse, ...]


class ReadPlan:
    """Collects what is needed of each pack."""

    def __init__(self) -> None:
        self._uses: dict[XetHash, list[ChunkUse]] = {}
        self._packs: dict[XetHash, Pack] = {}

    def add(self, content: WantedContent, block: FileBlock, known: Knowledge) -> bool:
        """Add a content, without what its draft has; return whether nothing of it is missing.

        Raises:
            Malformed: the index contradicts itself or the size of the content.
        """
        if block.terms.size != content.draft.size:
            raise Malformed("index", f"it gives {block.terms.size} bytes, the manifest {content.draft.size}")
        offset, has_part = 0, content.draft.has_part()
        is_complete = content.draft.size == 0
        for term in block.terms:
            pack = known.find_pack(term.xorb)
            if pack is None:
                raise Malformed("index", f"it does not describe the xorb {term.xorb}")
            check_term(term, pack.index)
            self._packs[pack.hash] = pack
            use = ChunkUse(term.start, term.end, content, offset)
            uses = self._uses.setdefault(pack.hash, [])
            if not has_part:
                uses.append(use)
            else:
                missing = list(_missing(use, pack))
                uses += missing
                held = term.unpacked - sum(pack.index.raw_length(each.start, each.end) for each in missing)
                is_complete = content.draft.skip(held) or is_complete
            offset += term.unpacked
        return is_complete

    def requests(self) -> Iterator[ReadRequest]:
        """Yield the requests, pack by pack, in ascending order of chunks."""
        for xorb, uses in self._uses.items():
            if uses:
                yield from _divide(self._packs[xorb], sorted(uses, key=lambda use: (use.start, use.end)))


def _missing(use: ChunkUse, pack: Pack) -> Iterator[ChunkUse]:
    """Yield the parts of a use whose chunks the draft does not have."""
    begin: int | None = None
    base = pack.index.raw_offset(use.start)
    for number in range(use.start, use.end):
        at = use.offset + pack.index.raw_offset(number) - base
        held = use.content.draft.read(at, pack.index.raw_length(number, number + 1))
        is_held = chunk_hash(held) == pack.index.chunk_hashes(number, number + 1)
        if is_held and begin is not None:
            yield _part(use, pack, begin, number)
            begin = None
        elif not is_held and begin is None:
            begin = number
    if begin is not None:
        yield _part(use, pack, begin, use.end)


def _part(use: ChunkUse, pack: Pack, start: int, end: int) -> ChunkUse:
    skipped = pack.index.raw_offset(start) - pack.index.raw_offset(use.start)
    return ChunkUse(start, end, use.content, use.offset + skipped)


def _divide(pack: Pack, uses: list[ChunkUse]) -> Iterator[ReadRequest]:
    """Yield requests of limited size for uses in ascending order; a use may be divided among several."""
    ranges = [part for start, end in _merge(pack.index, uses) for part in _cut(pack.index, start, end)]
    starts = [start for start, _ in ranges]
    parts: list[list[ChunkUse]] = [[] for _ in ranges]
    for use in uses:
        number, at = bisect_right(starts, use.start) - 1, use.start
        while at < use.end:
            end = min(use.end, ranges[number][1])
            parts[number].append(use if end - at == use.end - use.start else _part(use, pack, at, end))
            number, at = number + 1, end
    for (start, end), inside in zip(ranges, parts, strict=True):
        yield ReadRequest(pack, start, end, tuple(inside))


def _merge(index: XorbIndex, uses: list[ChunkUse]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for use in uses:
        if merged and index.offset(use.start) - index.offset(merged[-1][1]) <= GAP_BYTES:
            merged[-1] = (merged[-1][0], max(merged[-1][1], use.end))
        else:
            merged.append((use.start, use.end))
    return merged


def _cut(index: XorbIndex, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = max(start + 1, bisect_right(index.ends, index.offset(start) + REQUEST_BYTES, start, end))
        yield start, stop
        start = stop
