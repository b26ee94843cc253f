"""Queries on what the last scan of each repository found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing

_T = file_tables.repo_scans


@attrs.frozen
class ScanSummary:
    """What the last scan of a repository found at its heads.

    ``worst``: the worst status; ``counts``: how many contents have each status that is not safe;
    ``findings``: status, commit and path of the first of them, the worst first.
    """

    repo_id: int
    worst: str
    counts: Mapping[str, int]
    findings: Sequence[Sequence[str]]
    scanned_ms: int


_NAMES = [field.name for field in attrs.fields(ScanSummary)]
_COLUMNS = [_T.c[name] for name in _NAMES]


def put(tx: Write, row: ScanSummary) -> None:
    """Store the result of a scan, replacing that of the previous scan of the repository."""
    insert_missing(tx, _T, [attrs.asdict(row)], refresh=_NAMES[1:])


def page(tx: Read, worst: str, *, before: int | None, limit: int) -> list[ScanSummary]:
    """Return repositories by their worst status, the newest repositories first.

    Args:
        before: the row id of the last repository of the previous page.
    """
    wanted = _T.c.worst == worst
    if before is not None:
        wanted &= _T.c.repo_id < before
    query = sa.select(*_COLUMNS).where(wanted).order_by(_T.c.repo_id.desc()).limit(limit)
    return [ScanSummary(*row) for row in tx.sql.execute(query)]


def count(tx: Read, worst: str, most: int) -> int:
    """Return the number of repositories with this worst status, at most ``most``."""
    found = sa.select(_T.c.repo_id).where(_T.c.worst == worst).limit(most).subquery()
    return int(tx.sql.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())
