from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import LimitExceeded, Malformed, RangeNotSatisfiable
from entrepot.names import XetHash
from entrepot.xet import FilePart, FilePlan, Term, Terms, XorbIndex, XorbRun, file_parts, plan_parts, runs_of
from entrepot.xet.file_parts import serialised_range

A, B = XetHash("a" * 64), XetHash("b" * 64)
# Four chunks of 10, 20, 30 and 40 bytes, stored with 8 bytes more each; three of 5.
INDEXES = {
    A: XorbIndex(bytes(128), array("I", [18, 46, 84, 132]), array("I", [10, 30, 60, 100])),
    B: XorbIndex(bytes(96), array("I", [13, 26, 39]), array("I", [5, 10, 15])),
}
FILE = Terms.of([Term(A, 0, 3, 60), Term(B, 1, 3, 10), Term(A, 2, 4, 70)])


@pytest.fixture
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_parts, "PART_CHUNKS", 4)


def planned(first: int, last: int, terms: Terms = FILE) -> FilePlan:
    return plan_parts(terms, INDEXES.__getitem__, first, last)


def test_a_short_file_is_one_part_from_all_its_xorbs() -> None:
    runs = (XorbRun(A, 0, 3), XorbRun(B, 1, 3), XorbRun(A, 2, 4))
    assert planned(0, 139) == FilePlan(0, 140, (FilePart(0, 7, 140, 84 + 26 + 86, runs),))


@pytest.mark.usefixtures("_short_parts")
def test_parts_end_at_multiples_of_a_number_of_chunks() -> None:
    assert planned(0, 139).parts == (
        FilePart(0, 4, 65, 97, (XorbRun(A, 0, 3), XorbRun(B, 1, 2))),
        FilePart(4, 7, 75, 99, (XorbRun(B, 2, 3), XorbRun(A, 2, 4))),
    )


@pytest.mark.usefixtures("_short_parts")
def test_chunks_outside_of_the_range_are_left_out() -> None:
    assert planned(12, 68) == FilePlan(
        2,
        57,
        (FilePart(1, 4, 55, 79, (XorbRun(A, 1, 3), XorbRun(B, 1, 2))), FilePart(4, 5, 5, 13, (XorbRun(B, 2, 3),))),
    )


def test_a_range_after_the_end_is_refused_and_the_empty_file_has_no_parts() -> None:
    with pytest.raises(RangeNotSatisfiable):
        planned(140, 150)
    assert planned(0, 0, Terms(b"")) == FilePlan(0, 0, ())


@pytest.mark.usefixtures("_short_parts")
def test_a_plan_has_a_bounded_number_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_parts, "MAX_PARTS", 3)
    many = Terms.of([Term(A, 0, 4, 100)] * 2)
    assert len(planned(0, 199, many).parts) == 2
    with pytest.raises(LimitExceeded):
        planned(0, 299, Terms.of([Term(A, 0, 4, 100)] * 3))


@pytest.mark.usefixtures("_short_parts")
@given(st.integers(0, 139), st.integers(0, 139))
def test_the_runs_of_a_part_are_found_again_by_its_chunks(one: int, other: int) -> None:
    for part in planned(min(one, other), max(one, other)).parts:
        runs = runs_of(FILE, part.start, part.end)
        assert tuple(runs) == part.runs
        assert sum(serialised_range(INDEXES[run.xorb], run)[1] for run in runs) == part.size


def test_a_run_outside_of_its_xorb_has_no_place() -> None:
    assert serialised_range(INDEXES[A], XorbRun(A, 1, 3)) == (18, 66)
    with pytest.raises(Malformed):
        serialised_range(INDEXES[A], XorbRun(A, 1, 5))
