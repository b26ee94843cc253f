"""Queries on the subscriptions of users to repositories and discussions."""

from __future__ import annotations

from collections.abc import Collection

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded
from entrepot.catalog.visibility import Visibility, visible_condition

ALL, PARTICIPATING, NONE = "all", "participating", "none"
"""Everything that happens, only what one takes part in, or nothing."""

WHOLE_REPO = 0
"""Stands for the number of a discussion in the choice about a repository."""

_S = community_tables.subscriptions
_D = community_tables.discussions
_R = tables.repos


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
    """Return row ids of users who get every notification about a repository, in ascending order."""
    here = _here(repo_id, WHOLE_REPO) & (_S.c.level == ALL) & (_S.c.user_id > after)
    query = sa.select(_S.c.user_id).where(here).order_by(_S.c.user_id).limit(limit)
    return [row[0] for row in tx.sql.execute(query)]


@attrs.frozen
class ChoiceRow:
    """A choice of a user; ``num``: of the discussion, :data:`WHOLE_REPO` for the repository; ``title``: its title."""

    repo_id: int
    num: int
    level: str
    title: str


def page_of(
    tx: Read, user_id: int, seen: Visibility | None, *, after: tuple[float, int] | None = None, limit: int
) -> list[ChoiceRow]:
    """Return choices of a user about what they may see now, in the order of repositories and discussions.

    Args:
        after: row id of the repository and number of the discussion of the last choice of the previous page.
    """
    joined = _S.join(_R, _R.c.id == _S.c.repo_id)
    joined = joined.outerjoin(_D, (_D.c.repo_id == _S.c.repo_id) & (_D.c.num == _S.c.num))
    is_there = _R.c.deleted_ms.is_(None) & _R.c.is_disabled.is_(False) & visible_condition(seen)
    is_there &= (_S.c.num == WHOLE_REPO) | _D.c.id.is_not(None)
    query = sa.select(_S.c.repo_id, _S.c.num, _S.c.level, sa.func.coalesce(_D.c.title, "")).select_from(joined)
    query = query.where((_S.c.user_id == user_id) & is_there)
    if after is not None:
        query = query.where(sa.tuple_(_S.c.repo_id, _S.c.num) > sa.tuple_(*map(sa.literal, after)))
    return [ChoiceRow(*row) for row in tx.sql.execute(query.order_by(_S.c.repo_id, _S.c.num).limit(limit))]


def _here(repo_id: int, num: int) -> sa.ColumnElement[bool]:
    return (_S.c.repo_id == repo_id) & (_S.c.num == num)
