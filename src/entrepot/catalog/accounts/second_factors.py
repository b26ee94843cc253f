"""Queries on second factors: authenticator apps and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded

_F = sign_in_tables.second_factors
_R = sign_in_tables.recovery_codes


@attrs.frozen
class SecondFactorRow:
    """The second factor of a user: the value from which its secret is derived, and how its codes were used."""

    user_id: int
    salt: str = attrs.field(repr=False)
    created_ms: int
    # The time step of the last code that was accepted.
    last_step: int
    failures: int = 0
    held_until_ms: int = 0


_COLUMNS = [_F.c[field.name] for field in attrs.fields(SecondFactorRow)]


def add(tx: Write, row: SecondFactorRow) -> bool:
    """Store the second factor of a user; return False, without a change, if they have one already."""
    if find(tx, row.user_id) is not None:
        return False
    tx.sql.execute(sa.insert(_F).values(**attrs.asdict(row)))
    return True


def find(tx: Read, user_id: int) -> SecondFactorRow | None:
    """Return the second factor of a user, or None."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_F.c.user_id == user_id)).first()
    return None if row is None else SecondFactorRow(*row)


def accept(tx: Write, user_id: int, step: int) -> bool:
    """Record that the code of a time step was accepted; return False if this or a later one was accepted before."""
    is_new = (_F.c.user_id == user_id) & (_F.c.last_step < step)
    changed = tx.sql.execute(sa.update(_F).where(is_new).values(last_step=step, failures=0, held_until_ms=0))
    return changed.rowcount > 0


def note_failure(tx: Write, user_id: int, failures: int, held_until_ms: int) -> None:
    """Record how many wrong codes there were, and until when codes are refused."""
    changed = {"failures": failures, "held_until_ms": held_until_ms}
    tx.sql.execute(sa.update(_F).where(_F.c.user_id == user_id).values(**changed))


def with_factor(tx: Read, user_ids: Sequence[int]) -> set[int]:
    """Return which of the users have a second factor."""
    return set(tx.sql.execute(sa.select(_F.c.user_id).where(_F.c.user_id.in_(bounded(user_ids)))).scalars())


def remove(tx: Write, user_id: int) -> bool:
    """Delete the second factor of a user with its recovery codes; return False if there is none."""
    tx.sql.execute(sa.delete(_R).where(_R.c.user_id == user_id))
    return tx.sql.execute(sa.delete(_F).where(_F.c.user_id == user_id)).rowcount > 0


def replace_codes(tx: Write, user_id: int, hashes: Sequence[str]) -> None:
    """Replace the hashes of a user's recovery codes."""
    tx.sql.execute(sa.delete(_R).where(_R.c.user_id == user_id))
    tx.sql.execute(sa.insert(_R), [{"code_hash": code_hash, "user_id": user_id} for code_hash in hashes])


def count_codes(tx: Read, user_id: int) -> int:
    """Return the number of recovery codes that a user has not used."""
    return tx.sql.execute(sa.select(sa.func.count()).select_from(_R).where(_R.c.user_id == user_id)).scalar_one()


def use_code(tx: Write, user_id: int, code_hash: str) -> bool:
    """Delete a recovery code of a user; return False if the user has no such code."""
    own = (_R.c.user_id == user_id) & (_R.c.code_hash == code_hash)
    return tx.sql.execute(sa.delete(_R).where(own)).rowcount > 0
