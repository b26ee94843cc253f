"""Queries on sign-in codes: secrets that an account exchanges once for its first token."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog import sign_in_tables
from entrepot.catalog.database import Read, Write

_C = sign_in_tables.sign_in_codes


def add(tx: Write, code_hash: str, user_id: int, created_ms: int, expires_ms: int) -> None:
    """Store a code under its hash, replacing earlier codes of the user."""
    tx.sql.execute(sa.delete(_C).where((_C.c.user_id == user_id) | (_C.c.expires_ms <= created_ms)))
    tx.sql.execute(
        sa.insert(_C).values(code_hash=code_hash, user_id=user_id, created_ms=created_ms, expires_ms=expires_ms)
    )


def find(tx: Read, code_hash: str, now_ms: int) -> int | None:
    """Return the row id of the user of a code, or None if the code is unknown or expired."""
    query = sa.select(_C.c.user_id).where((_C.c.code_hash == code_hash) & (_C.c.expires_ms > now_ms))
    return tx.sql.execute(query).scalar()


def remove(tx: Write, code_hash: str) -> None:
    """Delete a code."""
    tx.sql.execute(sa.delete(_C).where(_C.c.code_hash == code_hash))


def remove_of(tx: Write, user_id: int) -> None:
    """Delete the codes of a user."""
    tx.sql.execute(sa.delete(_C).where(_C.c.user_id == user_id))
