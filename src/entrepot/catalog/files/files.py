"""Queries on large files, and on which repository may use which file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.visibility import Visibility, visible_private
from entrepot.errors import Busy
from entrepot.names import RefName, RepoPath, Sha256, Uid, XetHash, new_uid

_F = tables.files
_L = tables.file_links
_BATCH = 500

SWEEP_LEASE_MS = 600_000
"""How long a sweeper may take for one file; an older claim was left by a sweeper that crashed."""

# Statements are built once: building one costs more than running it on cached pages.
_KEPT = (
    sa.select(_L.c.size, _L.c.xet_hash, _F.c.is_raw, _F.c.xet_hash, _F.c.is_damaged)
    .outerjoin(_F, _F.c.sha256 == _L.c.sha256)
    .where((_L.c.repo_id == sa.bindparam("repo")) & (_L.c.sha256 == sa.bindparam("wanted")))
)
_XET_HASHES = (
    sa.select(_L.c.sha256, _L.c.xet_hash, _F.c.xet_hash)
    .outerjoin(_F, _F.c.sha256 == _L.c.sha256)
    .where((_L.c.repo_id == sa.bindparam("repo")) & _L.c.sha256.in_(sa.bindparam("wanted", expanding=True)))
)
_USED_BYTES = (
    sa.select(_L.c.repo_id, sa.func.sum(_L.c.size))
    .where(_L.c.repo_id.in_(sa.bindparam("repos", expanding=True)) & _L.c.path.is_not(None))
    .group_by(_L.c.repo_id)
)
_USABLE = sa.select(_L.c.sha256, _L.c.size).where(
    (_L.c.repo_id == sa.bindparam("repo")) & _L.c.sha256.in_(sa.bindparam("wanted", expanding=True))
)
_SWEEPING = sa.select(_F.c.sweeping_ms).where(_F.c.sha256 == sa.bindparam("wanted"))
_CONFIRM = sa.update(_F).where(_F.c.sha256 == sa.bindparam("wanted")).values(size=sa.bindparam("proven"), is_raw=True)
_TOUCH = (
    sa.update(_F).where(_F.c.sha256.in_(sa.bindparam("wanted", expanding=True))).values(touched_ms=sa.bindparam("now"))
)
_STORED = sa.select(_F.c.sha256, _F.c.size).where(
    _F.c.sha256.in_(sa.bindparam("wanted", expanding=True)) & _F.c.sweeping_ms.is_(None)
)
_NAME = (
    sa.update(_L)
    .where((_L.c.repo_id == sa.bindparam("repo")) & (_L.c.sha256 == sa.bindparam("key")))
    .values(path=sa.bindparam("new_path"), ref=sa.bindparam("new_ref"), linked_ms=sa.bindparam("now"))
)


@attrs.frozen
class Link:
    """A large file that a repository may use; ``path`` is None until a commit names it."""

    uid: Uid
    sha256: Sha256
    size: int
    path: RepoPath | None
    ref: RefName | None
    pusher_id: int | None
    linked_ms: int


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
    insert_missing(tx.sql, _F, [values], refresh=("touched_ms", "sweeping_ms"))


def confirm(tx: Write, sha256: Sha256, size: int) -> bool:
    """Record the verified size of a file whose bytes are durable; return False if a sweep has deleted its row.

    A row that was only reserved has the size that the uploader announced.
    """
    return bool(tx.sql.execute(_CONFIRM, {"wanted": sha256, "proven": size}).rowcount)


def adopt(tx: Write, sha256: Sha256, size: int) -> None:
    """Record orphaned bytes as never touched, so that the next sweep deletes them; an existing row is unchanged."""
    insert_missing(tx.sql, _F, [{"sha256": sha256, "size": size, "created_ms": 0, "touched_ms": 0}])


def touch(tx: Write, sha256s: Sequence[Sha256], now_ms: int) -> None:
    """Restart the grace period of files that a caller is about to use."""
    for at in range(0, len(sha256s), _BATCH):
        tx.sql.execute(_TOUCH, {"wanted": sha256s[at : at + _BATCH], "now": now_ms})


def usable(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> dict[Sha256, int]:
    """Return the sizes of the given files that a repository may use."""
    found: dict[Sha256, int] = {}
    for at in range(0, len(sha256s), _BATCH):
        rows = tx.sql.execute(_USABLE, {"repo": repo_id, "wanted": sha256s[at : at + _BATCH]})
        found.update((sha256, size) for sha256, size in rows)
    return found


@attrs.frozen
class StoredForm:
    """The stored form of a file: raw under its sha256, as chunks, or (temporarily) both.

    ``is_damaged``: the raw bytes are corrupt and no other copy exists.
    """

    size: int
    is_raw: bool
    xet_hash: XetHash | None
    is_damaged: bool = False


def stored_form(tx: Read, repo_id: int, sha256: Sha256) -> StoredForm | None:
    """Return the stored form of a file for a repository that may use it, else None.

    A link based on a claim refers to the claimed chunks only.
    """
    row = tx.sql.execute(_KEPT, {"repo": repo_id, "wanted": sha256}).first()
    if row is None:
        return None
    size, claimed, is_raw, chunked, is_damaged = row
    reads_raw = claimed is None and bool(is_raw) and not (is_damaged and chunked)
    return StoredForm(size, reads_raw, claimed or chunked, reads_raw and bool(is_damaged))


def xet_hashes(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> dict[Sha256, XetHash]:
    """Return the Xet hashes of the given files that a repository may fetch as chunks."""
    found: dict[Sha256, XetHash] = {}
    for at in range(0, len(sha256s), _BATCH):
        rows = tx.sql.execute(_XET_HASHES, {"repo": repo_id, "wanted": sha256s[at : at + _BATCH]})
        found.update((sha256, claimed or chunked) for sha256, claimed, chunked in rows if claimed or chunked)
    return found


def chunks_of(tx: Read, sha256: Sha256) -> XetHash | None:
    """Return the Xet hash of a file with this verified sha256, or None."""
    return tx.sql.execute(sa.select(_F.c.xet_hash).where(_F.c.sha256 == sha256)).scalar()


def is_raw(tx: Read, sha256: Sha256) -> bool:
    """Return whether the raw bytes of a file are stored."""
    return bool(tx.sql.execute(sa.select(_F.c.is_raw).where(_F.c.sha256 == sha256)).scalar())


def raw_of(
    tx: Read, repo_id: int, *, larger_than: int, limit: int, skip: int = 0
) -> list[tuple[Sha256, int, XetHash | None]]:
    """Return (sha256, size, Xet hash if also chunked) of the committed files of a repository that are stored raw.

    Files whose raw bytes are also a git object must stay raw, and are excluded.

    Args:
        skip: the number of files to skip, the oldest first.
    """
    query = (
        sa.select(_F.c.sha256, _F.c.size, _F.c.xet_hash)
        .join(_L, _L.c.sha256 == _F.c.sha256)
        .where((_L.c.repo_id == repo_id) & _L.c.path.is_not(None) & _L.c.xet_hash.is_(None))
        .where(_F.c.is_raw.is_(True) & (_F.c.size > larger_than) & ~_is_object())
        .order_by(_F.c.created_ms, _F.c.sha256)
        .limit(limit)
        .offset(skip)
    )
    return [(row.sha256, row.size, row.xet_hash) for row in tx.sql.execute(query)]


def set_chunked(tx: Write, sha256: Sha256, file: XetHash) -> None:
    """Record that a file is also stored as chunks; chunks recorded earlier stay."""
    tx.sql.execute(sa.update(_F).where((_F.c.sha256 == sha256) & _F.c.xet_hash.is_(None)).values(xet_hash=file))


def drop_raw(tx: Write, sha256: Sha256) -> bool:
    """Record that the raw bytes of a file are about to be deleted.

    Return False, with nothing changed, if the file is not stored as chunks too,
    or if a git object needs the raw bytes.
    """
    here = (_F.c.sha256 == sha256) & _F.c.xet_hash.is_not(None) & _F.c.is_raw.is_(True) & ~_is_object()
    return bool(tx.sql.execute(sa.update(_F).where(here).values(is_raw=False)).rowcount)


def mark_false_claim(tx: Write, repo_id: int, sha256: Sha256, file: XetHash) -> None:
    """Record that the chunks which a repository links under this sha256 have another digest."""
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & (_L.c.xet_hash == file)
    tx.sql.execute(sa.update(_L).where(here).values(is_false=True))


def put_chunked(tx: Write, sha256: Sha256, size: int, file: XetHash, now_ms: int) -> None:
    """Record a file whose chunks were verified to have this sha256; chunks recorded earlier stay.

    Raises:
        Busy: a sweeper is deleting the raw bytes of the same file.
    """
    found = tx.sql.execute(sa.select(_F.c.sweeping_ms, _F.c.xet_hash).where(_F.c.sha256 == sha256)).first()
    if found is not None and found.sweeping_ms is not None:
        if found.sweeping_ms > now_ms - SWEEP_LEASE_MS:
            raise Busy("this file")
        # Left by a sweeper that crashed: the raw bytes may or may not still exist.
        tx.sql.execute(sa.update(_F).where(_F.c.sha256 == sha256).values(is_raw=False, sweeping_ms=None))
    row = {"sha256": sha256, "size": size, "created_ms": now_ms, "touched_ms": now_ms}
    insert_missing(tx.sql, _F, [row | {"is_raw": False, "xet_hash": file}], refresh=("touched_ms",))
    new = (_F.c.sha256 == sha256) & _F.c.xet_hash.is_(None)
    tx.sql.execute(sa.update(_F).where(new).values(size=size, xet_hash=file))


def readable_elsewhere(tx: Read, seen_by: Visibility | None, sha256s: Sequence[Sha256]) -> dict[Sha256, int]:
    """Return the sizes of the given files that a repository visible to the caller has committed.

    A file that a repository only claims to have does not count until the claim is verified.

    Args:
        seen_by: row ids of the namespaces whose private repositories the
            caller can read (None: all), as a Visibility also single
            repositories; anyone can read ungated public ones.
    """
    repos, found = tables.repos, dict[Sha256, int]()
    seen: sa.ColumnElement[bool] = sa.true()
    if seen_by is not None:
        seen = ((repos.c.visibility == "public") & (repos.c.gated == "no")) | visible_private(seen_by)
    for at in range(0, len(sha256s), _BATCH):
        query = (
            sa.select(_F.c.sha256, _F.c.size)
            .join(_L, _L.c.sha256 == _F.c.sha256)
            .join(repos, repos.c.id == _L.c.repo_id)
            .where(_L.c.sha256.in_(sha256s[at : at + _BATCH]) & _L.c.path.is_not(None))
            .where(_is_proven() & _F.c.sweeping_ms.is_(None))
            .where(seen & repos.c.deleted_ms.is_(None) & repos.c.is_disabled.is_(False))
        )
        found.update((sha256, size) for sha256, size in tx.sql.execute(query))
    return found


def claimed_elsewhere(
    tx: Read, seen_by: Visibility | None, sha256s: Sequence[Sha256]
) -> list[tuple[int, Sha256, XetHash, int]]:
    """Return (repository, sha256, file, size) of the given files that visible repositories claim, unverified.

    Claims that were found to be false are excluded.

    Args:
        seen_by: as for :func:`readable_elsewhere`.
    """
    repos, found = tables.repos, list[tuple[int, Sha256, XetHash, int]]()
    seen: sa.ColumnElement[bool] = sa.true()
    if seen_by is not None:
        seen = ((repos.c.visibility == "public") & (repos.c.gated == "no")) | visible_private(seen_by)
    for at in range(0, len(sha256s), _BATCH):
        query = (
            sa.select(_L.c.repo_id, _L.c.sha256, _L.c.xet_hash, _L.c.size)
            .join(repos, repos.c.id == _L.c.repo_id)
            .where(_L.c.sha256.in_(sha256s[at : at + _BATCH]) & _L.c.path.is_not(None))
            .where(_L.c.xet_hash.is_not(None) & _L.c.is_false.is_(False) & _L.c.is_verified.is_(False))
            .where(seen & repos.c.deleted_ms.is_(None) & repos.c.is_disabled.is_(False))
            .order_by(_L.c.sha256, _L.c.repo_id)
        )
        found += [(row.repo_id, row.sha256, row.xet_hash, row.size) for row in tx.sql.execute(query)]
    return found


def mark_verified(tx: Write, repo_id: int, sha256: Sha256, file: XetHash) -> None:
    """Record that the chunks which a repository links under this sha256 do have it."""
    other = sa.exists().where((_F.c.sha256 == _L.c.sha256) & (_F.c.xet_hash != _L.c.xet_hash))
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & (_L.c.xet_hash == file)
    tx.sql.execute(sa.update(_L).where(here & other).values(is_verified=True))


def proven(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> list[Sha256]:
    """Return the given files that commits of a repository refer to and whose sha256 is verified."""
    found: list[Sha256] = []
    for at in range(0, len(sha256s), _BATCH):
        query = (
            sa.select(_L.c.sha256)
            .join(_F, _F.c.sha256 == _L.c.sha256)
            .where((_L.c.repo_id == repo_id) & _L.c.sha256.in_(sha256s[at : at + _BATCH]))
            .where(_L.c.path.is_not(None) & _is_proven() & _F.c.sweeping_ms.is_(None))
        )
        found += tx.sql.execute(query).scalars()
    return found


def link(tx: Write, repo_id: int, sha256s: Sequence[Sha256], pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use the given files that are stored; existing links are unchanged.

    Call this only if the pusher has proven a right to them: by uploading their
    bytes, or by access to a repository that has them.
    """
    for at in range(0, len(sha256s), _BATCH):
        rows = [
            {
                "repo_id": repo_id,
                "sha256": row.sha256,
                "size": row.size,
                "uid": new_uid(),
                "path": None,
                "ref": None,
                "pusher_id": pusher_id,
                "linked_ms": now_ms,
            }
            for row in tx.sql.execute(_STORED, {"wanted": sha256s[at : at + _BATCH]})
        ]
        insert_missing(tx.sql, _L, rows)


def name_links(tx: Write, repo_id: int, named: Sequence[tuple[Sha256, RepoPath]], ref: RefName, now_ms: int) -> None:
    """Record the path at which a commit uses each linked file, and the time of that use."""
    if not named:
        return
    same = {"repo": repo_id, "new_ref": ref, "now": now_ms}
    tx.sql.execute(_NAME, [same | {"key": sha256, "new_path": path} for sha256, path in named])


def copy_links(tx: Write, source_id: int, target_id: int, pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use every committed file of another one, except unverified claims."""
    query = (
        sa.select(_L.c.sha256, _L.c.size, _L.c.path, _L.c.ref, _L.c.xet_hash, _L.c.is_proven, _L.c.is_verified)
        .join(_F, _F.c.sha256 == _L.c.sha256)
        .where((_L.c.repo_id == source_id) & _L.c.path.is_not(None) & _is_proven())
    )
    rows = [
        {
            "repo_id": target_id,
            "sha256": sha256,
            "size": size,
            "uid": new_uid(),
            "path": path,
            "ref": ref,
            "pusher_id": pusher_id,
            "linked_ms": now_ms,
            "xet_hash": xet_hash,
            "is_proven": is_proven,
            "is_verified": is_verified,
        }
        for sha256, size, path, ref, xet_hash, is_proven, is_verified in tx.sql.execute(query)
    ]
    insert_missing(tx.sql, _L, rows)


def committed_links(tx: Read, repo_id: int, *, after: str | None, limit: int) -> list[Link]:
    """Return one page of the files that commits of a repository refer to, in the order of their ids."""
    query = _links().where((_L.c.repo_id == repo_id) & _L.c.path.is_not(None)).order_by(_L.c.uid).limit(limit)
    if after is not None:
        query = query.where(_L.c.uid > after)
    return [Link(*row) for row in tx.sql.execute(query)]


def links_by_uid(tx: Read, repo_id: int, uids: Sequence[str]) -> list[Link]:
    """Return the links with these ids."""
    rows = tx.sql.execute(_links().where((_L.c.repo_id == repo_id) & _L.c.uid.in_(uids)))
    return [Link(*row) for row in rows]


def link_of(tx: Read, repo_id: int, sha256: Sha256) -> Link | None:
    """Return the link of one file in a repository, or None."""
    row = tx.sql.execute(_links().where((_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256))).first()
    return Link(*row) if row else None


def unlink(tx: Write, repo_id: int, sha256s: Sequence[Sha256]) -> None:
    """Delete a repository's links to files; the bytes are deleted after the last link and the grace period."""
    for at in range(0, len(sha256s), _BATCH):
        here = (_L.c.repo_id == repo_id) & _L.c.sha256.in_(sha256s[at : at + _BATCH])
        tx.sql.execute(sa.delete(_L).where(here))


def unlink_unused(tx: Write, repo_id: int, sha256s: Sequence[Sha256], linked_before_ms: int) -> None:
    """Delete a repository's links to files, unless they were linked, named or touched meanwhile."""
    fresh = sa.exists().where((_F.c.sha256 == _L.c.sha256) & (_F.c.touched_ms >= linked_before_ms))
    for at in range(0, len(sha256s), _BATCH):
        here = (_L.c.repo_id == repo_id) & _L.c.sha256.in_(sha256s[at : at + _BATCH])
        tx.sql.execute(sa.delete(_L).where(here & (_L.c.linked_ms < linked_before_ms) & ~fresh))


def known(tx: Read, sha256s: Sequence[Sha256]) -> set[Sha256]:
    """Return the given files that have a row."""
    found: set[Sha256] = set()
    for at in range(0, len(sha256s), _BATCH):
        query = sa.select(_F.c.sha256).where(_F.c.sha256.in_(sha256s[at : at + _BATCH]))
        found.update(tx.sql.execute(query).scalars())
    return found


def chunked_only(tx: Read, sha256s: Sequence[Sha256], touched_before_ms: int) -> set[Sha256]:
    """Return the given files whose raw bytes were dropped, and that are not being uploaded again."""
    found: set[Sha256] = set()
    for at in range(0, len(sha256s), _BATCH):
        here = _F.c.sha256.in_(sha256s[at : at + _BATCH]) & _F.c.is_raw.is_(False)
        old = (_F.c.touched_ms < touched_before_ms) & _F.c.sweeping_ms.is_(None)
        found.update(tx.sql.execute(sa.select(_F.c.sha256).where(here & old)).scalars())
    return found


def linked(tx: Read, repo_id: int) -> dict[Sha256, int]:
    """Return when each file of a repository was linked (ms)."""
    rows = tx.sql.execute(sa.select(_L.c.sha256, _L.c.linked_ms).where(_L.c.repo_id == repo_id))
    return {row.sha256: row.linked_ms for row in rows}


def needed(tx: Read) -> Iterator[tuple[Sha256, int]]:
    """Yield (sha256, size) of every raw file that a link or an object refers to; the bytes must exist."""
    rows = tx.sql.execute(sa.select(_F.c.sha256, _F.c.size).where(~_is_free() & _F.c.is_raw.is_(True)))
    for row in rows:
        yield row.sha256, row.size


def everything(tx: Read) -> Iterator[tuple[Sha256, int]]:
    """Yield (sha256, size) of every stored file."""
    for row in tx.sql.execute(sa.select(_F.c.sha256, _F.c.size)):
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
    """Return the number and the total bytes of all stored files."""
    row = tx.sql.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_F.c.size), 0))).one()
    return row[0], int(row[1])


def used_bytes(tx: Read, repo_ids: Sequence[int]) -> dict[int, int]:
    """Return the bytes of the large files that commits of each repository refer to."""
    return {repo_id: int(size) for repo_id, size in tx.sql.execute(_USED_BYTES, {"repos": repo_ids})}


def _links() -> sa.Select[Any]:
    names = ("uid", "sha256", "size", "path", "ref", "pusher_id", "linked_ms")
    return sa.select(*(_L.c[name] for name in names))


def _is_proven() -> sa.ColumnElement[bool]:
    """Return the condition that a link refers to content whose sha256 is verified."""
    return _L.c.xet_hash.is_(None) | (_L.c.xet_hash == _F.c.xet_hash) | _L.c.is_verified.is_(True)


def _is_object() -> sa.ColumnElement[bool]:
    """Return the condition that the raw bytes of a file are also a git object or an image in a discussion."""
    objects, images = tables.objects, community_tables.attachments
    is_object = sa.exists().where((objects.c.sha256 == _F.c.sha256) & objects.c.pointer_size.is_(None))
    return is_object | sa.exists().where(images.c.sha256 == _F.c.sha256)


def _is_free() -> sa.ColumnElement[bool]:
    # A link based on a claim about other chunks needs neither these bytes nor these chunks.
    return ~sa.exists().where((_L.c.sha256 == _F.c.sha256) & _is_proven()) & ~_is_object()
