"""Single values about the whole hub: store id, epoch, signing key."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write

_T = tables.meta


def find(tx: Read, key: str) -> str | None:
    """The value under a key, or None."""
    return tx.sql.execute(sa.select(_T.c.value).where(_T.c.key == key)).scalar()


def put_first(tx: Write, key: str, value: str) -> str:
    """Store a value unless there is one; returns the one that stands."""
    found = find(tx, key)
    if found is not None:
        return found
    tx.sql.execute(sa.insert(_T).values(key=key, value=value))
    return value
