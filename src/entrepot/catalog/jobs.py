"""Rows of the durable job queue.

A job is written in the transaction whose follow-up it is, claimed under a
lease by one worker at a time, and stays as ``dead`` when it has failed too
often. A worker that dies loses its lease; the job runs again, so handlers are
idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write

_T = tables.jobs
STATES = ("ready", "running", "done", "dead")


@attrs.frozen
class Job:
    """One piece of follow-up work."""

    id: int
    kind: str
    args: Mapping[str, Any]
    state: str
    attempts: int
    run_ms: int
    error: str | None
    created_ms: int


_COLUMNS = [_T.c[name] for name in ("id", "kind", "args", "state", "attempts", "run_ms", "error", "created_ms")]
# Built once: making a statement costs more than running it on a page that is cached.
_READY = sa.select(sa.func.min(_T.c.run_ms)).where(_T.c.state == "ready")
_LEASED = sa.select(sa.func.min(_T.c.lease_ms)).where(_T.c.state == "running")
_ADD = sa.insert(_T)
_WAITING = sa.select(_T.c.id).where((_T.c.dedup_key == sa.bindparam("key")) & (_T.c.state == "ready"))

_MINE = (_T.c.id == sa.bindparam("job")) & (_T.c.owner == sa.bindparam("by")) & (_T.c.state == "running")
_DONE = sa.update(_T).where(_MINE).values(state="done", finished_ms=sa.bindparam("now"), lease_ms=None, error=None)
_TAKE = (
    sa.update(_T)
    .where(_T.c.id == sa.bindparam("job"))
    .values(state="running", owner=sa.bindparam("by"), lease_ms=sa.bindparam("until"), attempts=sa.bindparam("nth"))
)


def _next(*, by_key: bool) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Two queries, each of which walks an index; joined by OR they sort the whole backlog."""
    waiting = (_T.c.state == "ready") & (_T.c.run_ms <= sa.bindparam("now"))
    deserted = (_T.c.state == "running") & (_T.c.lease_ms <= sa.bindparam("now"))
    mine = _T.c.dedup_key == sa.bindparam("key") if by_key else sa.true()
    first, second = (
        sa.select(*_COLUMNS).where(due & mine).order_by(_T.c.run_ms, _T.c.id).limit(1) for due in (waiting, deserted)
    )
    return first, second


_NEXT, _NEXT_BY_KEY = _next(by_key=False), _next(by_key=True)


def enqueue(
    tx: Write, kind: str, args: Mapping[str, Any], now_ms: int, *, dedup_key: str | None = None, delay_ms: int = 0
) -> None:
    """Add a job; with ``dedup_key``, nothing when an equal one is waiting already."""
    if dedup_key is not None and tx.sql.execute(_WAITING, {"key": dedup_key}).first():
        return
    values = {"kind": kind, "dedup_key": dedup_key, "args": dict(args), "state": "ready", "attempts": 0}
    tx.sql.execute(_ADD, values | {"run_ms": now_ms + delay_ms, "created_ms": now_ms})


def next_turn(tx: Read) -> int | None:
    """When the next job may run (or a lease ends); None when nothing waits."""
    turns = [tx.sql.execute(query).scalar() for query in (_READY, _LEASED)]
    return min((turn for turn in turns if turn is not None), default=None)


def claim(tx: Write, owner: str, now_ms: int, lease_ms: int, *, dedup_key: str | None = None) -> Job | None:
    """Take the next job whose turn has come, or whose worker's lease has ended.

    With ``dedup_key``, only a job with this key.
    """
    queries, values = (_NEXT, {}) if dedup_key is None else (_NEXT_BY_KEY, {"key": dedup_key})
    found = [Job(*row) for query in queries for row in tx.sql.execute(query, {"now": now_ms, **values})]
    if not found:
        return None
    job = min(found, key=lambda job: (job.run_ms, job.id))
    taken = {"job": job.id, "by": owner, "until": now_ms + lease_ms, "nth": job.attempts + 1}
    tx.sql.execute(_TAKE, taken)
    return attrs.evolve(job, state="running", attempts=job.attempts + 1)


def renew(tx: Write, job_id: int, owner: str, lease_until_ms: int) -> bool:
    """Keep a job that is still being worked on; False when the lease was lost."""
    here = (_T.c.id == job_id) & (_T.c.owner == owner) & (_T.c.state == "running")
    return bool(tx.sql.execute(sa.update(_T).where(here).values(lease_ms=lease_until_ms)).rowcount)


def owners(tx: Read) -> frozenset[str]:
    """Who has jobs under a lease."""
    query = sa.select(_T.c.owner).where((_T.c.state == "running") & _T.c.owner.is_not(None)).distinct()
    return frozenset(tx.sql.execute(query).scalars())


def end_leases(tx: Write, owner: str, now_ms: int) -> None:
    """Let others run at once what an owner has under a lease: for an owner who is known to be dead."""
    here = (_T.c.owner == owner) & (_T.c.state == "running")
    tx.sql.execute(sa.update(_T).where(here).values(lease_ms=now_ms))


def finish(tx: Write, job_id: int, owner: str, now_ms: int) -> None:
    """Mark a job as done, unless its lease was lost meanwhile."""
    tx.sql.execute(_DONE, {"job": job_id, "by": owner, "now": now_ms})


def fail(tx: Write, job_id: int, owner: str, error: str, retry_ms: int | None, now_ms: int) -> None:
    """Note a failure: run again at ``retry_ms``, or never when that is None."""
    here = (_T.c.id == job_id) & (_T.c.owner == owner) & (_T.c.state == "running")
    values: dict[str, Any] = {"error": error, "lease_ms": None}
    if retry_ms is None:
        values |= {"state": "dead", "finished_ms": now_ms}
    else:
        values |= {"state": "ready", "run_ms": retry_ms}
    tx.sql.execute(sa.update(_T).where(here).values(**values))


def find(tx: Read, *, states: Sequence[str] = STATES, limit: int = 100) -> list[Job]:
    """Jobs in these states, newest first."""
    query = sa.select(*_COLUMNS).where(_T.c.state.in_(states)).order_by(_T.c.id.desc()).limit(limit)
    return [Job(*row) for row in tx.sql.execute(query)]


def retry(tx: Write, job_id: int, now_ms: int) -> bool:
    """Run a dead or waiting job at once; False when there is none."""
    here = (_T.c.id == job_id) & _T.c.state.in_(("dead", "ready"))
    values = {"state": "ready", "run_ms": now_ms, "attempts": 0, "finished_ms": None}
    return bool(tx.sql.execute(sa.update(_T).where(here).values(**values)).rowcount)


def cancel(tx: Write, job_id: int) -> bool:
    """Delete a job that is not running; False when there is none."""
    return bool(tx.sql.execute(sa.delete(_T).where((_T.c.id == job_id) & (_T.c.state != "running"))).rowcount)


def forget_done(tx: Write, finished_before_ms: int) -> int:
    """Delete finished jobs; returns how many."""
    here = (_T.c.state == "done") & (_T.c.finished_ms < finished_before_ms)
    return tx.sql.execute(sa.delete(_T).where(here)).rowcount


def counts(tx: Read) -> dict[str, int]:
    """Number of jobs by state."""
    rows = tx.sql.execute(sa.select(_T.c.state, sa.func.count()).group_by(_T.c.state))
    return dict.fromkeys(STATES, 0) | {row.state: row[1] for row in rows}
