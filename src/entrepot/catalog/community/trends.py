"""The trending score of repositories, stored in their rows and recomputed from likes and downloads."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices

DAYS = 7
"""The number of days whose likes and downloads count."""

LIKE = 10.0
"""The weight of a like, in downloads."""

_DAY_MS = 86_400_000
_R = tables.repos
_D = tables.downloads
_L = community_tables.likes


def refresh(tx: Write, repo_ids: Sequence[int], now_ms: int) -> None:
    """Recompute the scores of some repositories.

    Each download and like counts for :data:`DAYS` days, with a weight that falls
    with age to one eighth on the last day.
    """
    for batch in slices(repo_ids):
        scores = _scores(tx, batch, now_ms // _DAY_MS)
        for repo_id in batch:
            value = round(scores.get(repo_id, 0.0), 6)
            tx.sql.execute(sa.update(_R).where((_R.c.id == repo_id) & (_R.c.trending != value)).values(trending=value))


def stale(tx: Read, now_ms: int) -> Sequence[int]:
    """Return the row ids of repositories whose score may have changed: recent activity, or a score above zero."""
    today = now_ms // _DAY_MS
    downloaded = sa.select(_D.c.repo_id).where(_D.c.day > today - DAYS - 1)
    liked = sa.select(_L.c.repo_id).where(_L.c.liked_ms >= (today - DAYS) * _DAY_MS)
    noticed = sa.select(_R.c.id).where(_R.c.trending != 0)
    return tx.sql.execute(sa.union(downloaded, liked, noticed).order_by(sa.literal_column("1"))).scalars().all()


def _scores(tx: Read, repo_ids: Sequence[int], today: int) -> dict[int, float]:
    first = today - DAYS + 1
    downloads = sa.select(_D.c.repo_id, _D.c.day, _D.c.count).where(
        _D.c.repo_id.in_(bounded(repo_ids)) & (_D.c.day >= first)
    )
    day = _L.c.liked_ms // sa.literal_column(str(_DAY_MS), sa.BigInteger)
    likes = (
        sa.select(_L.c.repo_id, day, sa.func.count() * LIKE)
        .where(_L.c.repo_id.in_(bounded(repo_ids)) & (_L.c.liked_ms >= first * _DAY_MS))
        .group_by(_L.c.repo_id, day)
    )
    found: dict[int, float] = {}
    for query in (downloads, likes):
        for repo_id, when, worth in tx.sql.execute(query):
            found[repo_id] = found.get(repo_id, 0.0) + float(worth) * _weight(today - when)
    return found


def _weight(age: int) -> float:
    """Return the weight of an event by its age in days: 1 today, one eighth on the last day."""
    return float(0.125 ** (max(age, 0) / (DAYS - 1)))
