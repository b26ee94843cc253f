"""A year of activity as a drawing, a column for each week, and as a table."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import attrs

from entrepot.hub.search.activity import ActivityCalendar, weekday

_STEP, _LEFT, _TOP = 13, 30, 18
_TINTS = ((10, "l4"), (5, "l3"), (2, "l2"), (1, "l1"))
"""The least counts for each class of colours."""


@attrs.frozen
class CalendarDay:
    """A day on which something was done. ``tint``: the class of its colour."""

    date: str
    count: int
    tint: str
    x: int
    y: int


@attrs.frozen
class CalendarMonth:
    """The name of a month above the first week that begins in it."""

    label: str
    x: int


@attrs.frozen
class DrawnCalendar:
    """``grid``: the path of all days; ``days``: newest first; ``total``: of all their counts."""

    width: int
    height: int
    grid: str
    days: Sequence[CalendarDay]
    months: Sequence[CalendarMonth]
    first: str
    last: str
    total: int


def draw(calendar: ActivityCalendar) -> DrawnCalendar | None:
    """Return the drawing of a calendar; None if nothing was done."""
    if not calendar.counts:
        return None
    monday = calendar.first - weekday(calendar.first)
    places = {day: _place(day, monday) for day in range(calendar.first, calendar.last + 1)}
    days = [
        CalendarDay(_date(day).isoformat(), count, _tint(count), *places[day])
        for day, count in sorted(calendar.counts.items(), reverse=True)
        if day in places
    ]
    width = _LEFT + _STEP * ((calendar.last - monday) // 7 + 1)
    return DrawnCalendar(
        max(width, _LEFT + 3 * _STEP),
        _TOP + 7 * _STEP,
        "".join(f"M{x} {y}h11v11h-11z" for x, y in places.values()),
        days,
        _months(monday, calendar.last),
        _date(calendar.first).isoformat(),
        _date(calendar.last).isoformat(),
        sum(day.count for day in days),
    )


def _months(monday: int, last: int) -> list[CalendarMonth]:
    """Return the months whose first week begins in the calendar, where there is room for their names."""
    found = []
    for start in range(monday, last - 7, 7):
        day = _date(start)
        if day.day <= 7:
            found.append(CalendarMonth(f"{day:%b}", _place(start, monday)[0]))
    return found


def _place(day: int, monday: int) -> tuple[int, int]:
    week, row = divmod(day - monday, 7)
    return _LEFT + _STEP * week, _TOP + _STEP * row


def _tint(count: int) -> str:
    return next(tint for least, tint in _TINTS if count >= least)


def _date(day: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
