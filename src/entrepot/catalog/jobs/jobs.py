"""Queries on the durable job queue.

A job is inserted in the transaction that makes it necessary. One worker at a
time claims it under a lease. A job that has failed too often stays with the
state ``dead``. If a worker crashes, its lease expires and the job runs again,
so handlers must be idempotent.

Every job belongs to a lane, which has its own workers, and to a namespace.
Within a lane the namespaces are served in rotation: a claim takes the oldest
due job of the next namespace that has one, however many jobs the others have.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import dialects, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.dialects.interfaces import Upsert
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import bounded
from entrepot.catalog.prepared import Prepared, PreparedWrite

_T = tables.jobs
_L = tables.job_lanes
STATES = ("ready", "running", "done", "dead")
LANES = ("interactive", "heavy", "outbound", "maintenance")
"""Short jobs that users wait for; long jobs on content; requests to other hosts; maintenance of the hub."""

_ATTEMPTS = 4
_LANE_OF = {
    **dict.fromkeys(("chunk", "verify", "scrub", "scan", "convert"), "heavy"),
    "deliver": "outbound",
    **dict.fromkeys(
        ("mirror", "trends", "forget-deliveries", "forget-notifications", "reverify", "rescan", "sweep"), "maintenance"
    ),
}


JobArgs = Mapping[str, int]
"""What a job is about: row ids, by ``repo``, ``webhook`` and ``event``."""


@attrs.frozen
class Job:
    """A background job."""

    id: int
    kind: str
    lane: str
    namespace_id: int
    args: JobArgs
    state: str
    attempts: int
    run_ms: int
    error: str | None
    created_ms: int


_COLUMNS = [
    _T.c[name]
    for name in (
        *("id", "kind", "lane", "namespace_id", "args", "state", "attempts"),
        *("run_ms", "error", "created_ms"),
    )
]
_IN_LANE = _T.c.lane == sa.bindparam("lane")
# Statements are built once: building one costs more than running it on cached pages.
_READY = Prepared(sa.select(sa.func.min(_T.c.run_ms)).where((_T.c.state == "ready") & _IN_LANE))
_LEASED = Prepared(sa.select(sa.func.min(_T.c.lease_ms)).where((_T.c.state == "running") & _IN_LANE))
# Folders have no turns of their own: their owner has one.
_NAMESPACE_OF = (
    sa.select(sa.func.coalesce(tables.namespaces.c.parent_id, tables.namespaces.c.id))
    .join(tables.repos, tables.repos.c.namespace_id == tables.namespaces.c.id)
    .where(tables.repos.c.id == sa.bindparam("repo", type_=tables.repos.c.id.type))
)
_SERVED_LAST = sa.select(_L.c.namespace_id).where(_L.c.lane == sa.bindparam("lane"))
# Of several workers that claim at a time, one notes whom it serves, and no one waits for that.
_FREE_LANE = sa.select(_L.c.lane).where(_L.c.lane == sa.bindparam("of")).with_for_update(skip_locked=True)
_SERVED = sa.update(_L).where(_L.c.lane.in_(_FREE_LANE)).values(namespace_id=sa.bindparam("served"))

_MINE = (_T.c.id == sa.bindparam("job")) & (_T.c.owner == sa.bindparam("by")) & (_T.c.state == "running")
_DONE = sa.update(_T).where(_MINE).values(state="done", finished_ms=sa.bindparam("now"), lease_ms=None, error=None)
_TAKE = (
    sa.update(_T)
    .where(_T.c.id == sa.bindparam("job"))
    .values(state="running", owner=sa.bindparam("by"), lease_ms=sa.bindparam("until"), attempts=sa.bindparam("nth"))
)


def _next_namespace() -> sa.Select[Any]:
    """Return a query for the first namespace after a given one with a due job.

    It takes one index lookup per namespace, however long their queues are.
    """
    inner, due = sa.alias(_T), sa.alias(_T)
    ready: str = "ready"
    lane: sa.BindParameter[str] = sa.bindparam("lane")
    waiting = (
        sa.select(sa.func.min(_T.c.namespace_id).label("id"))
        .where((_T.c.state == ready) & _IN_LANE & (_T.c.namespace_id > sa.bindparam("after")))
        .cte("waiting", recursive=True)
    )
    following = sa.select(sa.func.min(inner.c.namespace_id)).where(
        (inner.c.state == ready) & (inner.c.lane == lane) & (inner.c.namespace_id > waiting.c.id)
    )
    waiting = waiting.union_all(sa.select(following.scalar_subquery()).where(waiting.c.id.is_not(None)))
    first_due = sa.select(sa.func.min(due.c.run_ms)).where(
        (due.c.state == ready) & (due.c.lane == lane) & (due.c.namespace_id == waiting.c.id)
    )
    is_due = first_due.scalar_subquery() <= sa.bindparam("now")
    return (
        sa.select(waiting.c.id).where(is_due & waiting.c.id.not_in(sa.bindparam("excluded", expanding=True))).limit(1)
    )


def _oldest(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    # A job that another transaction is claiming, or is about to leave to a waiting one, is passed over.
    query = sa.select(*_COLUMNS).where(sa.and_(*conditions)).order_by(_T.c.run_ms, _T.c.id).limit(1)
    return query.with_for_update(skip_locked=True)


_IS_WAITING = (_T.c.state == "ready") & (_T.c.run_ms <= sa.bindparam("now"))
_IS_DESERTED = (_T.c.state == "running") & (_T.c.lease_ms <= sa.bindparam("now"))
_HAS_KEY = _T.c.dedup_key == sa.bindparam("key")
_NEXT_NAMESPACE = _next_namespace()
_NEXT = _oldest(_IS_WAITING, _IN_LANE, _T.c.namespace_id == sa.bindparam("of"))
_DESERTED = _oldest(_IS_DESERTED, _IN_LANE, _T.c.namespace_id.not_in(sa.bindparam("excluded", expanding=True)))
# Two queries, each of which scans an index; combined with OR they would sort the whole queue.
_BY_KEY = (_oldest(_IS_WAITING, _HAS_KEY), _oldest(_IS_DESERTED, _HAS_KEY))


def enqueue(
    tx: Write,
    kind: str,
    args: JobArgs,
    now_ms: int,
    *,
    namespace_id: int | None = None,
    dedup_key: str | None = None,
    delay_ms: int = 0,
    hastens: bool = False,
) -> None:
    """Add a job; if ``dedup_key`` is given and an equal job is waiting, do nothing.

    Args:
        namespace_id: the namespace on whose behalf it runs. None: the namespace of the repository that
            ``args["repo"]`` identifies, or the hub itself.
        hastens: an equal job that waits for a later time is brought forward, unless it waits because it failed.
    """
    values = {"kind": kind, "dedup_key": dedup_key, "args": dict(args), "state": "ready", "attempts": 0}
    values |= {"lane": lane_of(kind), "run_ms": now_ms + delay_ms, "created_ms": now_ms}
    is_of_repo = namespace_id is None and "repo" in args
    values |= {"repo": args["repo"]} if is_of_repo else {"namespace_id": namespace_id or 0}
    _ADD[is_of_repo, hastens].run_all(tx, [values])


def _add(dialect: str, *, is_of_repo: bool, hastens: bool) -> Upsert:
    """Return the insert of a job that respects an equal one which waits.

    Where several transactions write at a time, the waiting job is locked until this one ends, even if it stays as it
    is: a worker that claimed it before would not see the rows that this transaction adds for the job.
    """
    insert = dialects.named(dialect).insert(_T).inline()  # the new id is not needed
    if is_of_repo:
        insert = insert.values(namespace_id=sa.func.coalesce(_NAMESPACE_OF.scalar_subquery(), 0))
    is_sooner = (insert.excluded.run_ms < _T.c.run_ms) & (_T.c.attempts == 0)
    return insert.on_conflict_do_update(
        index_elements=["dedup_key"],
        index_where=tables.IS_READY,
        set_={"run_ms": insert.excluded.run_ms},
        where=is_sooner if hastens else sa.false(),
    )


_ADDED = ("kind", "lane", "dedup_key", "args", "state", "attempts", "run_ms", "created_ms")
_ADD = {
    (is_of_repo, hastens): PreparedWrite(
        functools.partial(_add, is_of_repo=is_of_repo, hastens=hastens),
        _ADDED if is_of_repo else (*_ADDED, "namespace_id"),
    )
    for is_of_repo in (False, True)
    for hastens in (False, True)
}


def lane_of(kind: str) -> str:
    """Return the lane of a kind of job."""
    return _LANE_OF.get(kind, "interactive")


def next_run(tx: Read, lane: str | None = None) -> int | None:
    """Return when the next job of a lane (None: any lane) is due or a lease expires; None if no job waits."""
    found = [
        query.scalar(tx, {"lane": name}) for name in (LANES if lane is None else (lane,)) for query in (_READY, _LEASED)
    ]
    return min((run_ms for run_ms in found if run_ms is not None), default=None)


def claim(
    tx: Write,
    owner: str,
    now_ms: int,
    lease_ms: int,
    *,
    dedup_key: str | None = None,
    lane: str | None = None,
    excluded: Collection[int] = (),
) -> Job | None:
    """Claim the next due job, or one whose lease has expired.

    Args:
        dedup_key: claim only a job with this key.
        lane: claim only a job of this lane; None tries each lane in order.
        excluded: namespaces whose jobs are not claimed.

    Guarantees: within a lane, a namespace is served again only after every other one that has a due job.
    """
    if dedup_key is not None:
        found = [Job(*row) for query in _BY_KEY for row in tx.sql.execute(query, {"now": now_ms, "key": dedup_key})]
        job = min(found, key=lambda job: (job.run_ms, job.id), default=None)
    else:
        lanes = LANES if lane is None else (lane,)
        job = next((job for name in lanes if (job := _next_in(tx, name, now_ms, list(excluded)))), None)
    if job is None:
        return None
    tx.sql.execute(_TAKE, {"job": job.id, "by": owner, "until": now_ms + lease_ms, "nth": job.attempts + 1})
    return attrs.evolve(job, state="running", attempts=job.attempts + 1)


def _next_in(tx: Write, lane: str, now_ms: int, excluded: list[int]) -> Job | None:
    """Return the next job of a lane by rotation, and record its namespace as served."""
    values = {"lane": lane, "now": now_ms, "excluded": excluded}
    deserted = tx.sql.execute(_DESERTED, values).first()
    if deserted:
        return Job(*deserted)
    last = tx.sql.execute(_SERVED_LAST, {"lane": lane}).scalar()
    for _ in range(_ATTEMPTS):
        starts = (-1,) if last is None else (last, -1)
        namespaces = (tx.sql.execute(_NEXT_NAMESPACE, values | {"after": after}).scalar() for after in starts)
        namespace = next((found for found in namespaces if found is not None), None)
        if namespace is None:
            return None
        row = tx.sql.execute(_NEXT, {"lane": lane, "now": now_ms, "of": namespace}).first()
        if row is not None:
            break
        excluded.append(namespace)  # other workers are claiming the jobs of this namespace
    else:
        return None
    if last is None:
        insert_missing(tx, _L, [{"lane": lane, "namespace_id": namespace}])
    elif last != namespace:
        tx.sql.execute(_SERVED, {"of": lane, "served": namespace})
    return Job(*row)


def put_back(tx: Write, job_id: int, owner: str, run_ms: int) -> None:
    """Release a claimed job so that it runs again at a given time, without counting the attempt.

    If an equal job is waiting, that one is left.
    """
    here = (_T.c.id == job_id) & (_T.c.owner == owner) & (_T.c.state == "running")
    values = {"lease_ms": None, "owner": None, "run_ms": run_ms, "attempts": _T.c.attempts - 1}
    _let_wait(tx, here, values, run_ms)


def renew(tx: Write, job_id: int, owner: str, lease_until_ms: int) -> bool:
    """Extend the lease of a running job; return False if the lease was lost."""
    here = (_T.c.id == job_id) & (_T.c.owner == owner) & (_T.c.state == "running")
    return bool(tx.sql.execute(sa.update(_T).where(here).values(lease_ms=lease_until_ms)).rowcount)


def owners(tx: Read) -> frozenset[str]:
    """Return the owners that hold leases."""
    query = sa.select(_T.c.owner).where((_T.c.state == "running") & _T.c.owner.is_not(None)).distinct()
    return frozenset(tx.sql.execute(query).scalars())


def end_leases(tx: Write, owner: str, now_ms: int) -> None:
    """Release all jobs that an owner has claimed; only for an owner that is known to have crashed."""
    here = (_T.c.owner == owner) & (_T.c.state == "running")
    tx.sql.execute(sa.update(_T).where(here).values(lease_ms=now_ms))


def is_pending(tx: Read, dedup_key: str) -> bool:
    """Return whether a job with this key waits or runs."""
    query = sa.select(_T.c.id).where((_T.c.dedup_key == dedup_key) & _T.c.state.in_(("ready", "running"))).limit(1)
    return tx.sql.execute(query).first() is not None


def finish(tx: Write, job_id: int, owner: str, now_ms: int) -> None:
    """Mark a job as done, unless its lease was lost."""
    tx.sql.execute(_DONE, {"job": job_id, "by": owner, "now": now_ms})


def fail(tx: Write, job_id: int, owner: str, error: str, retry_ms: int | None, now_ms: int) -> None:
    """Record a failure; the job runs again at ``retry_ms``, or never if that is None."""
    here = (_T.c.id == job_id) & (_T.c.owner == owner) & (_T.c.state == "running")
    values: dict[str, Any] = {"error": error, "lease_ms": None}
    if retry_ms is None:
        tx.sql.execute(sa.update(_T).where(here).values(**values, state="dead", finished_ms=now_ms))
    else:
        _let_wait(tx, here, values | {"run_ms": retry_ms}, now_ms)


def _let_wait(tx: Write, here: sa.ColumnElement[bool], values: Mapping[str, Any], now_ms: int) -> bool:
    """Let a job wait again, or end it if an equal one is waiting; return False if the job does not exist."""
    twin = sa.alias(_T)
    is_doubled = sa.exists().where((twin.c.dedup_key == _T.c.dedup_key) & (twin.c.state == "ready"))
    is_doubled = is_doubled.where(twin.c.id != _T.c.id)
    waits = sa.update(_T).where(here & ~is_doubled).values(**values, state="ready", finished_ms=None)
    try:
        with tx.sql.begin_nested():
            is_waiting = bool(tx.sql.execute(waits).rowcount)
    except sa.exc.IntegrityError:
        is_waiting = False  # an equal job was added at this moment
    if is_waiting:
        return True
    ended = {name: value for name, value in values.items() if name != "run_ms"}
    done = sa.update(_T).where(here & is_doubled).values(**ended, state="done", finished_ms=now_ms)
    return bool(tx.sql.execute(done).rowcount)


def find(
    tx: Read,
    *,
    states: Sequence[str] = STATES,
    lanes: Sequence[str] = LANES,
    before: int | None = None,
    limit: int = 100,
) -> list[Job]:
    """Return jobs in these states and lanes, newest first; ``before`` is the last id of the previous page."""
    here = _T.c.state.in_(bounded(states)) & _T.c.lane.in_(bounded(lanes))
    if before is not None:
        here &= _T.c.id < before
    query = sa.select(*_COLUMNS).where(here).order_by(_T.c.id.desc()).limit(limit)
    return [Job(*row) for row in tx.sql.execute(query)]


def retry(tx: Write, job_id: int, now_ms: int) -> bool:
    """Make a dead or waiting job due immediately; return False if the job does not exist."""
    here = (_T.c.id == job_id) & _T.c.state.in_(("dead", "ready"))
    return _let_wait(tx, here, {"run_ms": now_ms, "attempts": 0}, now_ms)


def cancel(tx: Write, job_id: int) -> bool:
    """Delete a job that is not running; return False if the job does not exist."""
    return bool(tx.sql.execute(sa.delete(_T).where((_T.c.id == job_id) & (_T.c.state != "running"))).rowcount)


def forget_done(tx: Write, finished_before_ms: int) -> int:
    """Delete jobs that finished before a time; return how many."""
    here = (_T.c.state == "done") & (_T.c.finished_ms < finished_before_ms)
    return tx.sql.execute(sa.delete(_T).where(here)).rowcount


def counts(tx: Read) -> dict[tuple[str, str], int]:
    """Return the number of jobs by lane and state."""
    rows = tx.sql.execute(sa.select(_T.c.lane, _T.c.state, sa.func.count()).group_by(_T.c.state, _T.c.lane))
    every = dict.fromkeys(((lane, state) for lane in LANES for state in STATES), 0)
    return every | {(row.lane, row.state): row[2] for row in rows}


def oldest_due(tx: Read, lane: str) -> int | None:
    """Return when the longest-waiting job of a lane became due, or None if none is waiting."""
    due: int | None = _READY.scalar(tx, {"lane": lane})
    return due
