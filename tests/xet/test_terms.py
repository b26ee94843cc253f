from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet import Term, Terms, WorkCounter

A, B = XetHash("a" * 64), XetHash("0123456789abcdef" * 4)
LIST = [Term(A, 0, 2, 100), Term(A, 5, 6, 10), Term(B, 1, 3, 50)]
numbers = st.integers(0, 2**32 - 1)
hashes = st.sampled_from([A, B])


@given(st.lists(st.builds(Term, hashes, numbers, numbers, numbers), max_size=20))
def test_terms_come_back_from_their_records(listed: list[Term]) -> None:
    terms = Terms.of(listed)
    assert list(terms) == listed
    assert len(terms) == len(listed)
    assert Terms(terms.encode()) == terms
    assert terms.size == sum(term.unpacked for term in listed)
    assert terms.chunk_count == sum(max(0, term.end - term.start) for term in listed)


def test_sums_and_parts() -> None:
    terms = Terms.of(LIST)
    assert (terms.size, terms.chunk_count) == (160, 5)
    assert terms.ends().tolist() == [100, 110, 160]
    assert list(terms.part(1, 3)) == LIST[1:]
    assert terms.part(0, 1) != terms
    assert repr(terms) == "Terms(count=3, size=160)"


def test_a_record_has_the_layout_of_shards() -> None:
    assert (
        Terms.of(LIST[2:]).encode().hex() == "efcdab8967452301" * 4 + "00000000" + "32000000" + "01000000" + "03000000"
    )


def test_a_record_that_is_cut_off_is_malformed() -> None:
    with pytest.raises(Malformed):
        Terms(bytes(47))


def test_the_xorbs_of_terms_are_named_once() -> None:
    first, second = XetHash("a" * 64), XetHash("b" * 64)
    terms = Terms.of([Term(first, 0, 1, 1), Term(second, 0, 1, 1), Term(first, 1, 2, 1)])
    assert terms.xorbs() == {first, second} == {term.xorb for term in terms}
    assert Terms.of([]).xorbs() == set()


def test_a_generator_yields_after_each_piece_of_work() -> None:
    work = WorkCounter(10)
    assert [work.is_due(4) for _ in range(6)] == [False, False, True, False, False, True]
    assert work.is_due(25), "one unit of work may be longer than a piece"
