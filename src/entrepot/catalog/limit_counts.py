"""Queries on the counts for limits that all servers share: requests of a sender, failed sign-ins,
and bytes that were added to namespaces with quotas.

Rows are named by digests, so that the table shows neither addresses nor names.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import dialects, sign_in_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.dialects.interfaces import Upsert
from entrepot.catalog.lists import slices

_T = sign_in_tables.limit_counts
MAX_FORGOTTEN = 2_000
"""Maximum number of rows that :func:`forget` deletes at a time: more than one transaction adds."""

_FIND = sa.select(_T.c.count, _T.c.last_ms, _T.c.free_ms).where(_T.c.key == sa.bindparam("name"))


@attrs.frozen
class LimitCount:
    """A count, the time of the last event, and the time until which further ones are refused (0: none)."""

    count: int
    last_ms: int
    free_ms: int = 0


def add(tx: Write, counts: Mapping[str, int], now_ms: int, expires_ms: int) -> dict[str, int]:
    """Add to counts, and return their totals.

    Args:
        counts: by digests (32 hex digits).
        expires_ms: when the rows may be deleted.
    """
    names = sorted(counts)
    rows = [
        {"key": key, "count": counts[key], "last_ms": now_ms, "free_ms": 0, "expires_ms": expires_ms} for key in names
    ]
    if rows:
        tx.sql.execute(_add(tx.sql.dialect.name), rows)
    found: dict[str, int] = {}
    for batch in slices(names):
        query = sa.select(_T.c.key, _T.c.count).where(_T.c.key.in_(batch))
        found.update({row.key: row.count for row in tx.sql.execute(query)})
    return found


@functools.cache
def _add(dialect: str) -> Upsert:
    insert = dialects.named(dialect).insert(_T)
    return insert.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": _T.c.count + insert.excluded["count"],
            "last_ms": insert.excluded["last_ms"],
            "expires_ms": insert.excluded["expires_ms"],
        },
    )


def find(tx: Read, key: str) -> LimitCount | None:
    """Return a count, or None."""
    row = tx.sql.execute(_FIND, {"name": key}).first()
    return LimitCount(*row) if row else None


def put(tx: Write, key: str, count: LimitCount, expires_ms: int) -> None:
    """Set a count."""
    remove(tx, [key])
    tx.sql.execute(sa.insert(_T).values(key=key, expires_ms=expires_ms, **attrs.asdict(count)))


def remove(tx: Write, keys: Sequence[str]) -> None:
    """Delete counts."""
    for batch in slices(keys):
        tx.sql.execute(sa.delete(_T).where(_T.c.key.in_(batch)))


def forget(tx: Write, now_ms: int) -> int:
    """Delete counts that have expired, some thousands at most; return how many.

    Every sender of requests can add rows, and the next sign-in must not wait until all are gone. Rows that
    another transaction has changed are left: it may delete them too, in another order.
    """
    old = sa.select(_T.c.key).where(_T.c.expires_ms < now_ms).order_by(_T.c.expires_ms).limit(MAX_FORGOTTEN)
    return tx.sql.execute(sa.delete(_T).where(_T.c.key.in_(old.with_for_update(skip_locked=True)))).rowcount
