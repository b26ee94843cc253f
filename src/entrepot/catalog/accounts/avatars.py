"""Queries on the pictures that accounts have uploaded."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import slices

_A = community_tables.avatars
_NS = tables.namespaces


@attrs.frozen
class AvatarRow:
    """The picture of an account; ``data`` has at most 256 KiB."""

    namespace_id: int
    media_type: str
    data: bytes = attrs.field(repr=False)
    updated_ms: int


_FIND = (
    sa.select(_A.c.namespace_id, _A.c.media_type, _A.c.data, _A.c.updated_ms)
    .join(_NS, _NS.c.id == _A.c.namespace_id)
    .where(_NS.c.name_key == sa.bindparam("called"))
)


def find(tx: Read, name: str) -> AvatarRow | None:
    """Return the picture of the account with this name, ignoring case, or None."""
    row = tx.sql.execute(_FIND, {"called": name.lower()}).first()
    return AvatarRow(*row) if row else None


def changes(tx: Read, names: Sequence[str]) -> dict[str, int]:
    """Return when the pictures of accounts were uploaded, in milliseconds, by the key of the name; none for others."""
    found: dict[str, int] = {}
    for part in slices([name.lower() for name in names]):
        rows = sa.select(_NS.c.name_key, _A.c.updated_ms).join(_NS, _NS.c.id == _A.c.namespace_id)
        found |= {row.name_key: row.updated_ms for row in tx.sql.execute(rows.where(_NS.c.name_key.in_(part)))}
    return found


def put(tx: Write, row: AvatarRow) -> None:
    """Store the picture of an account instead of its previous one."""
    remove(tx, row.namespace_id)
    tx.sql.execute(sa.insert(_A).values(attrs.asdict(row)))


def remove(tx: Write, namespace_id: int) -> None:
    """Delete the picture of an account; does nothing if it has none."""
    tx.sql.execute(sa.delete(_A).where(_A.c.namespace_id == namespace_id))
