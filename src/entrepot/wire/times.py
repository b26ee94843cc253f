"""Points in time on the wire: UTC, milliseconds, ending in ``Z``.

Inside the hub a time is an ``int``: milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from entrepot.errors import Malformed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def format_ms(ms: int) -> str:
    """Write a time the way every client of the hub reads it: ``2024-05-01T12:34:56.789Z``.

    Args:
        ms: milliseconds since the epoch, between the years 1 and 9999.

    Raises:
        OverflowError: the year does not fit into four digits.

    Source: docs/protocols/hf_api.md, section 0.4.
    """
    moment = _EPOCH + ms * _MILLISECOND
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S').rjust(19, '0')}.{ms % 1000:03d}Z"


def parse_time(text: str) -> int:
    """Read an ISO 8601 time as milliseconds since the epoch.

    Any offset is accepted; a time without one is taken as UTC. Fractions finer
    than a millisecond are cut off.

    Raises:
        Malformed: not an ISO 8601 date and time.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise Malformed("time", "expected a form like 2024-05-01T12:34:56.789Z") from error
