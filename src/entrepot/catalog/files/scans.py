"""Queries on what scanners found in contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import bounded, slices

_S = file_tables.scans
_FINDING = ("version", "status", "report", "scanned_ms", "seen_ms")


@attrs.frozen
class ScanRow:
    """The result of one scanner for one content; ``report`` has its findings, in the form of the scanner."""

    content: str
    scanner: str
    version: str
    status: str
    report: Mapping[str, Any]
    scanned_ms: int
    seen_ms: int


_COLUMNS = [_S.c[field.name] for field in attrs.fields(ScanRow)]


def put(tx: Write, row: ScanRow) -> None:
    """Store a result, replacing that of an earlier version of the scanner, in one statement."""
    insert_missing(tx, _S, [attrs.asdict(row)], refresh=_FINDING)


def find(tx: Read, contents: Sequence[str]) -> dict[tuple[str, str], ScanRow]:
    """Return the results for these contents, by content and scanner."""
    found = {}
    for batch in slices(contents):
        query = sa.select(*_COLUMNS).where(_S.c.content.in_(batch))
        found.update({(row.content, row.scanner): ScanRow(*row) for row in tx.sql.execute(query)})
    return found


def have_status(tx: Read, contents: Sequence[str], status: str) -> bool:
    """Return whether a scanner has given one of a few contents this status."""
    wanted = (_S.c.content.in_(bounded(contents))) & (_S.c.status == status)
    return tx.sql.execute(sa.select(_S.c.content).where(wanted).limit(1)).first() is not None


def note_seen(tx: Write, contents: Sequence[str], now_ms: int) -> None:
    """Record that a repository has these contents."""
    for batch in slices(contents):
        tx.sql.execute(sa.update(_S).where(_S.c.content.in_(batch)).values(seen_ms=now_ms))


def forget(tx: Write, seen_before_ms: int, *, kept: str | None = None) -> None:
    """Delete the results for contents that no repository has had at a head since a time.

    Args:
        kept: a status of results that are not deleted.
    """
    old = _S.c.seen_ms < seen_before_ms
    tx.sql.execute(sa.delete(_S).where(old if kept is None else old & (_S.c.status != kept)))
