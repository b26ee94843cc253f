"""Queries on sessions of browsers, which are found by the hash of their secret."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write

_S = tables.sessions


@attrs.frozen
class SessionRow:
    """A session: its user, and when it was opened and last used."""

    user_id: int
    created_ms: int
    seen_ms: int


_FIND = sa.select(_S.c.user_id, _S.c.created_ms, _S.c.seen_ms).where(_S.c.secret_hash == sa.bindparam("secret_hash"))


def add(tx: Write, secret_hash: str, user_id: int, now_ms: int) -> None:
    """Store a new session."""
    tx.sql.execute(sa.insert(_S).values(secret_hash=secret_hash, user_id=user_id, created_ms=now_ms, seen_ms=now_ms))


def find(tx: Read, secret_hash: str) -> SessionRow | None:
    """Return a session, whether it is still valid or not; None if it does not exist."""
    row = tx.sql.execute(_FIND, {"secret_hash": secret_hash}).first()
    return None if row is None else SessionRow(*row)


def touch(tx: Write, secret_hash: str, now_ms: int) -> None:
    """Record that a session was used."""
    tx.sql.execute(sa.update(_S).where(_S.c.secret_hash == secret_hash).values(seen_ms=now_ms))


def remove(tx: Write, secret_hash: str) -> bool:
    """Delete a session; return whether it existed."""
    return tx.sql.execute(sa.delete(_S).where(_S.c.secret_hash == secret_hash)).rowcount > 0


def remove_of(tx: Write, user_id: int) -> None:
    """Delete all sessions of a user."""
    tx.sql.execute(sa.delete(_S).where(_S.c.user_id == user_id))


def remove_old(tx: Write, *, created_before_ms: int, seen_before_ms: int) -> None:
    """Delete sessions that were opened or last used before these times."""
    tx.sql.execute(sa.delete(_S).where((_S.c.created_ms < created_before_ms) | (_S.c.seen_ms < seen_before_ms)))
