"""Queries on the conversions of datasets to Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.names import Oid

_T = tables.conversions


@attrs.frozen
class ConversionRow:
    """The last conversion of a dataset; ``commit``: the head of its Parquet ref, if there is one."""

    repo_id: int
    source: Oid
    fingerprint: str
    commit: Oid | None
    configs: Sequence[Mapping[str, Any]]
    converted_ms: int


_NAMES = [field.name for field in attrs.fields(ConversionRow)]
_COLUMNS = [_T.c[name] for name in _NAMES]


def find(tx: Read, repo_id: int) -> ConversionRow | None:
    """Return the last conversion of a repository."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_T.c.repo_id == repo_id)).first()
    return None if row is None else ConversionRow(*row)


def put(tx: Write, row: ConversionRow) -> None:
    """Store a conversion in place of the last one."""
    insert_missing(tx.sql, _T, [attrs.asdict(row)], refresh=_NAMES[1:])


def remove(tx: Write, repo_id: int) -> None:
    """Forget the conversion of a repository."""
    tx.sql.execute(sa.delete(_T).where(_T.c.repo_id == repo_id))


def copy(tx: Write, source_id: int, target_id: int) -> None:
    """Give a copy of a repository its conversion, whose refs are copied too."""
    row = find(tx, source_id)
    if row is not None:
        put(tx, attrs.evolve(row, repo_id=target_id))
