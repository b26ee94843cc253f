"""Queries on trusted publishers: who, without an account, may publish in a repository by proof of an issuer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import sign_in_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing

_P = sign_in_tables.trusted_publishers
_U = sign_in_tables.used_id_tokens
_TK = tables.tokens


@attrs.frozen
class PublisherRow:
    """One publisher: ``claims`` maps names to patterns that all must match; ``user_id`` is who set it up."""

    uid: str
    repo_id: int
    user_id: int
    name: str
    issuer: str
    claims: Mapping[str, str]
    role: str
    created_ms: int
    used_ms: int | None = None


_COLUMNS = [_P.c[field.name] for field in attrs.fields(PublisherRow)]


def add(tx: Write, row: PublisherRow) -> None:
    """Store a new publisher."""
    tx.sql.execute(sa.insert(_P).values(**attrs.asdict(row)))


def of_repo(tx: Read, repo_id: int) -> Sequence[PublisherRow]:
    """Return the publishers of a repository, oldest first."""
    rows = tx.sql.execute(sa.select(*_COLUMNS).where(_P.c.repo_id == repo_id).order_by(_P.c.created_ms, _P.c.uid))
    return [PublisherRow(*row) for row in rows]


def note_use(tx: Write, uid: str, now_ms: int) -> None:
    """Record when a publisher last got a token."""
    tx.sql.execute(sa.update(_P).where(_P.c.uid == uid).values(used_ms=now_ms))


def remove(tx: Write, row: PublisherRow) -> None:
    """Delete a publisher with its access tokens."""
    tx.sql.execute(sa.delete(_TK).where((_TK.c.user_id == row.user_id) & (_TK.c.grant_uid == row.uid)))
    tx.sql.execute(sa.delete(_P).where(_P.c.uid == row.uid))


def remove_expired_tokens(tx: Write, row: PublisherRow, now_ms: int) -> int:
    """Delete the expired access tokens of a publisher; return how many are valid."""
    own = (_TK.c.user_id == row.user_id) & (_TK.c.grant_uid == row.uid)
    tx.sql.execute(sa.delete(_TK).where(own & (_TK.c.expires_ms <= now_ms)))
    return tx.sql.execute(sa.select(sa.func.count()).select_from(_TK).where(own)).scalar_one()


def use_once(tx: Write, id_hash: str, expires_ms: int, now_ms: int) -> bool:
    """Record that a token of an issuer was used; return False if it was used before."""
    tx.sql.execute(sa.delete(_U).where(_U.c.expires_ms <= now_ms))
    used = tx.sql.execute(sa.select(_U.c.id_hash).where(_U.c.id_hash == id_hash)).first()
    if used is None:
        insert_missing(tx, _U, [{"id_hash": id_hash, "expires_ms": expires_ms}])
    return used is None
