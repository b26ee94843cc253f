"""Queries on the audit log: rows are appended and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.names import Uid

_A = community_tables.audit
_M = tables.meta
_HEAD = "audit_head"
_FIND_HEAD = sa.select(_M.c.value).where(_M.c.key == _HEAD)
_MOVE_HEAD = sa.update(_M).where(_M.c.key == _HEAD).values(value=sa.bindparam("head"))
_ADD_HEAD = sa.insert(_M).values(key=_HEAD, value=sa.bindparam("head"))


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


def head(tx: Read) -> str | None:
    """Return the chain value of the newest row, or None if the log is empty.

    The value is stored apart from the rows. Rows are appended one at a time, under the lock of the log.
    """
    return tx.sql.execute(_FIND_HEAD).scalar()


def append(tx: Write, row: AuditRow, *, is_first: bool) -> None:
    """Append a row (the database assigns its ``id``) and store its chain value as the new head."""
    values = attrs.asdict(row, filter=attrs.filters.exclude("id"))
    tx.sql.execute(sa.insert(_A).values(**values))
    tx.sql.execute(_ADD_HEAD if is_first else _MOVE_HEAD, {"head": row.chain})


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
