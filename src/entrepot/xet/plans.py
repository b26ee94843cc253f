"""Reconstruction plans: which bytes of which xorbs give a range of a file.

Source: docs/protocols/xet.md, section 7.2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np

from entrepot.errors import Malformed, RangeNotSatisfiable
from entrepot.names import XetHash
from entrepot.xet.indexes import XorbIndex
from entrepot.xet.terms import Term, Terms

Lookup = Callable[[XetHash], XorbIndex]
"""Gives the index of a xorb of the file; called once for each xorb that a plan needs."""


@attrs.frozen
class FetchRange:
    """Chunks that lie side by side in a xorb, and the bytes to fetch for them.

    ``start`` to ``end`` are chunk numbers, the end exclusive; ``first_byte``
    to ``last_byte`` lie in the serialized xorb, the last one inclusive, as
    the Range header counts.
    """

    start: int
    end: int
    first_byte: int
    last_byte: int


@attrs.frozen
class Fetch:
    """All that is needed of one xorb: ranges that neither overlap nor touch, ascending."""

    xorb: XetHash
    ranges: tuple[FetchRange, ...]


@attrs.frozen
class Plan:
    """How to make a range of a file.

    Fetch every range, decompress, run the chunks of the terms together in
    order, drop the first ``skip`` bytes and keep ``length`` bytes. Each term
    lies within one range of its xorb; xorbs come in the order of first use.
    """

    skip: int
    length: int
    terms: tuple[Term, ...]
    fetches: tuple[Fetch, ...]


def plan(terms: Terms, lookup: Lookup, first: int, last: int) -> Plan:
    """The plan for the bytes ``first`` to ``last`` (inclusive) of a file.

    Chunks of the first and the last term that hold no byte of the range are
    left out. The plan depends on nothing but the arguments: clients ask again
    when a URL has expired, and need the same plan.

    Args:
        terms: those of the whole file, in order.
        last: clamped to the end of the file.

    Returns:
        An empty plan for the empty file and ``first`` 0.

    Raises:
        RangeNotSatisfiable: ``first`` lies behind the file or behind ``last``.
        Malformed: a term contradicts the index of its xorb.
    """
    ends = terms.ends()
    size = int(ends[-1]) if len(ends) else 0
    if size == 0 and first == 0:
        return Plan(0, 0, (), ())
    if not 0 <= first <= last or first >= size:
        raise RangeNotSatisfiable(size)
    last = min(last, size - 1)
    low, high = (int(number) for number in np.searchsorted(ends, (first, last), side="right"))
    kept = list(terms.part(low, high + 1))
    indexes = {xorb: lookup(xorb) for xorb in dict.fromkeys(term.xorb for term in kept)}
    for term in kept:
        check_term(term, indexes[term.xorb])
    begin, begin_of_last = int(ends[low]) - kept[0].unpacked, int(ends[high]) - kept[-1].unpacked
    # The end first: cutting the beginning of an only term moves what its end is counted from.
    kept[-1] = _without_tail(kept[-1], indexes[kept[-1].xorb], last - begin_of_last)
    shortened = _without_head(kept[0], indexes[kept[0].xorb], first - begin)
    skip = first - begin - (kept[0].unpacked - shortened.unpacked)
    kept[0] = shortened
    return Plan(skip, last - first + 1, tuple(kept), _fetches(kept, indexes))


def check_term(term: Term, index: XorbIndex) -> None:
    """Make sure that a term can be cut out of its xorb.

    Raises:
        Malformed: its chunks are not within the xorb, or have another length
            than the term says.
    """
    index.check_range(term.start, term.end)
    length = index.raw_length(term.start, term.end)
    if length != term.unpacked:
        raise Malformed("term", f"the chunks {term.start} to {term.end} have {length} bytes, not {term.unpacked}")


def _without_head(term: Term, index: XorbIndex, offset: int) -> Term:
    """The term without the whole chunks before byte ``offset`` of it."""
    start = bisect_right(index.raw_ends, index.raw_offset(term.start) + offset, term.start, term.end)
    return Term(term.xorb, start, term.end, index.raw_length(start, term.end))


def _without_tail(term: Term, index: XorbIndex, offset: int) -> Term:
    """The term without the whole chunks behind byte ``offset`` of it."""
    end = bisect_right(index.raw_ends, index.raw_offset(term.start) + offset, term.start, term.end) + 1
    return Term(term.xorb, term.start, end, index.raw_length(term.start, end))


def _fetches(terms: Sequence[Term], indexes: Mapping[XetHash, XorbIndex]) -> tuple[Fetch, ...]:
    wanted: dict[XetHash, list[tuple[int, int]]] = {}
    for term in terms:
        wanted.setdefault(term.xorb, []).append((term.start, term.end))
    return tuple(Fetch(xorb, _merge(ranges, indexes[xorb])) for xorb, ranges in wanted.items())


def _merge(wanted: list[tuple[int, int]], index: XorbIndex) -> tuple[FetchRange, ...]:
    """Chunk ranges as few ranges: what overlaps or touches becomes one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(wanted):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(FetchRange(start, end, index.offset(start), index.offset(end) - 1) for start, end in merged)
