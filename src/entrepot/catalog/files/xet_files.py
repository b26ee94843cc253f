"""Queries on files made of chunks, and on the claims of uploaders about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.names import RepoPath, Sha256, Uid, XetHash, new_uid

_T = tables.xet_files
_U = tables.xet_file_xorbs
_C = tables.xet_claims
_L = tables.file_links
_F = tables.files
_BATCH = 500


@attrs.frozen
class XetFileRow:
    """A file as a sequence of chunk ranges; ``terms`` packs them (see ``xet.Term``)."""

    hash: XetHash
    size: int
    terms: bytes = attrs.field(repr=False)


@attrs.frozen
class Claim:
    """An uploader's statement that a file has this sha256; valid in one repository only, until verified.

    ``is_proven``: the uploader could read or had sent every chunk of the file,
    whatever the setting ``dedup_scope`` allowed.
    """

    sha256: Sha256
    file: XetHash
    size: int
    is_proven: bool = False


_FIND = sa.select(_T.c.hash, _T.c.size, _T.c.terms).where(_T.c.hash == sa.bindparam("wanted"))


def find(tx: Read, file: XetHash) -> XetFileRow | None:
    """Return one file, or None."""
    row = tx.sql.execute(_FIND, {"wanted": file}).first()
    return XetFileRow(*row) if row else None


def put(tx: Write, row: XetFileRow, xorbs: Mapping[XetHash, bytes], now_ms: int) -> None:
    """Record a file whose xorbs are stored.

    A file that is already recorded is only touched, because two sequences of
    chunk ranges for the same file would keep the xorbs of both alive; it is
    replaced if its recorded sequence is damaged.

    Args:
        xorbs: the chunks that the file uses of each xorb, packed (see ``xet.ChunkSet``).
    """
    known = find(tx, row.hash) is not None
    if known and damaged_xorb_of(tx, row.hash) is None:
        tx.sql.execute(sa.update(_T).where(_T.c.hash == row.hash).values(touched_ms=now_ms))
        return
    values = attrs.asdict(row) | {"created_ms": now_ms, "touched_ms": now_ms}
    insert_missing(tx.sql, _T, [values], refresh=("terms", "touched_ms"))
    tx.sql.execute(sa.delete(_U).where(_U.c.file == row.hash))
    insert_missing(tx.sql, _U, [{"file": row.hash, "xorb": xorb, "ranges": used} for xorb, used in xorbs.items()])


def claim(tx: Write, repo_id: int, claims: Sequence[Claim], user_id: int | None, now_ms: int) -> None:
    """Remember what was claimed about files for one repository; the first claim about a sha256 stands.

    Who claims the very same chunks later has shown a right to them, and becomes the claimer.
    """
    same = {"repo_id": repo_id, "user_id": user_id, "claimed_ms": now_ms}
    rows = [{"sha256": item.sha256, "file": item.file, "is_proven": item.is_proven, **same} for item in claims]
    insert_missing(tx.sql, _C, rows, refresh=("claimed_ms",))
    for item in claims:
        same_chunks = (_C.c.repo_id == repo_id) & (_C.c.sha256 == item.sha256) & (_C.c.file == item.file)
        tx.sql.execute(sa.update(_C).where(same_chunks).values(user_id=user_id))


def claimed(tx: Read, repo_id: int, sha256s: Sequence[Sha256], *, of_user: int | None = None) -> dict[Sha256, Claim]:
    """The claims of a repository about these sha256.

    Args:
        of_user: only those that this user made last; None stands for everybody.
    """
    found: dict[Sha256, Claim] = {}
    mine = sa.true() if of_user is None else _C.c.user_id == of_user
    for at in range(0, len(sha256s), _BATCH):
        query = (
            sa.select(_C.c.sha256, _C.c.file, _T.c.size, _C.c.is_proven)
            .join(_T, _T.c.hash == _C.c.file)
            .where((_C.c.repo_id == repo_id) & _C.c.sha256.in_(sha256s[at : at + _BATCH]) & mine)
        )
        found.update((row.sha256, Claim(*row)) for row in tx.sql.execute(query))
    return found


def link_claimed(tx: Write, repo_id: int, sha256s: Sequence[Sha256], pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use files on the basis of claims; existing links are unchanged."""
    found = claimed(tx, repo_id, sha256s)
    hashes = sorted({item.file for item in found.values()})
    kept: set[XetHash] = set()
    for at in range(0, len(hashes), _BATCH):
        # Until the links are there, a sweep must wait with these files, or has just deleted some.
        query = sa.select(_T.c.hash).where(_T.c.hash.in_(hashes[at : at + _BATCH])).order_by(_T.c.hash)
        kept.update(tx.sql.execute(query.with_for_update(read=True)).scalars())
    rows = [
        {
            "repo_id": repo_id,
            "sha256": item.sha256,
            "size": item.size,
            "uid": new_uid(),
            "path": None,
            "ref": None,
            "pusher_id": pusher_id,
            "linked_ms": now_ms,
            "xet_hash": item.file,
            "is_proven": item.is_proven,
        }
        for item in found.values()
        if item.file in kept
    ]
    insert_missing(tx.sql, _L, rows)


_REPO: sa.BindParameter[int] = sa.bindparam("repo")
_WANTED: sa.BindParameter[str] = sa.bindparam("wanted")
_IS_WRITER: sa.BindParameter[bool] = sa.bindparam("is_writer", type_=sa.Boolean)
_USER: sa.BindParameter[int | None] = sa.bindparam("user", type_=sa.BigInteger)
_IS_SHOWN = _L.c.path.is_not(None) | (_L.c.pusher_id == _USER) | _IS_WRITER
# Built once: making a statement costs more than running it on a page that is cached.
_READABLE = (
    sa.select(_L.c.sha256).where((_L.c.repo_id == _REPO) & (_L.c.xet_hash == _WANTED) & _IS_SHOWN).limit(1),
    sa.select(_L.c.sha256)
    .join(_F, _F.c.sha256 == _L.c.sha256)
    # A link that rests on a claim gives no right to the real file of that sha256.
    .where((_L.c.repo_id == _REPO) & _L.c.xet_hash.is_(None) & (_F.c.xet_hash == _WANTED) & _IS_SHOWN)
    .limit(1),
    sa.select(_C.c.sha256)
    .where((_C.c.repo_id == _REPO) & (_C.c.file == _WANTED) & ((_C.c.user_id == _USER) | _IS_WRITER))
    .limit(1),
)


def is_readable_in(tx: Read, repo_id: int, file: XetHash, *, user_id: int | None, is_writer: bool) -> bool:
    """Whether somebody may read a file in a repository: through a link, a verified file it links, or a fresh claim.

    Args:
        user_id: whose links and claims count although no commit names the file yet.
        is_writer: everybody's do.
    """
    names = {"repo": repo_id, "wanted": file, "user": user_id, "is_writer": is_writer}
    return any(tx.sql.execute(query, names).first() for query in _READABLE)


_DAMAGED = (
    sa.select(_U.c.xorb)
    .join(tables.xorbs, tables.xorbs.c.hash == _U.c.xorb)
    .where((_U.c.file == sa.bindparam("wanted")) & tables.xorbs.c.is_damaged.is_(True))
    .limit(1)
)


def damaged_xorb_of(tx: Read, file: XetHash) -> XetHash | None:
    """Return a xorb in quarantine that a file needs, or None."""
    return tx.sql.execute(_DAMAGED, {"wanted": file}).scalar()


def unverified(tx: Read, limit: int, *, skip: int = 0, repo_id: int | None = None) -> list[tuple[int, Sha256, XetHash]]:
    """Return (repository, sha256, file) of links that are based on an unverified claim, in a fixed order.

    A claim is excluded if other chunks are known to have its sha256.

    Args:
        skip: the number of links to skip at the beginning.
        repo_id: only links of this repository.
    """
    known = sa.exists().where((_F.c.sha256 == _L.c.sha256) & _F.c.xet_hash.is_not(None))
    query = (
        sa.select(_L.c.repo_id, _L.c.sha256, _L.c.xet_hash)
        .where(_L.c.xet_hash.is_not(None) & _L.c.is_false.is_(False) & ~known)
        .order_by(_L.c.repo_id, _L.c.sha256)
        .limit(limit)
        .offset(skip)
    )
    if repo_id is not None:
        query = query.where(_L.c.repo_id == repo_id)
    return [(row.repo_id, row.sha256, row.xet_hash) for row in tx.sql.execute(query)]


def repos_with_claims(tx: Read) -> list[int]:
    """Return the repositories that have links as :func:`unverified` returns them."""
    known = sa.exists().where((_F.c.sha256 == _L.c.sha256) & _F.c.xet_hash.is_not(None))
    here = _L.c.xet_hash.is_not(None) & _L.c.is_false.is_(False) & ~known
    return list(tx.sql.execute(sa.select(_L.c.repo_id).where(here).distinct().order_by(_L.c.repo_id)).scalars())


@attrs.frozen
class UnprovenLink:
    """A committed link based on a claim whose chunks its uploader had neither sent nor could read.

    If it is not known whether they had, the link counts as unproven.
    """

    uid: Uid
    repo_id: int
    sha256: Sha256
    file: XetHash
    path: RepoPath
    pusher_id: int | None


def unproven_links(tx: Read, *, after: str, limit: int) -> list[UnprovenLink]:
    """Return one page of the unproven links in the order of their ids; ``after`` is the last id seen, or ""."""
    columns = (_L.c.uid, _L.c.repo_id, _L.c.sha256, _L.c.xet_hash, _L.c.path, _L.c.pusher_id)
    rests = _L.c.xet_hash.is_not(None) & _L.c.is_proven.is_(False) & _L.c.path.is_not(None)
    query = sa.select(*columns).where(rests & (_L.c.uid > after)).order_by(_L.c.uid).limit(limit)
    return [UnprovenLink(*row) for row in tx.sql.execute(query)]


def hashes(tx: Read) -> list[XetHash]:
    """Return the hashes of all files."""
    return list(tx.sql.execute(sa.select(_T.c.hash)).scalars())


def xorbs_of(tx: Read, files: Sequence[XetHash]) -> set[XetHash]:
    """Return the xorbs that the given files need."""
    found: set[XetHash] = set()
    for at in range(0, len(files), _BATCH):
        found.update(tx.sql.execute(sa.select(_U.c.xorb).where(_U.c.file.in_(files[at : at + _BATCH]))).scalars())
    return found


def forget_claims(tx: Write, claimed_before_ms: int) -> int:
    """Delete old claims and return how many; links made from them keep their files alive."""
    return tx.sql.execute(sa.delete(_C).where(_C.c.claimed_ms < claimed_before_ms)).rowcount


def withdraw(tx: Write, repo_id: int, sha256s: Sequence[Sha256]) -> None:
    """Delete a repository's claims about files whose links it lost."""
    for at in range(0, len(sha256s), _BATCH):
        here = (_C.c.repo_id == repo_id) & _C.c.sha256.in_(sha256s[at : at + _BATCH])
        tx.sql.execute(sa.delete(_C).where(here))


def remove_unused(tx: Write, touched_before_ms: int) -> int:
    """Delete the files that no link, verified file or claim needs; return how many."""
    old = _is_free() & (_T.c.touched_ms < touched_before_ms)
    found = list(tx.sql.execute(sa.select(_T.c.hash).where(old).with_for_update()).scalars())
    gone: list[XetHash] = []
    for at in range(0, len(found), _BATCH):
        # The rows are locked now: looked at again, no link to them can have been missed.
        batch = list(tx.sql.execute(sa.select(_T.c.hash).where(_T.c.hash.in_(found[at : at + _BATCH]) & old)).scalars())
        gone += batch
        tx.sql.execute(sa.delete(_U).where(_U.c.file.in_(batch)))
        tx.sql.execute(sa.delete(_T).where(_T.c.hash.in_(batch)))
    return len(gone)


def _is_free() -> sa.ColumnElement[bool]:
    return (
        ~sa.exists().where(_L.c.xet_hash == _T.c.hash)
        & ~sa.exists().where(_F.c.xet_hash == _T.c.hash)
        & ~sa.exists().where(_C.c.file == _T.c.hash)
    )
