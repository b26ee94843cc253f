"""Queries on what accounts did in repositories, counted per repository, day and account."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import count_up
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import PUBLIC, Visibility, mark_condition, visible_condition

_A, _R, _N = tables.activity, tables.repos, tables.namespaces

DAY_MS = 86_400_000

MAX_ROWS = 5_000
"""Maximum number of counts added up for a calendar, newest first."""


@attrs.frozen
class DailyActivity:
    """What was done on each day (since 1970 UTC) from ``first`` on; days on which nothing was done are left out."""

    first: int
    counts: dict[int, int]


def add(tx: Write, row: RepoRow, account_id: int, now_ms: int) -> None:
    """Count one action of an account in a repository today (UTC)."""
    counted = {
        "repo_id": row.id,
        "day": now_ms // DAY_MS,
        "account_id": account_id,
        "owner_id": row.owner_id,
        "count": 1,
        "mark": PUBLIC if row.visibility == "public" else row.namespace_id,
    }
    count_up(tx, _A, counted, "count")


def by_account(tx: Read, account_id: int, first: int, seen: Visibility | None) -> DailyActivity:
    """Return the activity of a user since a day, in the repositories that ``seen`` contains."""
    return _by_day(tx, _A.c.account_id == account_id, first, seen)


def by_owner(tx: Read, owner_id: int, first: int, seen: Visibility | None) -> DailyActivity:
    """Return the activity of all users since a day in an account's repositories and folders, within ``seen``."""
    return _by_day(tx, _A.c.owner_id == owner_id, first, seen)


def change_owner(tx: Write, repo_id: int, namespace_id: int) -> None:
    """Give the counts of a repository that is moved to the account that owns its new namespace."""
    owner = sa.select(sa.func.coalesce(_N.c.parent_id, _N.c.id)).where(_N.c.id == namespace_id)
    tx.sql.execute(sa.update(_A).where(_A.c.repo_id == repo_id).values(owner_id=owner.scalar_subquery()))


def _by_day(tx: Read, whose: sa.ColumnElement[bool], first: int, seen: Visibility | None) -> DailyActivity:
    newest = (
        sa.select(_A.c.day, _A.c.count)
        .join(_R, _R.c.id == _A.c.repo_id)
        .where(
            whose
            & mark_condition(tx, seen, _A.c.mark)
            & (_A.c.day >= first)
            & _R.c.deleted_ms.is_(None)
            & visible_condition(seen)
        )
        .order_by(_A.c.day.desc())
        .limit(MAX_ROWS)
        .subquery()
    )
    query = sa.select(newest.c.day, sa.func.sum(newest.c.count), sa.func.count()).group_by(newest.c.day)
    rows = tx.sql.execute(query).all()
    counts = {day: int(total) for day, total, _ in rows}
    if sum(number for _, _, number in rows) == MAX_ROWS and len(counts) > 1:
        # The counts of the oldest day may be incomplete.
        first = min(counts) + 1
        del counts[first - 1]
    return DailyActivity(first, counts)
