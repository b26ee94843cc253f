"""Queries on what users chose to be told about repositories and discussions."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded

ALL, PARTICIPATING, NONE = "all", "participating", "none"
"""Everything that happens, only what one takes part in, or nothing."""

WHOLE_REPO = 0
"""Stands for the number of a discussion in the choice about a repository."""

_S = community_tables.subscriptions


def put(tx: Write, repo_id: int, num: int, user_id: int, level: str | None) -> None:
    """Store the choice of a user about a repository or a discussion; None: they have not chosen."""
    here = _here(repo_id, num) & (_S.c.user_id == user_id)
    tx.sql.execute(sa.delete(_S).where(here))
    if level is not None:
        tx.sql.execute(sa.insert(_S).values(repo_id=repo_id, num=num, user_id=user_id, level=level))


def find(tx: Read, repo_id: int, num: int, user_id: int) -> str | None:
    """Return the choice of a user about a repository or a discussion, or None."""
    query = sa.select(_S.c.level).where(_here(repo_id, num) & (_S.c.user_id == user_id))
    found: str | None = tx.sql.execute(query).scalar()
    return found


def levels(tx: Read, repo_id: int, num: int, user_ids: Collection[int]) -> dict[int, str]:
    """Return the choices of some users."""
    query = sa.select(_S.c.user_id, _S.c.level).where(_here(repo_id, num) & _S.c.user_id.in_(bounded(user_ids)))
    return {row[0]: row[1] for row in tx.sql.execute(query)}


def watchers(tx: Read, repo_id: int, *, after: int, limit: int) -> list[int]:
    """Return row ids of users who are told everything about a repository, in ascending order."""
    here = _here(repo_id, WHOLE_REPO) & (_S.c.level == ALL) & (_S.c.user_id > after)
    query = sa.select(_S.c.user_id).where(here).order_by(_S.c.user_id).limit(limit)
    return [row[0] for row in tx.sql.execute(query)]


def _here(repo_id: int, num: int) -> sa.ColumnElement[bool]:
    return (_S.c.repo_id == repo_id) & (_S.c.num == num)
