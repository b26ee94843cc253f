"""Queries on download counts, stored per repository and day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import count_up
from entrepot.catalog.lists import bounded
from entrepot.catalog.prepared import Prepared

_T = tables.downloads
# Statements are built once: building one costs more than running it on cached pages.
_L = file_tables.file_links
_DOWNLOADS = sa.select(sa.func.sum(_T.c.count)).where(_T.c.repo_id == sa.bindparam("repo"))
_USED_BYTES = sa.select(sa.func.sum(_L.c.size)).where((_L.c.repo_id == sa.bindparam("repo")) & _L.c.path.is_not(None))
_TOTALS = Prepared(sa.select(_DOWNLOADS.scalar_subquery().label("n"), _USED_BYTES.scalar_subquery().label("size")))
_BY_DAY = Prepared(
    sa.select(_T.c.day, _T.c.count).where((_T.c.repo_id == sa.bindparam("repo")) & (_T.c.day > sa.bindparam("after")))
)

WINDOW_DAYS = 30
"""The number of days that the ``downloads`` field of a repository covers, as on the public hub."""


@attrs.frozen
class RepoTotals:
    """Downloads of a repository since it was created, and the bytes of the large files that its commits refer to."""

    downloads: int
    used_bytes: int


def add(tx: Write, day: int, counts: Mapping[int, int]) -> None:
    """Add the downloads of one day (days since 1970 UTC) by repository."""
    for repo_id, count in counts.items():
        exists = tx.sql.execute(sa.select(tables.repos.c.id).where(tables.repos.c.id == repo_id)).first()
        if not exists:
            continue
        count_up(tx, _T, {"repo_id": repo_id, "day": day, "count": count}, "count")
        window = sa.select(sa.func.sum(_T.c.count)).where((_T.c.repo_id == repo_id) & (_T.c.day > day - WINDOW_DAYS))
        total = tx.sql.execute(window).scalar_one()
        tx.sql.execute(sa.update(tables.repos).where(tables.repos.c.id == repo_id).values(downloads=int(total)))


def totals(tx: Read, repo_id: int) -> RepoTotals:
    """Return the totals of a repository, with one query."""
    row = _TOTALS.first(tx, {"repo": repo_id})
    return RepoTotals(int(row.n or 0), int(row.size or 0))


def ask_ahead(tx: Read, repo_id: int) -> None:
    """Announce that :func:`totals` will be called."""
    _TOTALS.ask_ahead(tx, {"repo": repo_id})


def all_times(tx: Read, repo_ids: Sequence[int]) -> dict[int, int]:
    """Return the total downloads of several repositories, without those never downloaded."""
    query = (
        sa.select(_T.c.repo_id, sa.func.sum(_T.c.count))
        .where(_T.c.repo_id.in_(bounded(repo_ids)))
        .group_by(_T.c.repo_id)
    )
    return {repo_id: int(total) for repo_id, total in tx.sql.execute(query)}


def by_day(tx: Read, repo_id: int, after: int) -> dict[int, int]:
    """Return the downloads of a repository on each day (since 1970 UTC) after one, without days that have none."""
    return {day: int(count) for day, count in _BY_DAY.all(tx, {"repo": repo_id, "after": after})}
