"""Queries on the raw bytes of large files; ``file_links`` says who may use which file, and in which form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from entrepot.catalog import community_tables, file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.files import linked_forms
from entrepot.catalog.lists import slices
from entrepot.catalog.prepared import PreparedForList, PreparedWrite
from entrepot.errors import Busy
from entrepot.names import Sha256

_F = file_tables.files
_L = file_tables.file_links

SWEEP_LEASE_MS = 600_000
"""Maximum time that a sweeper needs for one file; an older claim was left by a sweeper that crashed."""

# Statements are built once: building one costs more than running it on cached pages.
_SWEEPING = sa.select(_F.c.sweeping_ms).where(_F.c.sha256 == sa.bindparam("wanted"))
_SWEPT = PreparedForList(
    _F.c.sha256, lambda wanted: sa.select(_F.c.sha256).where(wanted & (_F.c.sweeping_ms > sa.bindparam("expired")))
)
_KNOWN = PreparedForList(_F.c.sha256, lambda wanted: sa.select(_F.c.sha256).where(wanted))
_CONFIRM = PreparedWrite(
    lambda _dialect: (
        sa.update(_F).where(_F.c.sha256 == sa.bindparam("wanted")).values(size=sa.bindparam("proven"), is_raw=True)
    )
)
_TOUCH = (
    sa.update(_F).where(_F.c.sha256.in_(sa.bindparam("wanted", expanding=True))).values(touched_ms=sa.bindparam("now"))
)


def reserve(tx: Write, sha256: Sha256, size: int, now_ms: int) -> None:
    """Record that the bytes of a file are about to be published, so that no sweep deletes them.

    Call this in a transaction before publishing the bytes. Until a link or an
    object refers to the file, the row promises nothing.

    Raises:
        Busy: a sweeper is deleting the old bytes of the same file.
    """
    row = tx.sql.execute(_SWEEPING, {"wanted": sha256}).first()
    if row is not None and row.sweeping_ms is not None and row.sweeping_ms > now_ms - SWEEP_LEASE_MS:
        raise Busy("this file")
    values = {"sha256": sha256, "size": size, "created_ms": now_ms, "touched_ms": now_ms, "sweeping_ms": None}
    insert_missing(tx, _F, [values], refresh=("touched_ms", "sweeping_ms"))


def reserve_all(tx: Write, sizes: Mapping[Sha256, int], now_ms: int) -> set[Sha256]:
    """Reserve at most 500 files, as :func:`reserve` does one; return those that a sweeper is deleting, unchanged."""
    swept = being_swept(tx, list(sizes), now_ms)
    rows = [
        {"sha256": sha256, "size": size, "created_ms": now_ms, "touched_ms": now_ms, "sweeping_ms": None}
        for sha256, size in sizes.items()
        if sha256 not in swept
    ]
    insert_missing(tx, _F, rows, refresh=("touched_ms", "sweeping_ms"))
    return swept


def confirm_all(tx: Write, sizes: Mapping[Sha256, int]) -> None:
    """Record the verified sizes of files whose bytes are durable, and which all have a row.

    A row that was only reserved has the size that the uploader announced.
    """
    _CONFIRM.run_all(tx, [{"wanted": sha256, "proven": size} for sha256, size in sizes.items()])


def confirm(tx: Write, sha256: Sha256, size: int) -> bool:
    """Record the verified size of a file whose bytes are durable; return False if a sweep has deleted its row.

    A row that was only reserved has the size that the uploader announced.
    """
    return bool(_CONFIRM.run(tx, {"wanted": sha256, "proven": size}))


def adopt(tx: Write, sha256: Sha256, size: int) -> None:
    """Record orphaned bytes as never touched, so that the next sweep deletes them; an existing row is unchanged."""
    insert_missing(tx, _F, [{"sha256": sha256, "size": size, "created_ms": 0, "touched_ms": 0}])


def touch(tx: Write, sha256s: Sequence[Sha256], now_ms: int) -> None:
    """Restart the grace period of files that a caller is about to use."""
    for batch in slices(sha256s):
        tx.sql.execute(_TOUCH, {"wanted": batch, "now": now_ms})


def is_raw(tx: Read, sha256: Sha256) -> bool:
    """Return whether the raw bytes of a file are stored."""
    return bool(tx.sql.execute(sa.select(_F.c.is_raw).where(_F.c.sha256 == sha256)).scalar())


def raw_of(tx: Read, repo_id: int, *, larger_than: int, limit: int, skip: int = 0) -> list[tuple[Sha256, int]]:
    """Return (sha256, size) of the committed files of a repository that it stores raw, and not as intact chunks.

    Args:
        skip: the number of files to skip, the oldest first.
    """
    query = (
        sa.select(_F.c.sha256, _F.c.size)
        .join(_L, _L.c.sha256 == _F.c.sha256)
        .where((_L.c.repo_id == repo_id) & _L.c.path.is_not(None))
        .where(_L.c.xet_file.is_(None) | (_L.c.is_verified.is_(True) & linked_forms.is_form_damaged()))
        .where(_F.c.is_raw.is_(True) & (_F.c.size > larger_than))
        .order_by(_F.c.created_ms, _F.c.sha256)
        .limit(limit)
        .offset(skip)
    )
    return [(row.sha256, row.size) for row in tx.sql.execute(query)]


def drop_raw(tx: Write, sha256: Sha256, touched_before_ms: int) -> bool:
    """Record that the raw bytes of a file are about to be deleted.

    Return False, with nothing changed, if a link, a git object or an image needs
    them, if a link to chunks of the file is damaged, or if an upload of the file has
    begun since ``touched_before_ms``.
    """
    here = (_F.c.sha256 == sha256) & _F.c.is_raw.is_(True) & (_F.c.touched_ms <= touched_before_ms) & _is_free()
    here &= ~sa.exists().where((_L.c.sha256 == _F.c.sha256) & linked_forms.is_form_damaged())
    return bool(tx.sql.execute(sa.update(_F).where(here).values(is_raw=False)).rowcount)


def being_swept(tx: Read, sha256s: Sequence[Sha256], now_ms: int) -> set[Sha256]:
    """Return the given files that a sweeper is deleting."""
    return {row.sha256 for row in _SWEPT.all(tx, sha256s, {"expired": now_ms - SWEEP_LEASE_MS})}


def known(tx: Read, sha256s: Sequence[Sha256]) -> set[Sha256]:
    """Return the given files that have a row."""
    return {row.sha256 for row in _KNOWN.all(tx, sha256s)}


def chunked_only(tx: Read, sha256s: Sequence[Sha256], touched_before_ms: int) -> set[Sha256]:
    """Return the given files whose raw bytes were dropped, and that are not being uploaded again."""
    found: set[Sha256] = set()
    for batch in slices(sha256s):
        here = _F.c.sha256.in_(batch) & _F.c.is_raw.is_(False)
        old = (_F.c.touched_ms < touched_before_ms) & _F.c.sweeping_ms.is_(None)
        found.update(tx.sql.execute(sa.select(_F.c.sha256).where(here & old)).scalars())
    return found


def needed(tx: Read) -> Iterator[tuple[Sha256, int]]:
    """Yield (sha256, size) of every raw file that a link or an object refers to; the bytes must exist."""
    rows = tx.sql.execute(sa.select(_F.c.sha256, _F.c.size).where(~_is_free() & _F.c.is_raw.is_(True)))
    for row in rows:
        yield row.sha256, row.size


def unused(tx: Read, touched_before_ms: int) -> list[tuple[Sha256, int]]:
    """Return (sha256, raw bytes) of files with no link and no object, not touched since a time."""
    old = (_F.c.touched_ms < touched_before_ms) & _is_free()
    size = sa.case((_F.c.is_raw, _F.c.size), else_=0)
    return [(sha256, size) for sha256, size in tx.sql.execute(sa.select(_F.c.sha256, size).where(old))]


def begin_sweep(tx: Write, sha256: Sha256, touched_before_ms: int, now_ms: int) -> bool:
    """Claim a file for deletion if it is still unused; then delete its bytes, then :func:`end_sweep`."""
    old = (_F.c.sha256 == sha256) & (_F.c.touched_ms < touched_before_ms) & _is_free()
    old &= _F.c.sweeping_ms.is_(None) | (_F.c.sweeping_ms <= now_ms - SWEEP_LEASE_MS)
    return bool(tx.sql.execute(sa.update(_F).where(old).values(sweeping_ms=now_ms)).rowcount)


def end_sweep(tx: Write, sha256: Sha256) -> None:
    """Delete the row of a file whose bytes are deleted."""
    tx.sql.execute(sa.delete(_F).where((_F.c.sha256 == sha256) & _F.c.sweeping_ms.is_not(None)))


def totals(tx: Read) -> tuple[int, int]:
    """Return the number and the total bytes of the files that are stored raw."""
    row = tx.sql.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_F.c.size), 0)).where(_F.c.is_raw.is_(True))
    ).one()
    return row[0], int(row[1])


def _is_object() -> sa.ColumnElement[bool]:
    """Return the condition that the raw bytes of a file are also a git object or an image in a discussion."""
    objects, images = tables.objects, community_tables.attachments
    is_object = sa.exists().where((objects.c.sha256 == _F.c.sha256) & objects.c.pointer_size.is_(None))
    return is_object | sa.exists().where(images.c.sha256 == _F.c.sha256)


def _is_free() -> sa.ColumnElement[bool]:
    # A link to chunks does not need these bytes.
    return ~sa.exists().where((_L.c.sha256 == _F.c.sha256) & _L.c.xet_file.is_(None)) & ~_is_object()
