"""Queries on images attached to discussions."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.catalog.database import Read, Write
from entrepot.names import Sha256, Uid

_A = community_tables.attachments


@attrs.frozen
class Attachment:
    """An image in a discussion; its bytes are the large file ``sha256``, which is kept as long as this row."""

    uid: Uid
    user_id: int
    sha256: Sha256
    size: int
    media_type: str
    created_ms: int


_COLUMNS = [_A.c[field.name] for field in attrs.fields(Attachment)]
_FIND = sa.select(*_COLUMNS).where(_A.c.uid == sa.bindparam("called"))


def add(tx: Write, attachment: Attachment) -> None:
    """Insert an image whose bytes are durable."""
    tx.sql.execute(sa.insert(_A).values(**attrs.asdict(attachment)))


def find(tx: Read, uid: str) -> Attachment | None:
    """Return the image with this id, or None."""
    row = tx.sql.execute(_FIND, {"called": uid}).first()
    return Attachment(*row) if row else None


def remove(tx: Write, uid: str) -> None:
    """Delete the row of an image; the sweeper deletes its bytes once nothing else needs them."""
    tx.sql.execute(sa.delete(_A).where(_A.c.uid == uid))


def bytes_of(tx: Read, user_id: int) -> int:
    """Return the total size of the images of an account."""
    total = sa.select(sa.func.coalesce(sa.func.sum(_A.c.size), 0)).where(_A.c.user_id == user_id)
    return int(tx.sql.execute(total).scalar_one())
