"""Queries on git objects, whose content is in the row, or in ``blobs`` if large."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.prepared import Prepared, PreparedForList
from entrepot.names import Oid, Sha256

_T = tables.objects


@attrs.frozen
class ObjectRow:
    """A git object.

    ``data`` is zlib(content), or None if the content is the large file
    ``sha256``. For an LFS pointer, ``data`` is its content, and ``sha256`` and
    ``pointer_size`` describe the file that it points to.
    """

    oid: Oid
    kind: str
    size: int
    data: bytes | None
    sha256: Sha256 | None
    pointer_size: int | None


@attrs.frozen
class ObjectSize:
    """The size of an object; for an LFS pointer also the file that it points to."""

    size: int
    lfs_sha256: Sha256 | None
    lfs_size: int | None


@attrs.frozen
class DeletedPointer:
    """The target of an LFS pointer to a file that was deleted from the repository, and whether it was linked again."""

    sha256: Sha256
    size: int
    is_back: bool


_COLUMNS = [_T.c.oid, _T.c.kind, _T.c.size, _T.c.data, _T.c.sha256, _T.c.pointer_size]
# Statements are built once: building one costs more than running it on cached pages.
_FIND = Prepared(sa.select(*_COLUMNS).where((_T.c.repo_id == sa.bindparam("repo")) & (_T.c.oid == sa.bindparam("id"))))
_NAMED = (_T.c.repo_id == sa.bindparam("repo")) & _T.c.oid.in_(sa.bindparam("ids", expanding=True))
_FIND_MANY = sa.select(*_COLUMNS).where(_NAMED)
_MEASURE = sa.select(_T.c.oid, _T.c.size, _T.c.sha256, _T.c.pointer_size).where(_NAMED)
_COMMITS = Prepared(
    sa.select(_T.c.oid)
    .where((_T.c.repo_id == sa.bindparam("repo")) & _T.c.oid.between(sa.bindparam("low"), sa.bindparam("high")))
    .where(_T.c.kind == "commit")
    .order_by(_T.c.oid)
    .limit(sa.bindparam("most"))
)
_PRESENT = PreparedForList(
    _T.c.oid, lambda named: sa.select(_T.c.oid).where((_T.c.repo_id == sa.bindparam("repo")) & named)
)
_L = file_tables.file_links
_LINKED = sa.exists().where((_L.c.repo_id == _T.c.repo_id) & (_L.c.sha256 == _T.c.sha256))
_DELETED_POINTERS = sa.select(_T.c.oid, _T.c.sha256, _T.c.pointer_size, _LINKED.label("is_back")).where(
    _NAMED & _T.c.pointer_size.is_not(None) & ~_LINKED.where(_L.c.path.is_not(None))
)
_TAGS = sa.select(*_COLUMNS).where(_NAMED & (_T.c.kind == "tag"))


def find(tx: Read, repo_id: int, oid: Oid) -> ObjectRow | None:
    """Return one object, or None."""
    row = _FIND.first(tx, {"repo": repo_id, "id": oid})
    return ObjectRow(*row) if row else None


def ask_ahead(tx: Read, repo_id: int, oid: Oid) -> None:
    """Announce that :func:`find` will look for this object."""
    _FIND.ask_ahead(tx, {"repo": repo_id, "id": oid})


def find_many(tx: Read, repo_id: int, oids: Sequence[Oid]) -> Iterator[ObjectRow]:
    """Yield the given objects that are stored, in no particular order."""
    for batch in slices(oids):
        for row in tx.sql.execute(_FIND_MANY, {"repo": repo_id, "ids": batch}):
            yield ObjectRow(*row)


def tags(tx: Read, repo_id: int, oids: Sequence[Oid]) -> dict[Oid, ObjectRow]:
    """Return the given objects that are annotated tags."""
    found: dict[Oid, ObjectRow] = {}
    for batch in slices(oids):
        rows = tx.sql.execute(_TAGS, {"repo": repo_id, "ids": batch})
        found.update((row.oid, ObjectRow(*row)) for row in rows)
    return found


def measure(tx: Read, repo_id: int, oids: Sequence[Oid]) -> dict[Oid, ObjectSize]:
    """Return the size, and the target of a pointer, of each given object that is stored."""
    found: dict[Oid, ObjectSize] = {}
    for batch in slices(oids):
        rows = tx.sql.execute(_MEASURE, {"repo": repo_id, "ids": batch})
        for oid, size, sha256, pointer_size in rows:
            found[oid] = (
                ObjectSize(size, None, None) if pointer_size is None else ObjectSize(size, sha256, pointer_size)
            )
    return found


def with_prefix(tx: Read, repo_id: int, prefix: str, *, limit: int = 2) -> list[Oid]:
    """Return up to ``limit`` commits whose ids start with these hex digits, ascending."""
    low = (prefix + "0" * 40)[:40]
    high = (prefix + "f" * 40)[:40]
    return [row.oid for row in _COMMITS.all(tx, {"repo": repo_id, "low": low, "high": high, "most": limit})]


def put(tx: Write, repo_id: int, rows: Iterable[ObjectRow], now_ms: int) -> None:
    """Store objects; one that is already stored is only touched, so that no sweep deletes it."""
    values = [
        {
            "repo_id": repo_id,
            "oid": row.oid,
            "kind": row.kind,
            "size": row.size,
            "data": row.data,
            "sha256": row.sha256,
            "pointer_size": row.pointer_size,
            "touched_ms": now_ms,
        }
        for row in rows
    ]
    insert_missing(tx, _T, values, refresh=("touched_ms",))


def copy(tx: Write, source_id: int, target_id: int, oids: Sequence[Oid], now_ms: int) -> int:
    """Copy the given objects to another repository, within the database.

    Returns:
        The number of those objects that the source repository has.
    """
    copied = 0
    other = _T.alias()
    for batch in slices(oids):
        kept = [_T.c[name] for name in ("oid", "kind", "size", "data", "sha256", "pointer_size")]
        rows = sa.select(sa.literal(target_id), *kept, sa.literal(now_ms)).where(
            (_T.c.repo_id == source_id) & _T.c.oid.in_(batch)
        )
        there = sa.select(other.c.oid).where((other.c.repo_id == target_id) & other.c.oid.in_(batch))
        names = ["repo_id", "oid", "kind", "size", "data", "sha256", "pointer_size", "touched_ms"]
        tx.sql.execute(sa.insert(_T).from_select(names, rows.where(_T.c.oid.not_in(there))))
        offered = sa.select(other.c.oid).where((other.c.repo_id == source_id) & other.c.oid.in_(batch))
        touched = sa.update(_T).where((_T.c.repo_id == target_id) & _T.c.oid.in_(offered)).values(touched_ms=now_ms)
        copied += tx.sql.execute(touched).rowcount
    return copied


def missing_bytes(tx: Read, source_id: int, target_id: int, oids: Sequence[Oid]) -> int:
    """Return the size of those given objects that a repository has and another one lacks."""
    found = 0
    other = _T.alias()
    for batch in slices(oids):
        there = sa.select(other.c.oid).where((other.c.repo_id == target_id) & other.c.oid.in_(batch))
        here = (_T.c.repo_id == source_id) & _T.c.oid.in_(batch) & _T.c.oid.not_in(there)
        query = sa.select(sa.func.coalesce(sa.func.sum(_T.c.size), 0)).where(here)
        found += int(tx.sql.execute(query).scalar_one())
    return found


def copy_all(tx: Write, source_id: int, target_id: int, now_ms: int) -> None:
    """Copy every object of a repository to a new, empty one."""
    names = ["oid", "kind", "size", "data", "sha256", "pointer_size"]
    rows = sa.select(sa.literal(target_id), *(_T.c[name] for name in names), sa.literal(now_ms))
    statement = sa.insert(_T).from_select(["repo_id", *names, "touched_ms"], rows.where(_T.c.repo_id == source_id))
    tx.sql.execute(statement)


def everything(tx: Read, repo_id: int) -> Iterator[tuple[Oid, str, int, int]]:
    """Yield (oid, kind, size, touched_ms) of every object of a repository, without content."""
    query = sa.select(_T.c.oid, _T.c.kind, _T.c.size, _T.c.touched_ms).where(_T.c.repo_id == repo_id)
    for row in tx.sql.execute(query):
        yield row.oid, row.kind, row.size, row.touched_ms


def count(tx: Read, repo_id: int) -> int:
    """Return the number of objects of a repository."""
    return tx.sql.execute(sa.select(sa.func.count()).where(_T.c.repo_id == repo_id)).scalar_one()


def rows(tx: Read, repo_id: int) -> Iterator[ObjectRow]:
    """Yield every object of a repository with its content, in no particular order."""
    for row in tx.sql.execute(sa.select(*_COLUMNS).where(_T.c.repo_id == repo_id)):
        yield ObjectRow(*row)


def touch(tx: Write, repo_id: int, oids: Sequence[Oid], now_ms: int) -> int:
    """Restart the grace period of objects that are about to be used again; return how many of them are stored."""
    touched = 0
    for batch in slices(oids):
        here = (_T.c.repo_id == repo_id) & _T.c.oid.in_(batch)
        touched += tx.sql.execute(sa.update(_T).where(here).values(touched_ms=now_ms)).rowcount
    return touched


def are_present(tx: Read, repo_id: int, oids: Collection[Oid]) -> bool:
    """Return whether all of the given objects are stored."""
    wanted = set(oids)
    return len(present(tx, repo_id, wanted)) == len(wanted)


def present(tx: Read, repo_id: int, oids: Collection[Oid]) -> set[Oid]:
    """Return those of the given objects that are stored."""
    return {row.oid for row in _PRESENT.all(tx, list(set(oids)), {"repo": repo_id})}


def pointing_at(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> set[Oid]:
    """Return the LFS pointers of a repository that point to one of these files."""
    here = (_T.c.repo_id == repo_id) & _T.c.sha256.in_(bounded(sha256s)) & _T.c.pointer_size.is_not(None)
    return set(tx.sql.execute(sa.select(_T.c.oid).where(here)).scalars())


def pointers_to_deleted_files(tx: Read, repo_id: int, oids: Collection[Oid]) -> dict[Oid, DeletedPointer]:
    """Return the given objects that are LFS pointers to files whose links say that no commit refers to them."""
    wanted = list(oids)
    found: dict[Oid, DeletedPointer] = {}
    for batch in slices(wanted):
        rows = tx.sql.execute(_DELETED_POINTERS, {"repo": repo_id, "ids": batch})
        found.update((oid, DeletedPointer(*rest)) for oid, *rest in rows)
    return found


def remove_untouched(tx: Write, repo_id: int, oids: Sequence[Oid], *, touched_ms: int) -> int:
    """Delete objects whose date is still this one; return their bytes."""
    size = 0
    for batch in slices(oids):
        here = (_T.c.repo_id == repo_id) & _T.c.oid.in_(batch) & (_T.c.touched_ms == touched_ms)
        size += int(tx.sql.execute(sa.select(sa.func.coalesce(sa.func.sum(_T.c.size), 0)).where(here)).scalar_one())
        tx.sql.execute(sa.delete(_T).where(here))
    return size


def remove(tx: Write, repo_id: int, oids: Sequence[Oid], *, touched_before_ms: int) -> int:
    """Delete objects unless they were touched meanwhile; return how many were deleted."""
    gone = 0
    for batch in slices(oids):
        here = (_T.c.repo_id == repo_id) & _T.c.oid.in_(batch) & (_T.c.touched_ms < touched_before_ms)
        gone += tx.sql.execute(sa.delete(_T).where(here)).rowcount
    return gone
