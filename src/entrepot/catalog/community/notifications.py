"""Queries on notifications: one row for each user and topic."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, dialects, tables, visibility
from entrepot.catalog.database import Read, Write
from entrepot.catalog.dialects.interfaces import Upsert
from entrepot.catalog.lists import BATCH, bounded
from entrepot.catalog.visibility import Visibility
from entrepot.names import new_uid

_N = community_tables.notifications
_R = tables.repos


@attrs.frozen
class NotificationRow:
    """The notification of one user about one topic.

    ``actor_id`` is 0 if no account did it or it was deleted; ``event_id`` is 0 if it
    is about no discussion. The content of ``data`` depends on the kind.
    """

    topic: str
    kind: str
    reason: str
    actor_id: int
    happened_ms: int
    repo_id: int | None = None
    discussion_id: int | None = None
    org_id: int | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict)
    event_id: int = 0
    user_id: int = 0
    is_read: bool = False
    id: int = 0
    uid: str = ""


ACCESS_REQUEST = "access-request"
"""The kind of notifications that name who requested access to a repository: for its members only."""

After = tuple[float, int]
"""A page starts after this notification, given by its time and row id."""

_COLUMNS = [_N.c[field.name] for field in attrs.fields(NotificationRow)]
_NEWS = ("kind", "reason", "actor_id", "repo_id", "discussion_id", "org_id", "data", "event_id", "happened_ms")


def put(tx: Write, news: NotificationRow, reasons: Mapping[int, str]) -> None:
    """Store unread notifications; they replace those of the same users about the same topic.

    A later event of the same discussion is never replaced, so repeating the call changes nothing.

    Args:
        reasons: row ids of the users, and why each of them is notified.
    """
    shared = {**attrs.asdict(news, filter=attrs.filters.exclude("id", "uid", "user_id", "reason")), "is_read": False}
    # In one order, so that two transactions cannot wait for each other.
    rows = [shared | {"uid": new_uid(), "user_id": user, "reason": reasons[user]} for user in sorted(reasons)]
    if rows:
        tx.sql.execute(_upsert(tx.sql.dialect.name), rows)


@functools.cache
def _upsert(dialect: str) -> Upsert:
    insert = dialects.named(dialect).insert(_N)
    fresh = insert.excluded
    is_news = (fresh.event_id == 0) | (_N.c.event_id < fresh.event_id)
    values = {name: fresh[name] for name in _NEWS} | {"is_read": sa.false()}
    return insert.on_conflict_do_update(index_elements=["user_id", "topic"], set_=values, where=is_news)


def page(
    tx: Read, user_id: int, seen: Visibility | None, *, is_unread: bool, after: After | None, limit: int
) -> list[NotificationRow]:
    """Return notifications of a user, newest first, without those about repositories they may not see now."""
    query = sa.select(*_COLUMNS).select_from(_joined()).where((_N.c.user_id == user_id) & _is_visible(seen))
    if is_unread:
        query = query.where(_N.c.is_read.is_(False))
    if after is not None:
        query = query.where(sa.tuple_(_N.c.happened_ms, _N.c.id) < sa.tuple_(*(sa.literal(part) for part in after)))
    query = query.order_by(_N.c.happened_ms.desc(), _N.c.id.desc()).limit(limit)
    return [NotificationRow(*row) for row in tx.sql.execute(query)]


def count_unread(tx: Read, user_id: int, seen: Visibility | None, most: int) -> int:
    """Return the number of unread notifications of a user as :func:`page` lists them, at most ``most``.

    One statement, which reads only unread rows of the user.
    """
    values = {"user": user_id, "most": most}
    if seen is None:
        return int(tx.sql.execute(_COUNT_ALL, values).scalar_one())
    return int(tx.sql.execute(_COUNT_SEEN, {**values, **visibility.parameters(seen)}).scalar_one())


def mark(tx: Write, user_id: int, seen: Visibility | None, uids: Collection[str] | None, *, is_read: bool) -> int:
    """Mark notifications of a user as :func:`page` lists them; None marks all of them. Return how many changed."""
    here = (_N.c.user_id == user_id) & (_N.c.is_read.is_(not is_read))
    shown = sa.select(_N.c.id).select_from(_joined()).where(here & _is_visible(seen)).correlate(None)
    here &= _N.c.id.in_(shown)
    if uids is not None:
        here &= _N.c.uid.in_(bounded(uids))
    return tx.sql.execute(sa.update(_N).where(here).values(is_read=is_read)).rowcount


def is_unread_about(tx: Read, user_id: int, topic: str) -> bool:
    """Return whether a user has an unread notification about a topic."""
    here = (_N.c.user_id == user_id) & (_N.c.topic == topic) & _N.c.is_read.is_(False)
    return tx.sql.execute(sa.select(_N.c.id).where(here)).first() is not None


def mark_topic(tx: Write, user_id: int, topic: str) -> None:
    """Mark a user's notifications about a topic as read."""
    tx.sql.execute(sa.update(_N).where((_N.c.user_id == user_id) & (_N.c.topic == topic)).values(is_read=True))


def remove_topic(tx: Write, user_id: int, topic: str) -> None:
    """Delete a user's notifications about a topic."""
    tx.sql.execute(sa.delete(_N).where((_N.c.user_id == user_id) & (_N.c.topic == topic)))


def keep_newest(tx: Write, user_ids: Collection[int], most: int) -> None:
    """Delete notifications of some users until each has at most ``most``; at most 500 of each at a time.

    The oldest go of the account that has caused most of them, so that no account pushes out what others have caused.
    """
    for user_id in sorted(user_ids):
        mine = _N.c.user_id == user_id
        newest = (_N.c.happened_ms.desc(), _N.c.id.desc())
        excess = sa.select(_N.c.id).where(mine).order_by(*newest).offset(most).limit(BATCH)
        count = len(tx.sql.execute(excess).all())
        if count:
            place = sa.func.row_number().over(partition_by=_N.c.actor_id, order_by=newest)
            ranked = sa.select(_N.c.id, place.label("place"), _N.c.happened_ms).where(mine).subquery()
            deepest = (ranked.c.place.desc(), ranked.c.happened_ms, ranked.c.id)
            last = sa.select(ranked.c.id).order_by(*deepest).limit(count)
            old = [row[0] for row in tx.sql.execute(last)]
            tx.sql.execute(sa.delete(_N).where(_N.c.id.in_(bounded(old))))


def forget(tx: Write, before_ms: int, limit: int) -> int:
    """Delete notifications that are older than a time, the oldest first; return how many."""
    old = sa.select(_N.c.id).where(_N.c.happened_ms < before_ms).order_by(_N.c.happened_ms).limit(limit)
    return tx.sql.execute(sa.delete(_N).where(_N.c.id.in_(old))).rowcount


def people_of(rows: Sequence[NotificationRow]) -> set[int]:
    """Return the row ids of all accounts that notifications name."""
    return {number for row in rows for number in (row.actor_id, row.org_id) if number}


def _joined() -> sa.Join:
    return _N.outerjoin(_R, _R.c.id == _N.c.repo_id)


def _is_visible(seen: Visibility | None) -> sa.ColumnElement[bool]:
    return _is_there(sa.true() if seen is None else visibility.visible_private(seen))


def _is_there(is_member: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    sees = is_member | ((_R.c.visibility == "public") & (_N.c.kind != ACCESS_REQUEST))
    return _N.c.repo_id.is_(None) | (_R.c.deleted_ms.is_(None) & _R.c.is_disabled.is_(False) & sees)


def _count(is_member: sa.ColumnElement[bool]) -> sa.Select[Any]:
    here = (_N.c.user_id == sa.bindparam("user")) & _N.c.is_read.is_(False) & _is_there(is_member)
    found = sa.select(sa.literal(1)).select_from(_joined()).where(here).limit(sa.bindparam("most", type_=sa.Integer))
    return sa.select(sa.func.count()).select_from(found.subquery())


# Built once: one of them runs at every page of a visitor who has signed in.
_COUNT_ALL = _count(sa.true())
_COUNT_SEEN = _count(visibility.prepared_private())
