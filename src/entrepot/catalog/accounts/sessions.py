"""Queries on sessions of browsers, which are found by the hash of their secret."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables
from entrepot.catalog.accounts import accounts, oauth_grants, sign_in_codes, tokens
from entrepot.catalog.database import Read, Write
from entrepot.names import Uid

_S = sign_in_tables.sessions


@attrs.frozen
class SessionRow:
    """A session: its user, when it was opened and last used, and how and where it was opened."""

    user_id: int
    created_ms: int
    seen_ms: int
    uid: Uid
    means: str = "password"
    network: str = ""
    agent: str = ""
    # When the user last proved who they are.
    confirmed_ms: int = 0


_COLUMNS = [_S.c[field.name] for field in attrs.fields(SessionRow)]
_FIND = sa.select(*_COLUMNS).where(_S.c.secret_hash == sa.bindparam("secret_hash"))


def add(tx: Write, secret_hash: str, session: SessionRow) -> None:
    """Store a new session."""
    tx.sql.execute(sa.insert(_S).values(secret_hash=secret_hash, **attrs.asdict(session)))


def find(tx: Read, secret_hash: str) -> SessionRow | None:
    """Return a session, whether it is still valid or not; None if it does not exist."""
    row = tx.sql.execute(_FIND, {"secret_hash": secret_hash}).first()
    return None if row is None else SessionRow(*row)


def by_uid(tx: Read, uid: str) -> SessionRow | None:
    """Return the session with this permanent id, whether it is still valid or not; None if it does not exist."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_S.c.uid == uid)).first()
    return None if row is None else SessionRow(*row)


def of_user(tx: Read, user_id: int, *, offset: int = 0, limit: int) -> Sequence[SessionRow]:
    """Return sessions of a user, last used first, whether they are still valid or not."""
    statement = sa.select(*_COLUMNS).where(_S.c.user_id == user_id).order_by(_S.c.seen_ms.desc(), _S.c.uid)
    statement = statement.offset(offset).limit(limit)
    return [SessionRow(*row) for row in tx.sql.execute(statement)]


def touch(tx: Write, secret_hash: str, now_ms: int) -> None:
    """Record that a session was used."""
    tx.sql.execute(sa.update(_S).where(_S.c.secret_hash == secret_hash).values(seen_ms=now_ms))


def confirm(tx: Write, secret_hash: str, now_ms: int) -> None:
    """Record that the user of a session has confirmed their identity."""
    tx.sql.execute(sa.update(_S).where(_S.c.secret_hash == secret_hash).values(confirmed_ms=now_ms))


def remove(tx: Write, secret_hash: str) -> bool:
    """Delete a session; return whether it existed."""
    return tx.sql.execute(sa.delete(_S).where(_S.c.secret_hash == secret_hash)).rowcount > 0


def remove_of(tx: Write, user_id: int, *, uid: str | None = None, kept: str | None = None) -> int:
    """Delete sessions of a user, and the tokens with which pages upload; return how many sessions there were.

    Args:
        uid: the only one to delete; None: all.
        kept: the hash of the secret of one that stays.
    """
    chosen = _S.c.user_id == user_id
    if uid is not None:
        chosen &= _S.c.uid == uid
    if kept is not None:
        chosen &= _S.c.secret_hash != kept
    count = tx.sql.execute(sa.delete(_S).where(chosen)).rowcount
    tokens.remove_uploading(tx, user_id)
    return count


def set_password(tx: Write, user_id: int, password_hash: str, *, kept: str | None = None) -> None:
    """Replace the stored password hash of a user; sessions end, and so do programs' sign-ins and one-time links.

    Args:
        kept: the hash of the secret of a session that stays.
    """
    accounts.update(tx, user_id, password_hash=password_hash)
    remove_of(tx, user_id, kept=kept)
    sign_in_codes.remove_of(tx, user_id)
    oauth_grants.remove_of(tx, user_id)


def keep_newest(tx: Write, user_id: int, most: int) -> None:
    """Delete all but the sessions of a user that were used last."""
    mine, newest_first = _S.c.user_id == user_id, (_S.c.seen_ms.desc(), _S.c.created_ms.desc(), _S.c.uid.desc())
    kept = sa.select(_S.c.secret_hash).where(mine).order_by(*newest_first).limit(most)
    tx.sql.execute(sa.delete(_S).where(mine & _S.c.secret_hash.not_in(kept)))


def remove_old(tx: Write, *, created_before_ms: int, seen_before_ms: int) -> None:
    """Delete sessions that were opened or last used before these times."""
    tx.sql.execute(sa.delete(_S).where((_S.c.created_ms < created_before_ms) | (_S.c.seen_ms < seen_before_ms)))
