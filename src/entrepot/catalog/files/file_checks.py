"""Queries on integrity checks of raw files: when each was last hashed, and which are damaged."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.prepared import PreparedForList
from entrepot.names import Sha256

_F = file_tables.files
_DAMAGED = PreparedForList(
    _F.c.sha256, lambda is_wanted: sa.select(_F.c.sha256).where(is_wanted & _F.c.is_damaged & _F.c.is_raw)
)


@attrs.frozen
class Due:
    """A raw file to check; ``touched_ms`` changes when an upload of the same file begins to publish."""

    sha256: Sha256
    size: int
    touched_ms: int


def next_due(tx: Read, *, checked_before_ms: int, touched_before_ms: int) -> Due | None:
    """Return the raw file that was checked longest ago, except damaged ones and those being published."""
    wanted = (
        (_F.c.checked_ms < checked_before_ms)
        & (_F.c.touched_ms < touched_before_ms)
        & _F.c.is_raw
        & ~_F.c.is_damaged
        & _F.c.sweeping_ms.is_(None)
    )
    query = sa.select(_F.c.sha256, _F.c.size, _F.c.touched_ms).where(wanted).order_by(_F.c.checked_ms).limit(1)
    row = tx.sql.execute(query).first()
    return Due(*row) if row else None


def find(tx: Read, sha256: Sha256) -> Due | None:
    """Return a raw file to check, or None if it is not stored raw."""
    here = (_F.c.sha256 == sha256) & _F.c.is_raw & _F.c.sweeping_ms.is_(None)
    row = tx.sql.execute(sa.select(_F.c.sha256, _F.c.size, _F.c.touched_ms).where(here)).first()
    return Due(*row) if row else None


def note(tx: Write, due: Due, now_ms: int, *, is_damaged: bool) -> bool:
    """Record the result of a check; return False if the file was published again or deleted meanwhile."""
    same = (_F.c.sha256 == due.sha256) & (_F.c.touched_ms == due.touched_ms) & _F.c.is_raw
    changed = sa.update(_F).where(same).values(checked_ms=now_ms, is_damaged=is_damaged)
    return bool(tx.sql.execute(changed).rowcount)


def damaged(tx: Read, sha256s: Sequence[Sha256]) -> set[Sha256]:
    """Return the given files whose raw bytes were found damaged or missing."""
    return {row.sha256 for row in _DAMAGED.all(tx, sha256s)}


def unmark(tx: Write, sha256: Sha256) -> bool:
    """Clear the damage mark of a file whose bytes an upload replaces; return False if it was not marked."""
    marked = (_F.c.sha256 == sha256) & _F.c.is_damaged
    return bool(tx.sql.execute(sa.update(_F).where(marked).values(is_damaged=False, checked_ms=0)).rowcount)
