"""Queries on what accounts did in repositories, counted per repository, day and account."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import dialects, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.dialects.interfaces import Upsert
from entrepot.catalog.prepared import PreparedWrite
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility, mark_condition, visible_condition

_A, _R, _N = tables.activity, tables.repos, tables.namespaces

DAY_MS = 86_400_000

MAX_ROWS = 5_000
"""Maximum number of counts added up for a calendar, newest first."""


@attrs.frozen
class DailyActivity:
    """What was done on each day (since 1970 UTC) from ``first`` on; days on which nothing was done are left out."""

    first: int
    counts: dict[int, int]


def _counting(dialect: str) -> Upsert:
    # The mark as it is now, which no other transaction changes until this one ends, as for :func:`marks.marks_of`.
    mark = sa.select(_R.c.mark).where(_R.c.id == sa.bindparam("repo")).with_for_update(key_share=True)
    columns = {"repo_id": "repo", "day": "today", "account_id": "account", "owner_id": "owner"}
    values = {name: sa.bindparam(value, type_=_A.c[name].type) for name, value in columns.items()}
    insert = dialects.named(dialect).insert(_A).values(**values, count=1, mark=mark.scalar_subquery())
    keys = [column.name for column in _A.primary_key.columns]
    return insert.on_conflict_do_update(index_elements=keys, set_={"count": _A.c.count + insert.excluded.count})


_ADD = PreparedWrite(_counting)


def add(tx: Write, row: RepoRow, account_id: int, now_ms: int) -> None:
    """Count one action of an account in a repository today (UTC)."""
    today = now_ms // DAY_MS
    _ADD.run_all(tx, [{"repo": row.id, "today": today, "account": account_id, "owner": row.owner_id}])


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
