"""Queries on follows: which user follows which user or organisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write

_F = community_tables.follows
_N = tables.namespaces

After = tuple[float, int]
"""A page starts after this follow, given by its time and the row id of the listed account."""


def add(tx: Write, follower_id: int, followed_id: int, now_ms: int) -> bool:
    """Follow an account; return False if the user follows it already."""
    if is_following(tx, follower_id, followed_id):
        return False
    tx.sql.execute(sa.insert(_F).values(follower_id=follower_id, followed_id=followed_id, followed_ms=now_ms))
    return True


def remove(tx: Write, follower_id: int, followed_id: int) -> bool:
    """Stop following an account; return False if the user did not follow it."""
    here = (_F.c.follower_id == follower_id) & (_F.c.followed_id == followed_id)
    return bool(tx.sql.execute(sa.delete(_F).where(here)).rowcount)


def is_following(tx: Read, follower_id: int, followed_id: int) -> bool:
    """Return whether one account follows another."""
    here = (_F.c.follower_id == follower_id) & (_F.c.followed_id == followed_id)
    return tx.sql.execute(sa.select(_F.c.follower_id).where(here)).first() is not None


def followers(tx: Read, account_id: int, *, after: After | None, limit: int) -> Sequence[tuple[int, int]]:
    """Return (time, row id) of the followers of an account, newest first, starting after ``after``."""
    query = sa.select(_F.c.followed_ms, _F.c.follower_id).where(_F.c.followed_id == account_id)
    return _page(tx, query, _F.c.follower_id, after, limit)


def followed_users(tx: Read, account_id: int, *, after: After | None, limit: int) -> Sequence[tuple[int, int]]:
    """Return (time, row id) of the users that an account follows, newest first, starting after ``after``."""
    query = sa.select(_F.c.followed_ms, _F.c.followed_id).join(_N, _N.c.id == _F.c.followed_id)
    query = query.where((_F.c.follower_id == account_id) & (_N.c.kind == "user"))
    return _page(tx, query, _F.c.followed_id, after, limit)


def count_followers(tx: Read, account_id: int) -> int:
    """Return the number of followers of an account."""
    return tx.sql.execute(sa.select(sa.func.count()).where(_F.c.followed_id == account_id)).scalar_one()


def count_followed_users(tx: Read, account_id: int) -> int:
    """Return the number of users that an account follows."""
    query = sa.select(sa.func.count()).select_from(_F).join(_N, _N.c.id == _F.c.followed_id)
    return tx.sql.execute(query.where((_F.c.follower_id == account_id) & (_N.c.kind == "user"))).scalar_one()


def _page(
    tx: Read, query: sa.Select[Any], shown: sa.Column[Any], after: After | None, limit: int
) -> Sequence[tuple[int, int]]:
    if after is not None:
        last = sa.tuple_(*(sa.literal(part) for part in after))
        query = query.where(sa.tuple_(_F.c.followed_ms, shown) < last)
    rows = tx.sql.execute(query.order_by(_F.c.followed_ms.desc(), shown.desc()).limit(limit))
    return [(followed_ms, account_id) for followed_ms, account_id in rows]
