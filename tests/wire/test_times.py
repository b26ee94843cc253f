from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.wire.times import format_ms, parse_time


def test_a_time_is_written_with_milliseconds_and_z() -> None:
    assert format_ms(1_714_566_896_789) == "2024-05-01T12:34:56.789Z"
    assert format_ms(0) == "1970-01-01T00:00:00.000Z"
    assert format_ms(-1) == "1969-12-31T23:59:59.999Z"


def test_offsets_and_missing_fractions_are_read() -> None:
    assert parse_time("2024-05-01T14:34:56+02:00") == parse_time("2024-05-01T12:34:56Z") == 1_714_566_896_000


def test_a_time_without_offset_is_utc() -> None:
    assert parse_time("1970-01-01T00:00:01") == 1000


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01T00:00:00Z", "2024-05-01T25:00:00Z", "17"])
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="time"):
        parse_time(text)


@given(st.integers(min_value=-60_000_000_000_000, max_value=253_402_300_799_999))
def test_writing_then_reading_gives_the_same_moment(ms: int) -> None:
    assert parse_time(format_ms(ms)) == ms
