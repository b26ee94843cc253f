from __future__ import annotations

import pytest

from entrepot.server.pages import formats


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_999, "1.00 MB"),
        (4_980_000_000, "4.98 GB"),
        (72_400_000_000, "72.4 GB"),
        (10**21, "1,000,000 PB"),
    ],
)
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert formats.size_text(size) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (9_999, "9,999"), (48_210, "48.2 k"), (7_240_000_000, "7.24 B"), (291, "291")]
)
def test_counts_are_short(number: int, text: str) -> None:
    assert formats.count_text(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86_400, "1 day ago"),
        (10**9, "31 years ago"),
    ],
)
def test_ages_are_words(seconds: int, text: str) -> None:
    assert formats.age_text(10**13 - seconds * 1000, 10**13) == text


def test_dates_that_no_calendar_has_are_unknown() -> None:
    assert formats.date_text(0) == "1970-01-01 00:00 UTC"
    assert formats.date_text(10**18) == "unknown"


def test_paths_and_segments_are_encoded_for_urls() -> None:
    assert formats.quoted('a b/"<é>?#') == "a%20b/%22%3C%C3%A9%3E%3F%23"
    assert formats.quoted_segment("refs/pr/1") == "refs%2Fpr%2F1"
    assert formats.quoted("bad\udcff") == "bad%FF"


def test_long_names_are_cut_in_the_middle() -> None:
    assert formats.cut_name("a" * 60) == "a" * 60
    assert formats.cut_name("a" * 50 + "b" * 50) == "a" * 36 + "…" + "b" * 20
    assert formats.cut_name("bad\udcff") == "bad�"


def test_shapes_are_read_as_dimensions() -> None:
    assert formats.shape_text((4096, 2)) == "4,096 × 2"
    assert formats.shape_text(()) == "scalar"


@pytest.mark.parametrize(
    ("left_ms", "text"),
    [
        (90 * 86_400_000, "in 90 days"),
        (89 * 86_400_000 + 1, "in 90 days"),
        (86_400_000, "in 24 hours"),
        (23 * 3_600_000 - 1, "in 23 hours"),
        (45_000, "in 45 seconds"),
        (1, "in 1 second"),
        (-3_600_000, "1 hour ago"),
    ],
)
def test_the_time_that_is_left_is_rounded_up(left_ms: int, text: str) -> None:
    assert formats.until_text(10**12 + left_ms, 10**12) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1_814_400, "21 days"), (86_400, "1 day"), (5_400, "90 minutes"), (61, "61 seconds"), (0, "0 seconds")],
)
def test_lengths_of_time_have_their_largest_whole_unit(seconds: int, text: str) -> None:
    assert formats.length_text(seconds) == text


@pytest.mark.parametrize(
    ("number", "word", "text"),
    [
        (1, "repository", "1 repository"),
        (2, "repository", "2 repositories"),
        (0, "day", "0 days"),
        (2, "file", "2 files"),
    ],
)
def test_a_count_has_its_noun(number: int, word: str, text: str) -> None:
    assert formats.many_text(number, word) == text


def test_a_time_is_written_for_programs_too() -> None:
    assert formats.iso_text(1_796_036_400_000) == "2026-11-30T11:00Z"
    assert formats.iso_text(10**18) == ""
