from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import RangeNotSatisfiable
from entrepot.server.ranges import ByteRange, match, none_match, parse_range, range_applies


def parts(header: str, size: int = 10) -> list[tuple[int, int]] | None:
    found = parse_range(header, size)
    return None if found is None else [(part.start, part.stop) for part in found]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=2-4", [(2, 5)]),
        ("bytes=2-", [(2, 10)]),
        ("bytes=-3", [(7, 10)]),
        ("bytes=-99", [(0, 10)]),
        ("bytes=9-99", [(9, 10)]),
        ("Bytes = 1-2", [(1, 3)]),
        ("bytes=0-1, 5-6", [(0, 2), (5, 7)]),
        ("bytes=5-6,0-1", [(5, 7), (0, 2)]),
        ("bytes=,0-1,,", [(0, 2)]),
        ("bytes=0-1,20-30", [(0, 2)]),
    ],
)
def test_ranges_of_a_file_of_ten_bytes(header: str, expected: list[tuple[int, int]]) -> None:
    assert parts(header) == expected


@pytest.mark.parametrize(
    "header",
    ["bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=3-2", "lines=0-1", "bytes=0-1;2-3", "bytes=1", "bytes=٣-٤",
     "bytes=0-1,x", "bytes=" + "9" * 20 + "-"],
)  # fmt: skip
def test_malformed_ranges_and_other_units_are_ignored(header: str) -> None:
    assert parts(header) is None


def test_without_a_header_the_file_is_whole() -> None:
    assert parse_range(None, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=10-11,12-13"])
def test_ranges_outside_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_range(header, 10)
    assert caught.value.size == 10


def test_overlapping_and_touching_ranges_are_sorted_and_joined() -> None:
    assert parts("bytes=5-7,0-1,2-3,6-9") == [(0, 4), (5, 10)]


def test_more_than_sixteen_ranges_are_ignored() -> None:
    assert parts("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 32, 2)), 100) is not None
    assert parts("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 34, 2)), 100) is None
    assert parts("bytes=" + "," * 100_000, 100) is None


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=0-", "bytes=-5"])
def test_an_empty_file_is_whole_for_a_range_that_could_begin_at_its_start(header: str) -> None:
    assert parts(header, 0) is None


def test_an_empty_file_has_no_later_bytes() -> None:
    with pytest.raises(RangeNotSatisfiable):
        parts("bytes=5-", 0)


def test_a_part_tells_its_place() -> None:
    assert ByteRange(2, 5).content_range(10) == "bytes 2-4/10"
    assert ByteRange(2, 5).length == 3


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=16))
def test_joined_ranges_cover_the_same_bytes_once(bounds: list[tuple[int, int]]) -> None:
    ordered = [(min(pair), max(pair)) for pair in bounds]
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in ordered)
    wanted = {n for first, last in ordered for n in range(first, last + 1)}
    sent = [n for start, stop in parts(header, 41) or [] for n in range(start, stop)]
    assert sorted(sent) == sorted(wanted)


def test_if_none_match_is_weak_and_takes_lists() -> None:
    assert not none_match('"a"', "a")
    assert not none_match('W/"a"', "a")
    assert not none_match('"b", W/"a"', "a")
    assert not none_match("*", "a")
    assert none_match('"b"', "a")
    assert none_match("a", "a")
    assert none_match(None, "a")


def test_if_match_is_strong() -> None:
    assert match('"b", "a"', "a")
    assert match("*", "a")
    assert match(None, "a")
    assert not match('W/"a"', "a")
    assert not match('"b"', "a")


def test_if_range_applies_for_the_same_strong_tag_only() -> None:
    assert range_applies(None, "a")
    assert range_applies('"a"', "a")
    assert not range_applies('W/"a"', "a")
    assert not range_applies('"b"', "a")
    assert not range_applies("Wed, 21 Oct 2015 07:28:00 GMT", "a")
