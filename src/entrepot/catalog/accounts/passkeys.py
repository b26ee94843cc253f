"""Queries on passkeys, which are found by the hash of their id."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded
from entrepot.names import Uid

_P = sign_in_tables.passkeys


@attrs.frozen
class PasskeyRow:
    """A passkey of a user; ``sign_count``: the use count of its authenticator, 0 if it has none."""

    id_hash: str
    uid: Uid
    user_id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_ms: int
    used_ms: int | None = None


_COLUMNS = [_P.c[field.name] for field in attrs.fields(PasskeyRow)]


def add(tx: Write, row: PasskeyRow) -> bool:
    """Store a new passkey; return False if one with its id exists already."""
    if find(tx, row.id_hash) is not None:
        return False
    tx.sql.execute(sa.insert(_P).values(**attrs.asdict(row)))
    return True


def find(tx: Read, id_hash: str) -> PasskeyRow | None:
    """Return the passkey whose id has this hash, or None."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_P.c.id_hash == id_hash)).first()
    return None if row is None else PasskeyRow(*row)


def of_user(tx: Read, user_id: int) -> Sequence[PasskeyRow]:
    """Return the passkeys of a user, oldest first."""
    rows = tx.sql.execute(sa.select(*_COLUMNS).where(_P.c.user_id == user_id).order_by(_P.c.created_ms, _P.c.uid))
    return [PasskeyRow(*row) for row in rows]


def owners(tx: Read, user_ids: Sequence[int]) -> set[int]:
    """Return which of the users have passkeys."""
    return set(tx.sql.execute(sa.select(_P.c.user_id).where(_P.c.user_id.in_(bounded(user_ids)))).scalars())


def note_use(tx: Write, id_hash: str, sign_count: int, now_ms: int) -> None:
    """Record when a passkey was used, and the count of its authenticator."""
    changed = {"sign_count": sign_count, "used_ms": now_ms}
    tx.sql.execute(sa.update(_P).where(_P.c.id_hash == id_hash).values(**changed))


def rename(tx: Write, user_id: int, uid: str, name: str) -> bool:
    """Rename a passkey of a user; return False if the user has no such passkey."""
    own = (_P.c.user_id == user_id) & (_P.c.uid == uid)
    return tx.sql.execute(sa.update(_P).where(own).values(name=name)).rowcount > 0


def remove(tx: Write, user_id: int, uid: str) -> PasskeyRow | None:
    """Delete a passkey of a user and return it; None if the user has no such passkey."""
    own = (_P.c.user_id == user_id) & (_P.c.uid == uid)
    row = tx.sql.execute(sa.select(*_COLUMNS).where(own)).first()
    tx.sql.execute(sa.delete(_P).where(own))
    return None if row is None else PasskeyRow(*row)


def remove_all(tx: Write, user_id: int) -> int:
    """Delete all passkeys of a user; return how many there were."""
    return tx.sql.execute(sa.delete(_P).where(_P.c.user_id == user_id)).rowcount
