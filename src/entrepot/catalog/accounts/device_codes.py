"""Queries on device codes: programs that wait until a signed-in user accepts them, found by hashes of their codes."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables
from entrepot.catalog.database import Read, Write

ACCEPTED, REJECTED = "accepted", "rejected"

_C = sign_in_tables.device_codes


@attrs.frozen
class DeviceCodeRow:
    """A program that waits, or has waited, for the decision of its user.

    ``network`` is what limits count as one address (hex), ``address`` the same for people.
    """

    device_hash: str = attrs.field(repr=False)
    user_code_hash: str = attrs.field(repr=False)
    client_id: str
    network: str
    address: str
    created_ms: int
    expires_ms: int
    polled_ms: int | None = None
    user_id: int | None = None
    decision: str | None = None
    grant_uid: str | None = None


_COLUMNS = [_C.c[field.name] for field in attrs.fields(DeviceCodeRow)]


def add(tx: Write, row: DeviceCodeRow) -> bool:
    """Store a new code; return False if the code for the user is in use."""
    if tx.sql.execute(sa.select(_C.c.device_hash).where(_C.c.user_code_hash == row.user_code_hash)).first():
        return False
    tx.sql.execute(sa.insert(_C).values(**attrs.asdict(row)))
    return True


def find(tx: Read, device_hash: str) -> DeviceCodeRow | None:
    """Return the code of a program, expired or not; None if it does not exist."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_C.c.device_hash == device_hash)).first()
    return None if row is None else DeviceCodeRow(*row)


def waiting(tx: Read, user_code_hash: str, now_ms: int) -> DeviceCodeRow | None:
    """Return the code if it is undecided and has not expired, else None."""
    is_open = (_C.c.user_code_hash == user_code_hash) & _C.c.decision.is_(None) & (_C.c.expires_ms > now_ms)
    row = tx.sql.execute(sa.select(*_COLUMNS).where(is_open)).first()
    return None if row is None else DeviceCodeRow(*row)


def count_waiting(tx: Read, now_ms: int, network: str | None = None) -> int:
    """Return the number of undecided codes: of all, or of one network."""
    query = sa.select(sa.func.count()).select_from(_C).where(_C.c.decision.is_(None) & (_C.c.expires_ms > now_ms))
    if network is not None:
        query = query.where(_C.c.network == network)
    return tx.sql.execute(query).scalar_one()


def note_poll(tx: Write, device_hash: str, now_ms: int) -> None:
    """Record when a program last polled."""
    tx.sql.execute(sa.update(_C).where(_C.c.device_hash == device_hash).values(polled_ms=now_ms))


def decide(tx: Write, device_hash: str, user_id: int, decision: str) -> None:
    """Store the decision of a user."""
    tx.sql.execute(sa.update(_C).where(_C.c.device_hash == device_hash).values(user_id=user_id, decision=decision))


def note_grant(tx: Write, device_hash: str, grant_uid: str) -> None:
    """Record which grant was issued for a code."""
    tx.sql.execute(sa.update(_C).where(_C.c.device_hash == device_hash).values(grant_uid=grant_uid))


def remove_expired(tx: Write, before_ms: int) -> None:
    """Delete the codes that expired before a time."""
    tx.sql.execute(sa.delete(_C).where(_C.c.expires_ms < before_ms))
