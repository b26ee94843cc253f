"""Reconstruction plans: the byte ranges of xorbs from which a range of a file is assembled.

Source: docs/protocols/xet.md, section 7.2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

import attrs

from entrepot.errors import Malformed, RangeNotSatisfiable
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.indexes import XorbIndex
from entrepot.xet.terms import Term, Terms

Lookup = Callable[[XetHash], XorbIndex]
"""A function that returns the index of a xorb; called once for each xorb that a plan needs."""


@attrs.frozen
class FetchRange:
    """Adjacent chunks of a xorb, and the byte range to fetch for them.

    ``start`` to ``end`` are chunk indexes, the end exclusive; ``first_byte`` to
    ``last_byte`` are offsets in the serialized xorb, the last one inclusive, as
    in the Range header.
    """

    start: int
    end: int
    first_byte: int
    last_byte: int


@attrs.frozen
class Fetch:
    """Everything to fetch of one xorb: ascending ranges that neither overlap nor touch."""

    xorb: XetHash
    ranges: tuple[FetchRange, ...]


@attrs.frozen
class Plan:
    """The steps to assemble a range of a file.

    Fetch every range, decompress it, concatenate the chunks of the terms in
    order, drop the first ``skip`` bytes and keep ``length`` bytes. Each term
    lies within one range of its xorb; xorbs are in the order of first use.
    """

    skip: int
    length: int
    terms: tuple[Term, ...]
    fetches: tuple[Fetch, ...]


def plan(terms: Terms, lookup: Lookup, first: int, last: int) -> Plan:
    """Return the plan for the bytes ``first`` to ``last`` (inclusive) of a file.

    Args:
        terms, lookup, first, last: as for :func:`cut_terms`.

    Returns:
        An empty plan for the empty file and ``first`` 0.

    Raises:
        RangeNotSatisfiable, Malformed: as :func:`cut_terms`.
    """
    cut = cut_terms(terms, lookup, first, last)
    return Plan(cut.skip, cut.length, cut.terms, _fetches(cut.terms, cut.indexes))


@attrs.frozen
class CutTerms:
    """The chunks of a file that a range of it needs, as terms; ``start`` is the number of the first one in the file.

    ``skip``: bytes of the first chunk before the range; ``length``: bytes of the range; ``indexes``: those of all
    xorbs of the terms.
    """

    skip: int
    length: int
    start: int
    terms: tuple[Term, ...]
    indexes: Mapping[XetHash, XorbIndex] = attrs.field(repr=False)


def cut_terms(terms: Terms, lookup: Lookup, first: int, last: int) -> CutTerms:
    """Return the chunks with the bytes ``first`` to ``last`` (inclusive) of a file.

    Chunks of the first and the last term outside the range are omitted. The
    result depends only on the arguments: clients request a plan again when a URL has
    expired, and need the same plan.

    Args:
        terms: those of the whole file, in order.
        last: clamped to the end of the file.

    Returns:
        No terms for the empty file and ``first`` 0.

    Raises:
        RangeNotSatisfiable: ``first`` is after the end of the file or after ``last``.
        Malformed: a term contradicts the index of its xorb.
    """
    ends = terms.ends()
    size = int(ends[-1]) if len(ends) else 0
    if size == 0 and first == 0:
        return CutTerms(0, 0, 0, (), {})
    if not 0 <= first <= last or first >= size:
        raise RangeNotSatisfiable(size)
    last = min(last, size - 1)
    low, high = (int(number) for number in np.searchsorted(ends, (first, last), side="right"))
    kept = list(terms.part(low, high + 1))
    indexes = {xorb: lookup(xorb) for xorb in dict.fromkeys(term.xorb for term in kept)}
    for term in kept:
        check_term(term, indexes[term.xorb])
    begin, begin_of_last = int(ends[low]) - kept[0].unpacked, int(ends[high]) - kept[-1].unpacked
    # The end first: cutting the beginning of a single term changes the offset of its end.
    kept[-1] = _without_tail(kept[-1], indexes[kept[-1].xorb], last - begin_of_last)
    shortened = _without_head(kept[0], indexes[kept[0].xorb], first - begin)
    skip = first - begin - (kept[0].unpacked - shortened.unpacked)
    start = terms.part(0, low).chunk_count + shortened.start - kept[0].start
    kept[0] = shortened
    return CutTerms(skip, last - first + 1, start, tuple(kept), indexes)


def check_term(term: Term, index: XorbIndex) -> None:
    """Check that a term can be cut out of its xorb.

    Raises:
        Malformed: its chunks are not within the xorb, or their length is not that
            of the term.
    """
    index.check_range(term.start, term.end)
    length = index.raw_length(term.start, term.end)
    if length != term.unpacked:
        raise Malformed("term", f"the chunks {term.start} to {term.end} have {length} bytes, not {term.unpacked}")


def _without_head(term: Term, index: XorbIndex, offset: int) -> Term:
    """Return the term without the complete chunks before its byte ``offset``."""
    start = bisect_right(index.raw_ends, index.raw_offset(term.start) + offset, term.start, term.end)
    return Term(term.xorb, start, term.end, index.raw_length(start, term.end))


def _without_tail(term: Term, index: XorbIndex, offset: int) -> Term:
    """Return the term without the complete chunks after its byte ``offset``."""
    end = bisect_right(index.raw_ends, index.raw_offset(term.start) + offset, term.start, term.end) + 1
    return Term(term.xorb, term.start, end, index.raw_length(term.start, end))


def _fetches(terms: Sequence[Term], indexes: Mapping[XetHash, XorbIndex]) -> tuple[Fetch, ...]:
    wanted: dict[XetHash, list[tuple[int, int]]] = {}
    for term in terms:
        wanted.setdefault(term.xorb, []).append((term.start, term.end))
    return tuple(Fetch(xorb, _merge(ranges, indexes[xorb])) for xorb, ranges in wanted.items())


def _merge(wanted: list[tuple[int, int]], index: XorbIndex) -> tuple[FetchRange, ...]:
    """Return the ranges of chunks with overlapping and adjacent ranges merged."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(wanted):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(FetchRange(start, end, index.offset(start), index.offset(end) - 1) for start, end in merged)
