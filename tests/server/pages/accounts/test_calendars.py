from __future__ import annotations

import re
from collections.abc import Callable

import httpx2

from entrepot.hub.search.activity import ActivityCalendar
from entrepot.server.pages.accounts import calendars

MONDAY = 20_451
"""2025-12-29, in days since 1970."""


def test_days_are_in_a_column_for_each_week_and_coloured_by_their_count() -> None:
    drawn = calendars.draw(ActivityCalendar(MONDAY, MONDAY + 8, {MONDAY: 1, MONDAY + 8: 12}))
    assert drawn is not None
    assert [(day.date, day.tint) for day in drawn.days] == [("2026-01-06", "l4"), ("2025-12-29", "l1")]
    newest, oldest = drawn.days
    assert newest.x - oldest.x == newest.y - oldest.y == 13
    assert drawn.grid.count("M") == 9
    assert (drawn.first, drawn.last, drawn.total) == ("2025-12-29", "2026-01-06", 13)


def test_a_calendar_of_nothing_is_not_drawn() -> None:
    assert calendars.draw(ActivityCalendar(MONDAY, MONDAY + 8, {})) is None


def test_a_calendar_that_begins_in_the_middle_of_a_week_has_its_days_in_the_same_rows() -> None:
    drawn = calendars.draw(ActivityCalendar(MONDAY + 2, MONDAY + 8, {MONDAY + 8: 1}))
    assert drawn is not None
    assert drawn.grid.count("M") == 7
    assert drawn.days[0].y == 18 + 13


def test_pages_of_accounts_show_what_the_visitor_may_see(
    show: Callable[[str], str], browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    def counted(text: str) -> int:
        found = re.search(r"([\d,]+) actions? on \d+ days?, as a table", text)
        return int(found[1].replace(",", "")) if found else 0

    api = "/api/users/alice/activity"
    public = browser.get(api).json()
    assert counted(show("/alice")) == sum(day["count"] for day in public["days"]) > 0
    assert counted(signed_in.get("/alice").text) > counted(show("/alice"))
    assert 'aria-label="Activity by day"' not in show("/bob")
