from __future__ import annotations

import datetime

import pytest

from entrepot.errors import AnswerUnusable
from entrepot.hf.shapes.times import parse_timestamp, parse_timestamp_or_none


def test_times_have_a_zone() -> None:
    expected = datetime.datetime(2024, 5, 1, 12, 34, 56, 789000, tzinfo=datetime.UTC)
    assert parse_timestamp("2024-05-01T12:34:56.789Z") == expected
    assert parse_timestamp("2024-05-01T12:34:56.789") == expected
    assert parse_timestamp("2024-05-01T12:34:56Z").microsecond == 0


def test_an_absent_time_is_none_and_nonsense_an_error() -> None:
    assert parse_timestamp_or_none(None) is None
    with pytest.raises(AnswerUnusable, match="yesterday"):
        parse_timestamp("yesterday")
