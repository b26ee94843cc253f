"""Rows of the catalog that tests look at, and that no query of the catalog returns."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from entrepot.catalog import Read, tables
from entrepot.names import Sha256, XetHash


def everything(tx: Read) -> list[tuple[Sha256, int]]:
    """Return (sha256, size) of every stored file."""
    return [(row.sha256, row.size) for row in tx.sql.execute(sa.select(tables.files.c.sha256, tables.files.c.size))]


def in_realm(tx: Read, realm: int, wanted: Collection[XetHash]) -> set[XetHash]:
    """Return the given xorbs that a realm has uploaded or used."""
    realms = tables.xorb_realms
    return set(wanted) & set(tx.sql.execute(sa.select(realms.c.xorb).where(realms.c.realm == realm)).scalars())
