"""Parts of files: runs of chunks that clients fetch, whose borders depend on the file alone.

Where the chunks of a file lie, and in how many xorbs, tells about other files that lie there too. A reconstruction
therefore cuts a file into parts by the numbers of its chunks, as if it were stored alone; the bytes of a part are the
serialised chunks, one after the other, from whatever xorbs they are in.

Source: docs/protocols/xet.md, section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from entrepot.errors import LimitExceeded
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.indexes import XorbIndex
from entrepot.xet.plans import CutTerms, Lookup, cut_terms
from entrepot.xet.terms import Terms

PART_CHUNKS = 1024
"""The maximum number of chunks in a part, about 64 MiB of content and at most 128 MiB; parts end at multiples of it."""

MAX_PARTS = 1 << 16
"""The maximum number of parts in a plan, enough for about 4 TiB; clients ask for at most 512 MB at a time."""


@attrs.frozen
class XorbRun:
    """Adjacent chunks of a xorb, ``start`` to ``end`` (exclusive)."""

    xorb: XetHash
    start: int
    end: int


@attrs.frozen
class FilePart:
    """The chunks ``start`` to ``end`` (exclusive) of a file, counted from its beginning, and where they lie.

    ``unpacked``: their length in the file; ``size``: the length of their serialised bytes.
    """

    start: int
    end: int
    unpacked: int
    size: int
    runs: tuple[XorbRun, ...] = attrs.field(repr=False)


@attrs.frozen
class FilePlan:
    """The steps to assemble a range of a file.

    Fetch every part, decompress it, concatenate the chunks, drop the first ``skip`` bytes and keep ``length`` bytes.
    """

    skip: int
    length: int
    parts: tuple[FilePart, ...]


def plan_parts(terms: Terms, lookup: Lookup, first: int, last: int) -> FilePlan:
    """Return the parts with the bytes ``first`` to ``last`` (inclusive) of a file.

    Args:
        terms, lookup, first, last: as for :func:`~entrepot.xet.plans.cut_terms`.

    Raises:
        RangeNotSatisfiable, Malformed: as :func:`~entrepot.xet.plans.cut_terms`.
        LimitExceeded: the range has more than 65,536 parts.
    """
    cut = cut_terms(terms, lookup, first, last)
    if sum(term.end - term.start for term in cut.terms) > PART_CHUNKS * (MAX_PARTS - 1):
        raise LimitExceeded("the parts of the requested range", MAX_PARTS, "request a shorter range")
    return FilePlan(cut.skip, cut.length, tuple(_parts(cut)))


def _parts(cut: CutTerms) -> Iterator[FilePart]:
    start = at = cut.start
    unpacked = size = 0
    runs: list[XorbRun] = []
    for term in cut.terms:
        index, low = cut.indexes[term.xorb], term.start
        while low < term.end:
            high = min(term.end, low + PART_CHUNKS - at % PART_CHUNKS)
            unpacked += index.raw_length(low, high)
            size += index.stored_length(low, high)
            runs.append(XorbRun(term.xorb, low, high))
            at, low = at + high - low, high
            if at % PART_CHUNKS == 0:
                yield FilePart(start, at, unpacked, size, tuple(runs))
                start, unpacked, size, runs = at, 0, 0, []
    if at > start:
        yield FilePart(start, at, unpacked, size, tuple(runs))


def runs_of(terms: Terms, start: int, end: int) -> list[XorbRun]:
    """Return where the chunks ``start`` to ``end`` (exclusive) of a file lie, in order."""
    ends = terms.chunk_ends()
    low, high = (int(number) for number in np.searchsorted(ends, (start, end - 1), side="right"))
    runs: list[XorbRun] = []
    at = int(ends[low - 1]) if low else 0
    for term in terms.part(low, high + 1):
        count = term.end - term.start
        first, stop = max(0, start - at), min(count, end - at)
        runs.append(XorbRun(term.xorb, term.start + first, term.start + stop))
        at += count
    return runs


def serialised_range(index: XorbIndex, run: XorbRun) -> tuple[int, int]:
    """Return the offset of the serialised chunks of a run in their xorb, and their length.

    Raises:
        Malformed: the xorb has no such chunks.
    """
    index.check_range(run.start, run.end)
    return index.offset(run.start), index.stored_length(run.start, run.end)
