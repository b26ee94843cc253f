"""Queries on identities at another issuer that are linked with accounts, found by a hash of issuer and subject."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables
from entrepot.catalog.database import Read, Write

_I = sign_in_tables.sso_identities


@attrs.frozen
class IdentityRow:
    """One identity; ``label`` is what its issuer calls the person."""

    id_hash: str
    user_id: int
    issuer: str
    label: str
    created_ms: int
    used_ms: int | None = None


_COLUMNS = [_I.c[field.name] for field in attrs.fields(IdentityRow)]


def add(tx: Write, row: IdentityRow) -> None:
    """Store a new identity."""
    tx.sql.execute(sa.insert(_I).values(**attrs.asdict(row)))


def find(tx: Read, id_hash: str) -> IdentityRow | None:
    """Return the identity with this hash, or None."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_I.c.id_hash == id_hash)).first()
    return None if row is None else IdentityRow(*row)


def of_user(tx: Read, user_id: int) -> Sequence[IdentityRow]:
    """Return the identities of a user, oldest first."""
    rows = tx.sql.execute(sa.select(*_COLUMNS).where(_I.c.user_id == user_id).order_by(_I.c.created_ms, _I.c.id_hash))
    return [IdentityRow(*row) for row in rows]


def note_use(tx: Write, id_hash: str, now_ms: int) -> None:
    """Record when an identity was last used to sign in."""
    tx.sql.execute(sa.update(_I).where(_I.c.id_hash == id_hash).values(used_ms=now_ms))


def remove(tx: Write, user_id: int, id_hash: str) -> bool:
    """Delete an identity of a user; return False if the user has no such identity."""
    return tx.sql.execute(sa.delete(_I).where((_I.c.user_id == user_id) & (_I.c.id_hash == id_hash))).rowcount > 0
