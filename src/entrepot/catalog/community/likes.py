"""Queries on likes, and on the like count of each repository."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.repos import marks
from entrepot.catalog.visibility import PUBLIC
from entrepot.names import RepoId, RepoRef, RepoType

_L = community_tables.likes
_R = tables.repos
_N = tables.namespaces


After = tuple[float, int]
"""A page starts after this like, given by its time and a row id."""


@attrs.frozen
class Like:
    """A repository that a user likes, and the time of the like."""

    repo: RepoRef
    repo_id: int
    liked_ms: int


def add(tx: Write, repo_id: int, user_id: int, now_ms: int) -> bool:
    """Like a repository; return False if the user likes it already."""
    if is_liked(tx, repo_id, user_id):
        return False
    mark = marks.marks_of(tx, [repo_id])[repo_id]
    tx.sql.execute(sa.insert(_L).values(repo_id=repo_id, user_id=user_id, liked_ms=now_ms, mark=mark))
    _count(tx, repo_id, 1)
    return True


def remove(tx: Write, repo_id: int, user_id: int) -> bool:
    """Remove a like; return False if the user did not like the repository."""
    here = (_L.c.repo_id == repo_id) & (_L.c.user_id == user_id)
    if not tx.sql.execute(sa.delete(_L).where(here)).rowcount:
        return False
    _count(tx, repo_id, -1)
    return True


def is_liked(tx: Read, repo_id: int, user_id: int) -> bool:
    """Return whether a user likes a repository."""
    here = (_L.c.repo_id == repo_id) & (_L.c.user_id == user_id)
    return tx.sql.execute(sa.select(_L.c.repo_id).where(here)).first() is not None


def likers(tx: Read, repo_id: int, *, after: After | None, limit: int) -> Sequence[tuple[int, int]]:
    """Return (time, row id of the user) of the likes of a repository, newest first, starting after ``after``."""
    query = sa.select(_L.c.liked_ms, _L.c.user_id).where(_L.c.repo_id == repo_id)
    query = query.order_by(_L.c.liked_ms.desc(), _L.c.user_id.desc()).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(_L.c.liked_ms, _L.c.user_id) < sa.tuple_(*(sa.literal(part) for part in after)))
    return [(liked_ms, user_id) for liked_ms, user_id in tx.sql.execute(query)]


def public_of(tx: Read, user_id: int, *, after: After | None, limit: int) -> Sequence[Like]:
    """Return the public repositories that a user likes, newest like first.

    ``after`` is (time, row id) of the last one of the previous page.
    """
    query = (
        sa.select(_R.c.type, _N.c.name, _R.c.name, _R.c.id, _L.c.liked_ms)
        .select_from(_L)
        .join(_R, _R.c.id == _L.c.repo_id)
        .join(_N, _N.c.id == _R.c.namespace_id)
        .where(_is_public_of(user_id))
        .order_by(_L.c.liked_ms.desc(), _L.c.repo_id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(_L.c.liked_ms, _L.c.repo_id) < sa.tuple_(*(sa.literal(part) for part in after)))
    return [
        Like(RepoRef(RepoType(kind), RepoId(namespace, name)), repo_id, liked_ms)
        for kind, namespace, name, repo_id, liked_ms in tx.sql.execute(query)
    ]


def count_public_of(tx: Read, user_id: int) -> int:
    """Return the number of public repositories that a user likes."""
    query = sa.select(sa.func.count()).select_from(_L).join(_R, _R.c.id == _L.c.repo_id)
    return tx.sql.execute(query.where(_is_public_of(user_id))).scalar_one()


def _is_public_of(user_id: int) -> sa.ColumnElement[bool]:
    """Return the condition on likes of a user and their repositories; those of private ones are not read."""
    here = (_L.c.user_id == user_id) & (_L.c.mark == PUBLIC)
    return here & (_R.c.visibility == "public") & _R.c.deleted_ms.is_(None)


def _count(tx: Write, repo_id: int, change: int) -> None:
    tx.sql.execute(sa.update(_R).where(_R.c.id == repo_id).values(likes=_R.c.likes + change))
