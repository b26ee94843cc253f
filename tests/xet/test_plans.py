from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed, RangeNotSatisfiable
from entrepot.names import XetHash
from entrepot.xet import (
    Fetch,
    FetchRange,
    Plan,
    Term,
    Terms,
    XorbBuilder,
    XorbIndex,
    chunk_hash,
    plan,
)
from tests.support.xet_codec import read_chunks

A, B = XetHash("a" * 64), XetHash("b" * 64)
# Four chunks of 10, 20, 30 and 40 bytes, stored with 8 bytes more each; three of 5.
INDEXES = {
    A: XorbIndex(bytes(128), array("I", [18, 46, 84, 132]), array("I", [10, 30, 60, 100])),
    B: XorbIndex(bytes(96), array("I", [13, 26, 39]), array("I", [5, 10, 15])),
}
FILE = Terms.of([Term(A, 0, 3, 60), Term(B, 1, 3, 10), Term(A, 2, 4, 70)])


def planned(first: int, last: int, terms: Terms = FILE) -> Plan:
    return plan(terms, INDEXES.__getitem__, first, last)


def test_a_whole_file_needs_every_chunk_once() -> None:
    assert planned(0, 139) == Plan(
        0,
        140,
        (Term(A, 0, 3, 60), Term(B, 1, 3, 10), Term(A, 2, 4, 70)),
        (Fetch(A, (FetchRange(0, 4, 0, 131),)), Fetch(B, (FetchRange(1, 3, 13, 38),))),
    )


def test_chunks_before_and_behind_the_range_are_left_out() -> None:
    assert planned(12, 62) == Plan(
        2,
        51,
        (Term(A, 1, 3, 50), Term(B, 1, 2, 5)),
        (Fetch(A, (FetchRange(1, 3, 18, 83),)), Fetch(B, (FetchRange(1, 2, 13, 25),))),
    )


def test_a_range_within_one_chunk_needs_that_chunk() -> None:
    assert planned(31, 31) == Plan(1, 1, (Term(A, 2, 3, 30),), (Fetch(A, (FetchRange(2, 3, 46, 83),)),))


@pytest.mark.parametrize(
    ("first", "last", "skip", "kept"),
    [(9, 10, 9, (0, 2, 30)), (10, 29, 0, (1, 2, 20)), (29, 30, 19, (1, 3, 50)), (59, 59, 29, (2, 3, 30))],
)
def test_the_ends_of_chunks_are_cut_exactly(first: int, last: int, skip: int, kept: tuple[int, int, int]) -> None:
    made = planned(first, last)
    assert (made.skip, made.terms) == (skip, (Term(A, *kept),))


def test_ranges_that_overlap_or_touch_are_one_and_others_are_not() -> None:
    terms = Terms.of([Term(A, 3, 4, 40), Term(A, 0, 1, 10), Term(A, 1, 2, 20), Term(A, 0, 1, 10)])
    (fetch,) = planned(0, 1000, terms).fetches
    assert fetch.ranges == (FetchRange(0, 2, 0, 45), FetchRange(3, 4, 84, 131))


def test_the_end_is_clamped_and_the_beginning_is_not() -> None:
    assert planned(70, 10**12) == planned(70, 139)
    for first, last in ((140, 150), (10**12, 10**12), (5, 4), (-1, 5)):
        with pytest.raises(RangeNotSatisfiable) as caught:
            planned(first, last)
        assert caught.value.size == 140


def test_the_empty_file_has_an_empty_plan_from_its_beginning_only() -> None:
    assert planned(0, 0, Terms.of([])) == Plan(0, 0, (), ())
    with pytest.raises(RangeNotSatisfiable):
        planned(1, 1, Terms.of([]))


@pytest.mark.parametrize("term", [Term(A, 0, 5, 100), Term(A, 2, 2, 10), Term(A, 0, 1, 11), Term(A, 0, 2, 10)])
def test_a_term_that_does_not_fit_its_xorb_is_malformed(term: Term) -> None:
    with pytest.raises(Malformed):
        planned(0, 5, Terms.of([term]))


def test_only_the_xorbs_of_the_range_are_looked_up_and_each_once() -> None:
    asked: list[XetHash] = []

    def lookup(xorb: XetHash) -> XorbIndex:
        asked.append(xorb)
        return INDEXES[xorb]

    plan(FILE, lookup, 62, 139)
    plan(FILE, lookup, 0, 3)
    assert asked == [B, A, A]


PIECES = [np.random.default_rng(n).bytes(40 + n) for n in range(12)]
BUILDER = XorbBuilder()
for piece in PIECES:
    BUILDER.add(piece, chunk_hash(piece))
XORB = BUILDER.finish()

spans = st.tuples(st.integers(0, 11), st.integers(1, 12)).filter(lambda span: span[0] < span[1])


def follow(made: Plan) -> bytes:
    """Return the bytes that a client gets from a plan: fetch ranges, decode them, cut the terms out."""
    (fetch,) = made.fetches
    content = b""
    for term in made.terms:
        (near,) = (r for r in fetch.ranges if r.start <= term.start and term.end <= r.end)
        chunks = read_chunks(XORB.data[near.first_byte : near.last_byte + 1], XORB.index, near.start, near.end)
        at = XORB.index.raw_length(near.start, term.start) if near.start < term.start else 0
        content += chunks[at : at + term.unpacked]
    return content[made.skip :][: made.length]


@given(st.lists(spans, min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_following_a_plan_gives_the_bytes_of_the_range(listed: list[tuple[int, int]], one: float, two: float) -> None:
    content = b"".join(b"".join(PIECES[start:end]) for start, end in listed)
    terms = Terms.of(Term(XORB.hash, start, end, XORB.index.raw_length(start, end)) for start, end in listed)
    first, last = sorted((int(one * (len(content) - 1)), int(two * (len(content) - 1))))
    made = plan(terms, lambda _: XORB.index, first, last)
    assert follow(made) == content[first : last + 1]
    assert made.skip < XORB.index.raw_length(made.terms[0].start, made.terms[0].start + 1)
