"""Queries for bulk uploads: a few statements for many small files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.files import files, xet_files
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.names import Sha256, XetHash

_F = tables.files
_T = tables.xet_files
_U = tables.xet_file_xorbs
_X = tables.xorbs
_BATCH = 500

_WANTED: sa.BindParameter[str] = sa.bindparam("wanted", expanding=True)
# Statements are built once: building one costs more than running it on cached pages.
_KEPT = sa.select(_F.c.sha256, _F.c.size, (_F.c.is_raw & ~_F.c.is_damaged).label("is_raw"), _F.c.xet_hash).where(
    _F.c.sha256.in_(_WANTED) & _F.c.sweeping_ms.is_(None)
)
_ROWS = sa.select(_F.c.sha256, _F.c.is_raw).where(_F.c.sha256.in_(_WANTED))
_DAMAGED = (
    sa.select(_U.c.file)
    .join(_X, _X.c.hash == _U.c.xorb)
    .where(_U.c.file.in_(_WANTED) & _X.c.is_damaged.is_(True))
    .distinct()
)
_CHUNKED = sa.select(_T.c.hash).where(_T.c.hash.in_(_WANTED))


@attrs.frozen
class FileState:
    """The stored form of a file according to its row: size, whether raw, and whether as intact chunks."""

    size: int
    is_raw: bool
    is_chunked: bool


@attrs.frozen
class ProvenFile:
    """A file whose sha256 is verified, made of chunks of stored xorbs.

    ``xorbs``: the chunks that it uses of each, packed (see ``xet.ChunkSet``).
    """

    sha256: Sha256
    row: XetFileRow
    xorbs: Mapping[XetHash, bytes]


def stored_forms(tx: Read, sha256s: Sequence[Sha256]) -> dict[Sha256, FileState]:
    """Return the stored form of the given files that have a row and are not claimed by a sweeper.

    A row with ``is_raw`` may only announce the bytes; check that they exist.
    """
    found: dict[Sha256, FileState] = {}
    for at in range(0, len(sha256s), _BATCH):
        rows = tx.sql.execute(_KEPT, {"wanted": sha256s[at : at + _BATCH]}).all()
        chunked = [row.xet_hash for row in rows if row.xet_hash is not None]
        intact = _intact(tx, chunked)
        found.update((row.sha256, FileState(row.size, bool(row.is_raw), row.xet_hash in intact)) for row in rows)
    return found


def put(tx: Write, arrivals: Sequence[ProvenFile], now_ms: int) -> list[Sha256]:
    """Record files whose xorbs are stored and were touched; files that have chunks keep them.

    Returns:
        The files whose row said that they are stored raw; their raw bytes
        are no longer needed.

    Raises:
        Busy: a sweeper is deleting the raw bytes of one of them.
    """
    _put_chunks(tx, arrivals, now_ms)
    sha256s = [item.sha256 for item in arrivals]
    there: dict[Sha256, bool] = {}
    for at in range(0, len(sha256s), _BATCH):
        there.update((row.sha256, row.is_raw) for row in tx.sql.execute(_ROWS, {"wanted": sha256s[at : at + _BATCH]}))
    fresh = [item for item in arrivals if item.sha256 not in there]
    times = {"created_ms": now_ms, "touched_ms": now_ms, "is_raw": False}
    insert_missing(
        tx.sql,
        _F,
        [{"sha256": item.sha256, "size": item.row.size, "xet_hash": item.row.hash, **times} for item in fresh],
    )
    for item in arrivals:
        if item.sha256 in there:
            files.put_chunked(tx, item.sha256, item.row.size, item.row.hash, now_ms)
    return [sha256 for sha256, is_raw in there.items() if is_raw]


def _put_chunks(tx: Write, arrivals: Sequence[ProvenFile], now_ms: int) -> None:
    known: set[XetHash] = set()
    hashes = [item.row.hash for item in arrivals]
    for at in range(0, len(hashes), _BATCH):
        known.update(tx.sql.execute(_CHUNKED, {"wanted": hashes[at : at + _BATCH]}).scalars())
    fresh = [item for item in arrivals if item.row.hash not in known]
    times = {"created_ms": now_ms, "touched_ms": now_ms}
    rows = [{"hash": item.row.hash, "size": item.row.size, "terms": item.row.terms, **times} for item in fresh]
    insert_missing(tx.sql, _T, rows)
    uses = [
        {"file": item.row.hash, "xorb": xorb, "ranges": used} for item in fresh for xorb, used in item.xorbs.items()
    ]
    insert_missing(tx.sql, _U, uses)
    for item in arrivals:
        if item.row.hash in known:
            xet_files.put(tx, item.row, item.xorbs, now_ms)


def _intact(tx: Read, wanted: Sequence[XetHash]) -> set[XetHash]:
    if not wanted:
        return set()
    there = set(tx.sql.execute(_CHUNKED, {"wanted": list(wanted)}).scalars())
    return there - set(tx.sql.execute(_DAMAGED, {"wanted": list(wanted)}).scalars())
