"""Queries on the rights of buckets to files in chunks: which contents a bucket may name, and its readers may read.

A right is granted when a file arrives through a write token of the bucket, and
when a file leaves the bucket, whose downloads may still be running. It ends
after the grace period of the chunk store; files that are in the bucket need none.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import slices
from entrepot.names import XetFileId, XetHash

_G = file_tables.bucket_rights
_B = file_tables.bucket_files
_T = file_tables.xet_files


@attrs.frozen
class BucketRight:
    """The right of a bucket to name a file."""

    xet_hash: XetHash
    file: XetFileId
    was_listed: bool = False


_REPO: sa.BindParameter[int] = sa.bindparam("repo")
_ONE: sa.BindParameter[str] = sa.bindparam("wanted")
_LISTED = (
    sa.select(_B.c.file).where((_B.c.repo_id == _REPO) & (_B.c.xet_hash == _ONE) & _B.c.file.is_not(None)).limit(1)
)
_GRANTED = sa.select(_G.c.file).where(
    (_G.c.repo_id == _REPO)
    & (_G.c.xet_hash == _ONE)
    & (
        (sa.bindparam("is_writer", type_=sa.Boolean) == sa.true())
        | (_G.c.was_listed.is_(True) & (_G.c.granted_ms >= sa.bindparam("since")))
    )
)
_USABLE = (
    sa.select(_G.c.xet_hash, _G.c.file, _T.c.size)
    .join(_T, _T.c.id == _G.c.file)
    .where((_G.c.repo_id == _REPO) & _G.c.xet_hash.in_(sa.bindparam("wanted", expanding=True)))
)


def grant(tx: Write, repo_id: int, rights: Sequence[BucketRight], now_ms: int) -> None:
    """Grant rights, or renew them: a right then names the newest chunks of its content, and stays listed if it was."""
    for was_listed in (False, True):
        rows = [
            attrs.asdict(item) | {"repo_id": repo_id, "granted_ms": now_ms}
            for item in rights
            if item.was_listed is was_listed
        ]
        refresh = ("file", "granted_ms", *(("was_listed",) if was_listed else ()))
        insert_missing(tx, _G, rows, refresh=refresh)


def usable(tx: Read, repo_id: int, hashes: Sequence[XetHash]) -> dict[XetHash, tuple[XetFileId, int]]:
    """Return chunks and size of the given contents that a bucket may name."""
    found: dict[XetHash, tuple[XetFileId, int]] = {}
    for batch in slices(hashes):
        rows = tx.sql.execute(_USABLE, {"repo": repo_id, "wanted": batch})
        found.update((row.xet_hash, (row.file, row.size)) for row in rows)
    return found


def find_readable(tx: Read, repo_id: int, xet_hash: XetHash, *, is_writer: bool, since_ms: int) -> XetFileId | None:
    """Return the chunks of a content that a caller may read in a bucket.

    It is in the bucket now; or it was not longer ago than ``since_ms``; or it was
    uploaded for the bucket, which only writers may know.
    """
    names = {"repo": repo_id, "wanted": xet_hash}
    found: XetFileId | None = tx.sql.execute(_LISTED, names).scalar()
    if found is not None:
        return found
    return tx.sql.execute(_GRANTED, names | {"is_writer": is_writer, "since": since_ms}).scalar()


def forget(tx: Write, granted_before_ms: int) -> int:
    """Delete old rights and return how many; files that are in buckets keep their chunks alive themselves."""
    return tx.sql.execute(sa.delete(_G).where(_G.c.granted_ms < granted_before_ms)).rowcount
