"""Queries on grants: the sign-ins of programs, which renew their access tokens with a refresh token."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables, tables
from entrepot.catalog.database import Read, Write

_G = sign_in_tables.oauth_grants
_TK = tables.tokens
_DC = sign_in_tables.device_codes


@attrs.frozen
class OAuthGrantRow:
    """The sign-in of one program: ``expires_ms`` is the end of its refresh token, ``refreshed_ms`` its creation."""

    uid: str
    user_id: int
    client_id: str
    refresh_hash: str = attrs.field(repr=False)
    previous_hash: str | None = attrs.field(repr=False)
    created_ms: int
    refreshed_ms: int
    expires_ms: int


_COLUMNS = [_G.c[field.name] for field in attrs.fields(OAuthGrantRow)]


def add(tx: Write, row: OAuthGrantRow) -> None:
    """Store a new grant."""
    tx.sql.execute(sa.insert(_G).values(**attrs.asdict(row)))


def by_uid(tx: Read, uid: str) -> OAuthGrantRow | None:
    """Return the grant with this permanent id, or None."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_G.c.uid == uid)).first()
    return None if row is None else OAuthGrantRow(*row)


def rotate(tx: Write, row: OAuthGrantRow, refresh_hash: str, *, now_ms: int, expires_ms: int) -> None:
    """Replace the refresh token of a grant; the current one becomes the previous one."""
    new = {"refresh_hash": refresh_hash, "previous_hash": row.refresh_hash}
    tx.sql.execute(sa.update(_G).where(_G.c.uid == row.uid).values(**new, refreshed_ms=now_ms, expires_ms=expires_ms))


def keep_newest_tokens(tx: Write, user_id: int, grant_uid: str, *, kept: int) -> None:
    """Delete the access tokens of a grant except the newest ones."""
    own = (_TK.c.user_id == user_id) & (_TK.c.grant_uid == grant_uid)
    newest = sa.select(_TK.c.id).where(own).order_by(_TK.c.id.desc()).limit(kept)
    tx.sql.execute(sa.delete(_TK).where(own & _TK.c.id.not_in(newest)))


def remove(tx: Write, user_id: int, uid: str) -> None:
    """Delete a grant with its access tokens; also the tokens of a trusted publisher with this id."""
    tx.sql.execute(sa.delete(_TK).where((_TK.c.user_id == user_id) & (_TK.c.grant_uid == uid)))
    tx.sql.execute(sa.delete(_G).where(_G.c.uid == uid))


def remove_of(tx: Write, user_id: int) -> int:
    """Delete all grants of a user with their tokens, and what the user accepted; return the number of grants."""
    tx.sql.execute(sa.delete(_DC).where(_DC.c.user_id == user_id))
    tx.sql.execute(sa.delete(_TK).where((_TK.c.user_id == user_id) & _TK.c.grant_uid.is_not(None)))
    return tx.sql.execute(sa.delete(_G).where(_G.c.user_id == user_id)).rowcount


def remove_expired(tx: Write, user_id: int, now_ms: int) -> None:
    """Delete the grants of a user that can never be used again, with their tokens."""
    expired = (_G.c.user_id == user_id) & (_G.c.expires_ms <= now_ms)
    gone = sa.select(_G.c.uid).where(expired)
    tx.sql.execute(sa.delete(_TK).where((_TK.c.user_id == user_id) & _TK.c.grant_uid.in_(gone)))
    tx.sql.execute(sa.delete(_G).where(expired))
