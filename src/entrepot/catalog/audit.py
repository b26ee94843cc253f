"""Queries on the audit log: rows are appended and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.prepared import Prepared, PreparedWrite
from entrepot.names import Uid

_A = community_tables.audit
_M = tables.meta
_HEAD = "audit_head"
# Built once: a push may delete thousands of refs, and each is recorded.
_FIND_HEAD = Prepared(sa.select(_M.c.value).where(_M.c.key == sa.bindparam("called")))
_MOVE_HEAD = PreparedWrite(
    lambda _dialect: sa.update(_M).where(_M.c.key == sa.bindparam("called")).values(value=sa.bindparam("becomes"))
)
_ADD_HEAD = sa.insert(_M).values(key=_HEAD, value=sa.bindparam("becomes"))


@attrs.frozen
class AuditRow:
    """One recorded change; ``details`` is JSON text, ``chain`` is 32 bytes in hex.

    ``namespace``: permanent id of the account that the subject belonged to, None if it belonged to none.
    """

    id: int
    at_ms: int
    actor: str
    token: str | None
    action: str
    subject: str
    details: str
    chain: str
    namespace: Uid | None = None


@attrs.frozen
class AuditFilter:
    """A filter for audit rows; None in a field matches any value."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    namespace: Uid | None = None


_COLUMNS = [_A.c[field.name] for field in attrs.fields(AuditRow)]
_APPEND = PreparedWrite(lambda _dialect: sa.insert(_A), [column.name for column in _COLUMNS if column.name != "id"])


def head(tx: Read) -> str | None:
    """Return the chain value of the newest row, or None if the log is empty.

    The value is stored apart from the rows. Rows are appended one at a time, under the lock of the log.
    """
    found: str | None = _FIND_HEAD.scalar(tx, {"called": _HEAD})
    return found


def append(tx: Write, row: AuditRow, *, is_first: bool) -> None:
    """Append a row (the database assigns its ``id``) and store its chain value as the new head."""
    _APPEND.run(tx, attrs.asdict(row, filter=attrs.filters.exclude("id")))
    if is_first:
        tx.sql.execute(_ADD_HEAD, {"becomes": row.chain})
    else:
        _MOVE_HEAD.run(tx, {"called": _HEAD, "becomes": row.chain})


def after(tx: Read, row_id: int, limit: int) -> Sequence[AuditRow]:
    """Return the rows with a greater id, oldest first."""
    query = sa.select(*_COLUMNS).where(_A.c.id > row_id).order_by(_A.c.id).limit(limit)
    return [AuditRow(*row) for row in tx.sql.execute(query)]


def search(tx: Read, wanted: AuditFilter, *, before: int | None = None, limit: int) -> Sequence[AuditRow]:
    """Return the rows that match, newest first; ``before`` excludes that id and newer ones."""
    query = sa.select(*_COLUMNS).order_by(_A.c.id.desc()).limit(limit)
    for name in ("actor", "action", "subject", "namespace"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(_A.c[name] == value)
    if wanted.since_ms is not None:
        query = query.where(_A.c.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(_A.c.at_ms < wanted.until_ms)
    if before is not None:
        query = query.where(_A.c.id < before)
    return [AuditRow(*row) for row in tx.sql.execute(query)]
