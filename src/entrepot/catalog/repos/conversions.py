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
_R, _N = tables.repos, tables.namespaces


@attrs.frozen
class ConversionRow:
    """The last conversion of a dataset; ``commit``: the head of its Parquet ref, if there is one.

    ``spent_s``: seconds of processor time that conversions of it have taken on ``spent_day``, counted since 1970.
    """

    repo_id: int
    source: Oid
    fingerprint: str
    commit: Oid | None
    configs: Sequence[Mapping[str, Any]]
    converted_ms: int
    spent_s: int = 0
    spent_day: int = 0


_NAMES = [field.name for field in attrs.fields(ConversionRow)]
_COLUMNS = [_T.c[name] for name in _NAMES]


def find(tx: Read, repo_id: int) -> ConversionRow | None:
    """Return the last conversion of a repository."""
    row = tx.sql.execute(sa.select(*_COLUMNS).where(_T.c.repo_id == repo_id)).first()
    return None if row is None else ConversionRow(*row)


def has_any(tx: Read) -> bool:
    """Return whether a dataset was converted, or consists of Parquet files."""
    return tx.sql.execute(sa.select(_T.c.repo_id).where(_T.c.commit.is_not(None)).limit(1)).first() is not None


def put(tx: Write, row: ConversionRow) -> None:
    """Store a conversion in place of the last one."""
    insert_missing(tx, _T, [attrs.asdict(row)], refresh=_NAMES[1:])


def spent_by_owner(tx: Read, owner_id: int, day: int) -> int:
    """Return the seconds of processor time that conversions for an owner have taken on a day."""
    owners = sa.func.coalesce(_N.c.parent_id, _N.c.id)
    found = sa.select(sa.func.sum(_T.c.spent_s)).join(_R, _R.c.id == _T.c.repo_id)
    found = found.join(_N, _N.c.id == _R.c.namespace_id).where((_T.c.spent_day == day) & (owners == owner_id))
    return int(tx.sql.execute(found).scalar() or 0)


def remove(tx: Write, repo_id: int) -> None:
    """Forget the conversion of a repository."""
    tx.sql.execute(sa.delete(_T).where(_T.c.repo_id == repo_id))


def copy(tx: Write, source_id: int, target_id: int) -> None:
    """Give a copy of a repository its conversion, whose refs are copied too."""
    row = find(tx, source_id)
    if row is not None:
        put(tx, attrs.evolve(row, repo_id=target_id, spent_s=0))
