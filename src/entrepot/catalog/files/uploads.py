"""Queries on unfinished multipart uploads and their received parts."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.names import Sha256, Uid

_U = file_tables.uploads
_P = file_tables.upload_parts
_NO_ETAG = ""
"""Of a part that has begun to arrive: its bytes may be on the disk."""


@attrs.frozen
class Upload:
    """One file that is uploaded in parts of ``part_size`` bytes (the last may be shorter)."""

    uid: Uid
    repo_id: int
    user_id: int
    sha256: Sha256
    size: int
    part_size: int
    touched_ms: int

    @property
    def part_count(self) -> int:
        """The number of parts; parts are numbered from 1."""
        return -(-self.size // self.part_size)

    def length_of(self, number: int) -> int:
        """Return the length of a part."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)


_COLUMNS = [_U.c[name] for name in ("uid", "repo_id", "user_id", "sha256", "size", "part_size", "touched_ms")]


def add(tx: Write, upload: Upload) -> None:
    """Insert an upload that has begun."""
    tx.sql.execute(sa.insert(_U).values(**attrs.asdict(upload)))


def get(tx: Read, uid: str) -> Upload | None:
    """Return the upload with this id, or None."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_U.c.uid == uid)).first()
    return Upload(*row) if row else None


def find(tx: Read, repo_id: int, sha256: Sha256, user_id: int, *, least: int = 0) -> Upload | None:
    """Return the last unfinished upload of the same file into the same repository by the same user, or None.

    Args:
        least: bytes that its parts must have, except for the last one.
    """
    here = (_U.c.repo_id == repo_id) & (_U.c.sha256 == sha256) & (_U.c.user_id == user_id) & (_U.c.part_size >= least)
    row = tx.sql.execute(sa.select(*_COLUMNS).where(here).order_by(_U.c.touched_ms.desc())).first()
    return Upload(*row) if row else None


def touch(tx: Write, uid: str, now_ms: int) -> None:
    """Record that an upload is still in progress."""
    tx.sql.execute(sa.update(_U).where(_U.c.uid == uid).values(touched_ms=now_ms))


def begin_part(tx: Write, uid: str, number: int, size: int) -> None:
    """Record a part whose bytes begin to arrive, unless it has arrived or begun before."""
    insert_missing(tx, _P, [{"upload": uid, "number": number, "etag": _NO_ETAG, "size": size}])


def put_part(tx: Write, uid: str, number: int, etag: str, size: int) -> None:
    """Record a part whose bytes are durable, replacing an earlier part with the same number."""
    tx.sql.execute(sa.delete(_P).where((_P.c.upload == uid) & (_P.c.number == number)))
    tx.sql.execute(sa.insert(_P).values(upload=uid, number=number, etag=etag, size=size))


def parts(tx: Read, uid: str) -> dict[int, str]:
    """Return the etags of the received parts by part number."""
    rows = tx.sql.execute(sa.select(_P.c.number, _P.c.etag).where((_P.c.upload == uid) & (_P.c.etag != _NO_ETAG)))
    return {row.number: row.etag for row in rows}


def remove(tx: Write, uid: str) -> None:
    """Delete an upload and its parts."""
    tx.sql.execute(sa.delete(_P).where(_P.c.upload == uid))
    tx.sql.execute(sa.delete(_U).where(_U.c.uid == uid))


def stale(tx: Read, touched_before_ms: int) -> list[Upload]:
    """Return the uploads without activity since a time."""
    return [Upload(*row) for row in tx.sql.execute(sa.select(*_COLUMNS).where(_U.c.touched_ms < touched_before_ms))]


def everything(tx: Read) -> set[str]:
    """Return the ids of all unfinished uploads."""
    return set(tx.sql.execute(sa.select(_U.c.uid)).scalars())
