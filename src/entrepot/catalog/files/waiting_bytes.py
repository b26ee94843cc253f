"""Queries on bytes that accounts have sent and that count in no quota yet.

They are xorbs of which no shard has named everything, parts of unfinished uploads, and files that a
shard has described and no commit or bucket names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import slices
from entrepot.names import Sha256, Uid, XetHash

_X = file_tables.loose_xorbs
_U, _P = file_tables.uploads, file_tables.upload_parts
_C, _L = file_tables.xet_claims, file_tables.file_links
_G, _B = file_tables.bucket_rights, file_tables.bucket_files
_T = file_tables.xet_files
_R = tables.repos


def note_xorb(tx: Write, user_id: int, xorb: XetHash, size: int, now_ms: int) -> None:
    """Record that an account sends a xorb, with the size of its content; one that it sends again counts once."""
    row = {"user_id": user_id, "xorb": xorb, "size": size, "sent_ms": now_ms}
    insert_missing(tx, _X, [row], refresh=("size", "sent_ms"))


def loose(tx: Read, user_id: int, wanted: Sequence[XetHash]) -> dict[XetHash, int]:
    """Return those of some xorbs that an account has sent, and how much of each no file accounts for."""
    found: dict[XetHash, int] = {}
    for batch in slices(wanted):
        here = (_X.c.user_id == user_id) & _X.c.xorb.in_(batch)
        found.update((row.xorb, row.size) for row in tx.sql.execute(sa.select(_X.c.xorb, _X.c.size).where(here)))
    return found


def account_for(tx: Write, user_id: int, left: Mapping[XetHash, int]) -> None:
    """Record how much of some xorbs no file accounts for now; nothing is kept of those of which nothing is left."""
    gone = [xorb for xorb, size in left.items() if size <= 0]
    for batch in slices(gone):
        tx.sql.execute(sa.delete(_X).where((_X.c.user_id == user_id) & _X.c.xorb.in_(batch)))
    for xorb, size in left.items():
        if size > 0:
            here = (_X.c.user_id == user_id) & (_X.c.xorb == xorb)
            tx.sql.execute(sa.update(_X).where(here).values(size=size))


def stated(tx: Read, repo_id: int, user_id: int, wanted: Sequence[Sha256]) -> set[Sha256]:
    """Return those of some files that a repository uses already, or that an account has described for it."""
    found: set[Sha256] = set()
    for batch in slices(wanted):
        claims = sa.select(_C.c.sha256).where((_C.c.repo_id == repo_id) & (_C.c.user_id == user_id))
        links = sa.select(_L.c.sha256).where(_L.c.repo_id == repo_id)
        found.update(tx.sql.execute(claims.where(_C.c.sha256.in_(batch))).scalars())
        found.update(tx.sql.execute(links.where(_L.c.sha256.in_(batch))).scalars())
    return found


def forget_xorbs(tx: Write, sent_before_ms: int) -> int:
    """Delete old records of xorbs; return how many."""
    return tx.sql.execute(sa.delete(_X).where(_X.c.sent_ms < sent_before_ms)).rowcount


def of_xorbs(tx: Read, user_id: int, *, besides: XetHash | None = None) -> int:
    """Return the bytes of xorbs that an account has sent and no file accounts for, except one."""
    query = sa.select(sa.func.coalesce(sa.func.sum(_X.c.size), 0)).where(_X.c.user_id == user_id)
    if besides is not None:
        query = query.where(_X.c.xorb != besides)
    return int(tx.sql.execute(query).scalar_one())


def of_parts(tx: Read, user_id: int, *, besides: tuple[Uid, int]) -> int:
    """Return the bytes of the parts of an account's unfinished uploads, except one part."""
    query = sa.select(sa.func.coalesce(sa.func.sum(_P.c.size), 0)).select_from(_U.join(_P, _P.c.upload == _U.c.uid))
    upload, number = besides
    query = query.where((_U.c.user_id == user_id) & ~((_P.c.upload == upload) & (_P.c.number == number)))
    return int(tx.sql.execute(query).scalar_one())


def of_claims(tx: Read, user_id: int) -> int:
    """Return the bytes of files that an account has described for repositories which do not use them yet."""
    used = sa.exists().where((_L.c.repo_id == _C.c.repo_id) & (_L.c.sha256 == _C.c.sha256))
    mine = (_C.c.user_id == user_id) & ~used
    query = sa.select(sa.func.coalesce(sa.func.sum(_T.c.size), 0)).select_from(_C.join(_T, _T.c.id == _C.c.file))
    return int(tx.sql.execute(query.where(mine)).scalar_one())


def of_buckets(tx: Read, namespace_id: int) -> int:
    """Return the bytes of files that have been sent to the buckets of a namespace and have not been in them."""
    listed = sa.exists().where((_B.c.repo_id == _G.c.repo_id) & (_B.c.xet_hash == _G.c.xet_hash))
    here = (_R.c.namespace_id == namespace_id) & _G.c.was_listed.is_(False) & ~listed
    joined = _R.join(_G, _G.c.repo_id == _R.c.id).join(_T, _T.c.id == _G.c.file)
    query = sa.select(sa.func.coalesce(sa.func.sum(_T.c.size), 0)).select_from(joined)
    return int(tx.sql.execute(query.where(here)).scalar_one())
