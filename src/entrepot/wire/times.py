"""Timestamps in JSON: UTC, milliseconds, ending in ``Z``.

The hub represents a time as an ``int``: milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

from entrepot.errors import Malformed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


def format_ms(ms: int) -> str:
    """Format a time as every client of the hub reads it: ``2024-05-01T12:34:56.789Z``.

    Args:
        ms: milliseconds since the epoch, between the years 1 and 9999.

    Raises:
        OverflowError: the year does not fit in four digits.

    Source: docs/protocols/hf_api.md, section 0.4.
    """
    return f"{_format_second(ms // 1000)}.{ms % 1000:03d}Z"


@functools.lru_cache(maxsize=256)
def _format_second(seconds: int) -> str:
    return (_EPOCH + seconds * _SECOND).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def parse_time(text: str) -> int:
    """Parse an ISO 8601 time into milliseconds since the epoch.

    Any UTC offset is accepted; a time without one is UTC. Fractions finer than a
    millisecond are truncated.

    Raises:
        Malformed: the text is not an ISO 8601 date and time.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise Malformed("time", "expected a form like 2024-05-01T12:34:56.789Z") from error
