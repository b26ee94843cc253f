"""Timestamps of the API as datetimes."""

from __future__ import annotations

import datetime

from entrepot.errors import AnswerUnusable


def parse_timestamp(text: str) -> datetime.datetime:
    """Parse a timestamp of the API to a datetime with its time zone.

    Raises:
        AnswerUnusable: the hub sent something that is not a timestamp.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise AnswerUnusable("the hub", f"{text!r} is not a timestamp") from error
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def parse_timestamp_or_none(text: str | None) -> datetime.datetime | None:
    """Parse a timestamp that may be absent."""
    return parse_timestamp(text) if text else None
