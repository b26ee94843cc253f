"""What users did, and what was done in the repositories of organisations, on each day of the last year."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.catalog.repos import activity
from entrepot.hub.accounts.follows import find
from entrepot.hub.callers import MaybeCaller, seen_by
from entrepot.hub.context import HubContext

WEEKS = 53
"""How many weeks, which begin on Mondays, are shown at most: the last one contains today."""


@attrs.frozen
class ActivityCalendar:
    """The days (since 1970 UTC) from ``first`` to ``last``; ``counts``: of those on which something was done."""

    first: int
    last: int
    counts: Mapping[int, int]


def of_user(hub: HubContext, caller: MaybeCaller, name: str) -> ActivityCalendar:
    """Return the activity of a user in the repositories that the caller may see.

    A commit, a push, a new discussion or pull request and a comment count one each. Nothing derives from
    other repositories. If a user did very much, the calendar begins later.

    Raises:
        AccountNotFound: no user has this name.
    """
    return _calendar(hub, caller, name, is_user=True)


def of_org(hub: HubContext, caller: MaybeCaller, name: str) -> ActivityCalendar:
    """Return the activity of all users in those repositories of an organisation that the caller may see.

    Raises:
        AccountNotFound: no organisation has this name.
    """
    return _calendar(hub, caller, name, is_user=False)


def weekday(day: int) -> int:
    """Return the day of the week of a day since 1970: 0 is Monday."""
    return (day + 3) % 7


def _calendar(hub: HubContext, caller: MaybeCaller, name: str, *, is_user: bool) -> ActivityCalendar:
    today = hub.now_ms() // activity.DAY_MS
    first = today - weekday(today) - 7 * (WEEKS - 1)  # a Monday
    count = activity.by_account if is_user else activity.by_owner
    with hub.read() as tx:
        account = find(tx, name, is_user=is_user)
        found = count(tx, account.id, first, seen_by(caller))
    return ActivityCalendar(found.first, today, found.counts)
