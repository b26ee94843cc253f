"""Queries on events and their deliveries to webhooks.

A delivery is ``pending``, ``sending`` (until ``next_ms``, after which its
sender is presumed to have crashed), ``done`` or ``failed``. The deliveries of
one webhook and repository are sent in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, engines
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded
from entrepot.names import Uid, new_uid

_E = community_tables.events
_D = community_tables.deliveries
_P = community_tables.delivery_pauses


@attrs.frozen
class Delivery:
    """The delivery of one event to one webhook."""

    id: int
    uid: Uid
    webhook_id: int
    repo_id: int
    state: str
    attempts: int
    next_ms: int
    status: int | None
    answer: str | None
    created_ms: int
    finished_ms: int | None
    namespace_id: int
    scope: str
    payload: Mapping[str, Any]


_COLUMNS = [
    *(
        _D.c[name]
        for name in (
            "id",
            "uid",
            "webhook_id",
            "repo_id",
            "state",
            "attempts",
            "next_ms",
            "status",
            "answer",
            "created_ms",
            "finished_ms",
        )
    ),
    _E.c.namespace_id,
    _E.c.scope,
    _E.c.payload,
]
_JOINED = sa.select(*_COLUMNS).join(_E, _E.c.id == _D.c.event_id)
_FIRST = (
    _JOINED.where(
        (_D.c.webhook_id == sa.bindparam("webhook"))
        & (_D.c.repo_id == sa.bindparam("repo"))
        & _D.c.state.in_(("pending", "sending"))
    )
    .order_by(_D.c.id)
    .limit(1)
)


def add_event(tx: Write, repo_id: int, namespace_id: int, scope: str, payload: Mapping[str, Any], now_ms: int) -> int:
    """Record an event; return its row id."""
    values = {"repo_id": repo_id, "namespace_id": namespace_id, "scope": scope, "payload": dict(payload)}
    key = tx.sql.execute(sa.insert(_E).values(**values, created_ms=now_ms)).inserted_primary_key
    assert key is not None
    return int(key[0])


def add(tx: Write, webhook_id: int, event_id: int, repo_id: int, now_ms: int) -> None:
    """Queue an event for a webhook, after the deliveries that are already waiting."""
    values = {"uid": new_uid(), "webhook_id": webhook_id, "event_id": event_id, "repo_id": repo_id}
    state = {"state": "pending", "attempts": 0, "next_ms": now_ms, "created_ms": now_ms}
    tx.sql.execute(sa.insert(_D).values(**values, **state))


def first(tx: Read, webhook_id: int, repo_id: int) -> Delivery | None:
    """Return the delivery that is next in order, even if it is already being sent, or None."""
    row = tx.sql.execute(_FIRST, {"webhook": webhook_id, "repo": repo_id}).first()
    return Delivery(*row) if row else None


def take(tx: Write, delivery_id: int, until_ms: int) -> None:
    """Mark a delivery as being sent, until a given time at most, and count the attempt."""
    here = sa.update(_D).where(_D.c.id == delivery_id)
    tx.sql.execute(here.values(state="sending", next_ms=until_ms, attempts=_D.c.attempts + 1))


def conclude(tx: Write, delivery_id: int, state: str, status: int | None, answer: str, at_ms: int) -> None:
    """Record the result of an attempt.

    Args:
        state: ``done`` or ``failed``; ``pending`` to try again at ``at_ms``.
        status: the HTTP status; None without a response.
        answer: the beginning of the response, or the reason why there was none.
    """
    finished = None if state == "pending" else at_ms
    values = {"state": state, "status": status, "answer": answer, "next_ms": at_ms, "finished_ms": finished}
    tx.sql.execute(sa.update(_D).where(_D.c.id == delivery_id).values(**values))


def of_webhook(tx: Read, webhook_id: int, *, before: int | None, limit: int) -> Sequence[Delivery]:
    """Return the deliveries to a webhook, newest first; ``before`` excludes that id and newer ones."""
    query = _JOINED.where(_D.c.webhook_id == webhook_id).order_by(_D.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_D.c.id < before)
    return [Delivery(*row) for row in tx.sql.execute(query)]


def last_results(tx: Read, webhook_ids: Sequence[int]) -> dict[int, Delivery]:
    """Return the last attempt of each webhook that had any: one that will be repeated, else the last that has ended."""
    here = _D.c.webhook_id.in_(bounded(webhook_ids))
    ended, repeated = _D.c.state.in_(("done", "failed")), (_D.c.state == "pending") & (_D.c.attempts > 0)
    found: dict[int, Delivery] = {}
    for state in (ended, repeated):
        newest = sa.select(sa.func.max(_D.c.id)).where(here & state).group_by(_D.c.webhook_id)
        found |= {row.webhook_id: Delivery(*row) for row in tx.sql.execute(_JOINED.where(_D.c.id.in_(newest)))}
    return found


def find(tx: Read, webhook_id: int, uid: str) -> Delivery | None:
    """Return one delivery to a webhook, or None."""
    row = tx.sql.execute(_JOINED.where((_D.c.webhook_id == webhook_id) & (_D.c.uid == uid))).first()
    return Delivery(*row) if row else None


def repeat(tx: Write, delivery_id: int, now_ms: int) -> None:
    """Queue the event of a delivery for its webhook again, after the deliveries that are already waiting."""
    row = tx.sql.execute(sa.select(_D.c.webhook_id, _D.c.event_id, _D.c.repo_id).where(_D.c.id == delivery_id)).one()
    add(tx, row.webhook_id, row.event_id, row.repo_id, now_ms)


def waiting(tx: Read, webhook_id: int) -> Sequence[int]:
    """Return the row ids of the repositories that have deliveries waiting for a webhook."""
    here = (_D.c.webhook_id == webhook_id) & _D.c.state.in_(("pending", "sending"))
    return tx.sql.execute(sa.select(_D.c.repo_id).where(here).distinct().order_by(_D.c.repo_id)).scalars().all()


def pauses(tx: Read, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return, for each given receiver whose last delivery failed, its consecutive failures and the end of its pause."""
    query = sa.select(_P.c.key, _P.c.failures, _P.c.until_ms).where(_P.c.key.in_(bounded(keys)))
    return {row.key: (row.failures, row.until_ms) for row in tx.sql.execute(query)}


def put_pause(tx: Write, key: str, failures: int, until_ms: int) -> None:
    """Record the number of consecutive failures of a receiver, and until when it is paused."""
    engines.insert_missing(
        tx, _P, [{"key": key, "failures": failures, "until_ms": until_ms}], refresh=("failures", "until_ms")
    )


def end_pauses(tx: Write, keys: Sequence[str]) -> None:
    """Clear the failures of receivers."""
    tx.sql.execute(sa.delete(_P).where(_P.c.key.in_(bounded(keys))))


def forget_pauses(tx: Write, before_ms: int) -> None:
    """Clear the failures of receivers whose pauses ended before a time."""
    tx.sql.execute(sa.delete(_P).where(_P.c.until_ms < before_ms))


def forget(tx: Write, finished_before_ms: int, limit: int) -> int:
    """Delete deliveries that ended before a time, the first ones first; return how many."""
    ended = _D.c.state.in_(("done", "failed")) & (_D.c.finished_ms < finished_before_ms)
    old = sa.select(_D.c.id).where(ended).order_by(_D.c.finished_ms).limit(limit)
    return tx.sql.execute(sa.delete(_D).where(_D.c.id.in_(old))).rowcount


def forget_events(tx: Write, created_before_ms: int, after: int, limit: int) -> int | None:
    """Delete events without deliveries that were created before a time; examine at most ``limit`` events, oldest first.

    Args:
        after: row id of the last event that was examined before; 0 for the beginning.

    Returns:
        the row id of the last examined event, None if there are no more.
    """
    oldest = sa.select(_E.c.id, _E.c.created_ms).where(_E.c.id > after).order_by(_E.c.id).limit(limit)
    seen = [row.id for row in tx.sql.execute(oldest) if row.created_ms < created_before_ms]
    if not seen:
        return None
    left = sa.exists().where(_D.c.event_id == _E.c.id)
    tx.sql.execute(sa.delete(_E).where(~left & _E.c.id.in_(bounded(seen))))
    return int(seen[-1])
