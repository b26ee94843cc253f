"""Queries on which stored bytes a repository needs, and which of them other repositories need too."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read
from entrepot.catalog.files import linked_forms
from entrepot.catalog.lists import slices
from entrepot.catalog.visibility import Visibility
from entrepot.names import Sha256, XetHash

_L = file_tables.file_links
_F = file_tables.files
_B = file_tables.bucket_files
_U = file_tables.xet_file_xorbs
_X = file_tables.xorbs
_R = tables.repos
_O = tables.objects
_XORB = "xorb:"


@attrs.frozen
class StoredBytes:
    """A stored blob: the raw bytes of a file (``key`` is its sha256) or a xorb (``xorb:`` and its hash).

    ``chunks``: number of chunks of a xorb, else 0.
    """

    key: str
    size: int
    chunks: int = 0

    @property
    def xorb(self) -> XetHash | None:
        """The hash of the xorb, None for the raw bytes of a file."""
        return XetHash(self.key.removeprefix(_XORB)) if self.key.startswith(_XORB) else None


def holdings(tx: Read, repo_id: int, wanted: Collection[Sha256]) -> list[StoredBytes]:
    """Return the stored blobs that the given large files of a repository need, each once."""
    found: dict[str, StoredBytes] = {}
    chosen = list(wanted)
    for batch in slices(chosen):
        here = (_L.c.repo_id == repo_id) & _L.c.sha256.in_(batch)
        raw = (
            sa.select(_F.c.sha256, _F.c.size)
            .join(_L, _L.c.sha256 == _F.c.sha256)
            .where(here & _L.c.xet_file.is_(None) & _F.c.is_raw.is_(True))
        )
        found.update((row.sha256, StoredBytes(row.sha256, row.size)) for row in tx.sql.execute(raw))
        chunked = (
            sa.select(_X.c.hash, _X.c.size, _X.c.chunks)
            .join(_U, _U.c.xorb == _X.c.hash)
            .join(_L, _U.c.file == _L.c.xet_file)
            .where(here)
            .distinct()
        )
        found.update((row.hash, _xorb(*row)) for row in tx.sql.execute(chunked))
    return list(found.values())


def bucket_holdings(tx: Read, repo_id: int) -> list[StoredBytes]:
    """Return the stored blobs that the files of a bucket need, each once."""
    query = (
        sa.select(_X.c.hash, _X.c.size, _X.c.chunks)
        .join(_U, _U.c.xorb == _X.c.hash)
        .join(_B, _B.c.file == _U.c.file)
        .where(_B.c.repo_id == repo_id)
        .distinct()
    )
    return [_xorb(*row) for row in tx.sql.execute(query)]


def _xorb(xorb: XetHash, size: int, chunks: int) -> StoredBytes:
    return StoredBytes(f"{_XORB}{xorb}", size, chunks)


def chunk_uses(tx: Read, repo_id: int, wanted: Collection[Sha256]) -> Iterator[tuple[XetHash, bytes]]:
    """Yield (xorb, packed chunk ranges) for each use of a xorb by the given large files of a repository."""
    for batch in slices(list(wanted)):
        query = sa.select(_U.c.xorb, _U.c.ranges).join(_L, _U.c.file == _L.c.xet_file)
        query = query.where((_L.c.repo_id == repo_id) & _L.c.sha256.in_(batch))
        for row in tx.sql.execute(query.distinct()):
            yield row.xorb, row.ranges


def bucket_chunk_uses(tx: Read, repo_id: int) -> Iterator[tuple[XetHash, bytes]]:
    """Yield (xorb, packed chunk ranges) for each use of a xorb by the files of a bucket."""
    query = sa.select(_U.c.xorb, _U.c.ranges).join(_B, _B.c.file == _U.c.file).where(_B.c.repo_id == repo_id)
    for row in tx.sql.execute(query.distinct()):
        yield row.xorb, row.ranges


def needed_elsewhere(tx: Read, here: Sequence[StoredBytes], repo_id: int, seen_by: Visibility | None) -> set[str]:
    """Return the keys of the given blobs that other repositories or buckets need too, of those that a caller can read.

    For callers, uploads that no commit names do not count: only writers of those repositories may know of them.

    Args:
        seen_by: as for :func:`entrepot.catalog.files.linked_forms.readable_elsewhere`.
    """
    raw = [holding.key for holding in here if holding.xorb is None]
    xorbs = [holding.xorb for holding in here if holding.xorb is not None]
    found: set[str] = set()
    seen = linked_forms.is_visible(seen_by)
    others = (_L.c.repo_id != repo_id) & seen
    if seen_by is not None:
        others &= _L.c.path.is_not(None)
    for batch in slices(raw):
        query = sa.select(_L.c.sha256).join(_R, _R.c.id == _L.c.repo_id).where(others)
        query = query.where(_L.c.sha256.in_(batch) & _L.c.xet_file.is_(None)).distinct()
        found.update(tx.sql.execute(query).scalars())
        objects = sa.select(_O.c.sha256).join(_R, _R.c.id == _O.c.repo_id).where(seen)
        objects = objects.where((_O.c.repo_id != repo_id) & _O.c.pointer_size.is_(None))
        found.update(tx.sql.execute(objects.where(_O.c.sha256.in_(batch)).distinct()).scalars())
    for batch in slices(xorbs):
        query = (
            sa.select(_U.c.xorb)
            .select_from(_U)
            .join(_L, _U.c.file == _L.c.xet_file)
            .join(_R, _R.c.id == _L.c.repo_id)
            .where(others & _U.c.xorb.in_(batch))
            .distinct()
        )
        found.update(f"{_XORB}{name}" for name in tx.sql.execute(query).scalars())
        in_buckets = (
            sa.select(_U.c.xorb)
            .select_from(_U)
            .join(_B, _U.c.file == _B.c.file)
            .join(_R, _R.c.id == _B.c.repo_id)
            .where(seen & (_B.c.repo_id != repo_id) & _U.c.xorb.in_(batch))
            .distinct()
        )
        found.update(f"{_XORB}{name}" for name in tx.sql.execute(in_buckets).scalars())
    return found
