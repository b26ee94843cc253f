"""Queries on single values about the whole hub: store id, epoch, signing key."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing

_T = tables.meta
_FIND = sa.select(_T.c.value).where(_T.c.key == sa.bindparam("wanted"))


def find(tx: Read, key: str) -> str | None:
    """Return the value under a key, or None."""
    return tx.sql.execute(_FIND, {"wanted": key}).scalar()


def put_first(tx: Write, key: str, value: str) -> str:
    """Store a value unless the key has one; return the value that is stored afterwards."""
    found = find(tx, key)
    if found is not None:
        return found
    insert_missing(tx, _T, [{"key": key, "value": value}])
    stored = find(tx, key)
    assert stored is not None
    return stored


def put(tx: Write, key: str, value: str) -> None:
    """Store a value, replacing an existing one."""
    tx.sql.execute(sa.delete(_T).where(_T.c.key == key))
    tx.sql.execute(sa.insert(_T).values(key=key, value=value))
