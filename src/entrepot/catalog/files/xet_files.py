"""Queries on files made of chunks, and on the claims of uploaders about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.files import file_links, linked_forms
from entrepot.catalog.files.file_links import REPO, LinkUser, best_first, is_shown
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.lists import bounded, slices
from entrepot.names import RepoPath, Sha256, Uid, XetFileId, XetHash

_T = file_tables.xet_files
_U = file_tables.xet_file_xorbs
_C = file_tables.xet_claims
_L = file_tables.file_links


_ID_BYTES = 20


@attrs.frozen
class XetFileRow:
    """A file as a sequence of chunk ranges; ``terms`` packs them (see ``xet.Term``).

    Uploads of the same content have one row if their chunks lie in the same
    xorbs, and otherwise one each: no response tells in which xorbs others sent it.
    """

    id: XetFileId
    hash: XetHash
    size: int
    terms: bytes = attrs.field(repr=False)

    @staticmethod
    def of(xet_hash: XetHash, size: int, terms: bytes) -> XetFileRow:
        """Return the row of a file with this Xet hash and these packed terms."""
        digest = hashlib.blake2b(bytes.fromhex(xet_hash) + terms, digest_size=_ID_BYTES)
        return XetFileRow(XetFileId(digest.hexdigest()), xet_hash, size, terms)


@attrs.frozen
class Claim:
    """An uploader's statement that a file has this sha256; valid in one repository only, until verified.

    ``is_proven``: the uploader could read or had sent every chunk of the file,
    whatever the setting ``dedup_scope`` allowed.
    """

    sha256: Sha256
    file: XetFileId
    hash: XetHash
    size: int
    is_proven: bool = False


_FIND = sa.select(_T.c.id, _T.c.hash, _T.c.size, _T.c.terms).where(_T.c.id == sa.bindparam("wanted"))


def find(tx: Read, file: XetFileId) -> XetFileRow | None:
    """Return one file, or None."""
    row = tx.sql.execute(_FIND, {"wanted": file}).first()
    return XetFileRow(*row) if row else None


_FIND_MANY = sa.select(_T.c.id, _T.c.hash, _T.c.size, _T.c.terms).where(
    _T.c.id.in_(sa.bindparam("wanted", expanding=True))
)


def find_many(tx: Read, wanted: Sequence[XetFileId]) -> dict[XetFileId, XetFileRow]:
    """Return those of the given files that exist."""
    found: dict[XetFileId, XetFileRow] = {}
    for batch in slices(wanted):
        rows = tx.sql.execute(_FIND_MANY, {"wanted": batch})
        found.update((row.id, XetFileRow(*row)) for row in rows)
    return found


def put(tx: Write, row: XetFileRow, xorbs: Mapping[XetHash, bytes], now_ms: int) -> None:
    """Record a file whose xorbs are stored; one that is recorded already is only touched.

    Args:
        xorbs: the chunks that the file uses of each xorb, packed (see ``xet.ChunkSet``).
    """
    put_many(tx, [(row, xorbs)], now_ms)


def put_many(tx: Write, rows: Sequence[tuple[XetFileRow, Mapping[XetHash, bytes]]], now_ms: int) -> None:
    """Store many files, as :func:`put` does one."""
    times = {"created_ms": now_ms, "touched_ms": now_ms}
    insert_missing(tx, _T, [attrs.asdict(row) | times for row, _ in rows], refresh=("touched_ms",))
    uses = [{"file": row.id, "xorb": xorb, "ranges": used} for row, xorbs in rows for xorb, used in xorbs.items()]
    insert_missing(tx, _U, uses)


def claim(tx: Write, repo_id: int, claims: Sequence[Claim], user_id: int, now_ms: int) -> None:
    """Remember what an account claims about files for one repository; its first claim about a sha256 stands."""
    same = {"repo_id": repo_id, "user_id": user_id, "claimed_ms": now_ms}
    rows = [{"sha256": item.sha256, "file": item.file, "is_proven": item.is_proven, **same} for item in claims]
    insert_missing(tx, _C, rows, refresh=("claimed_ms",))


_CLAIMED = (
    sa.select(_C.c.sha256, _C.c.file, _T.c.hash, _T.c.size, _C.c.is_proven)
    .join(_T, _T.c.id == _C.c.file)
    .where((_C.c.repo_id == sa.bindparam("repo")) & _C.c.sha256.in_(sa.bindparam("wanted", expanding=True)))
    .where(is_shown(_C.c.user_id))
    .order_by(*(column.desc() for column in best_first(_C.c.user_id)))
)


def claimed(tx: Read, repo_id: int, sha256s: Sequence[Sha256], user: LinkUser = REPO) -> dict[Sha256, Claim]:
    """Return the claims about the given sha256 values in a repository that serve a user, their own before others."""
    found: dict[Sha256, Claim] = {}
    for batch in slices(sha256s):
        names = {"repo": repo_id, "wanted": batch, **user.names()}
        found.update((row.sha256, Claim(*row)) for row in tx.sql.execute(_CLAIMED, names))  # the best is last
    return found


def link_claimed(tx: Write, repo_id: int, claims: Mapping[Sha256, Claim], pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use files on the basis of claims; existing links are unchanged."""
    files = sorted({item.file for item in claims.values()})
    kept: set[XetFileId] = set()
    for batch in slices(files):
        # Until the links are there, a sweep must wait with these files, or has just deleted some.
        query = sa.select(_T.c.id).where(_T.c.id.in_(batch)).order_by(_T.c.id)
        kept.update(tx.sql.execute(query.with_for_update(read=True)).scalars())
    forms = {
        sha256: LinkedForm(item.size, item.file, item.hash, is_proven=item.is_proven, is_verified=False)
        for sha256, item in claims.items()
        if item.file in kept
    }
    file_links.link_forms(tx, repo_id, forms, pusher_id, now_ms)


_REPO: sa.BindParameter[int] = sa.bindparam("repo")
_WANTED: sa.BindParameter[str] = sa.bindparam("wanted")
# Built once: making a statement costs more than running it on a page that is cached.
_READABLE = (
    sa.select(_L.c.xet_file)
    .where((_L.c.repo_id == _REPO) & (_L.c.xet_hash == _WANTED) & is_shown(_L.c.owner_id))
    .order_by(linked_forms.is_form_damaged(), *best_first(_L.c.owner_id))
    .limit(1),
    sa.select(_C.c.file)
    .where(_C.c.file.in_(sa.select(_T.c.id).where(_T.c.hash == _WANTED)))
    .where((_C.c.repo_id == _REPO) & is_shown(_C.c.user_id))
    .order_by(*best_first(_C.c.user_id))
    .limit(1),
)


def find_readable(tx: Read, repo_id: int, xet_hash: XetHash, user: LinkUser) -> XetFileId | None:
    """Return the file with this hash that a user may read in a repository: one that it links, or a fresh claim."""
    names = {"repo": repo_id, "wanted": xet_hash, **user.names()}
    for query in _READABLE:
        found: XetFileId | None = tx.sql.execute(query, names).scalar()
        if found is not None:
            return found
    return None


_DAMAGED = (
    sa.select(_U.c.xorb)
    .join(file_tables.xorbs, file_tables.xorbs.c.hash == _U.c.xorb)
    .where((_U.c.file == sa.bindparam("wanted")) & file_tables.xorbs.c.is_damaged.is_(True))
    .limit(1)
)


def damaged_xorb_of(tx: Read, file: XetFileId) -> XetHash | None:
    """Return a xorb in quarantine that a file needs, or None."""
    return tx.sql.execute(_DAMAGED, {"wanted": file}).scalar()


_DAMAGED_FILES = (
    sa.select(_U.c.file)
    .join(file_tables.xorbs, file_tables.xorbs.c.hash == _U.c.xorb)
    .where(_U.c.file.in_(sa.bindparam("wanted", expanding=True)) & file_tables.xorbs.c.is_damaged.is_(True))
    .distinct()
)


def damaged_files(tx: Read, wanted: Sequence[XetFileId]) -> set[XetFileId]:
    """Return those of the given files that need a xorb in quarantine."""
    found: set[XetFileId] = set()
    for batch in slices(wanted):
        found.update(tx.sql.execute(_DAMAGED_FILES, {"wanted": batch}).scalars())
    return found


@attrs.frozen
class UnverifiedClaim:
    """A claim that links of a repository are based on: that a file, of ``size`` bytes, has this sha256."""

    repo_id: int
    sha256: Sha256
    file: XetFileId
    size: int


_UNVERIFIED = _L.c.xet_file.is_not(None) & _L.c.is_false.is_(False) & _L.c.is_verified.is_(False)


def unverified(
    tx: Read, limit: int, *, after: UnverifiedClaim | None = None, repo_id: int | None = None
) -> list[UnverifiedClaim]:
    """Return a page of the unverified claims that links are based on, in a fixed order.

    Args:
        after: the last claim of the previous page.
        repo_id: only links of this repository.
    """
    query = _unverified(repo_id).order_by(_L.c.repo_id, _L.c.sha256, _L.c.xet_file).limit(limit)
    if after is not None:
        # First what the index finds: in one repository, SQLite uses no more of it for a comparison of pairs.
        sha256 = sa.literal(after.sha256, _L.c.sha256.type)
        is_beyond = sa.tuple_(_L.c.repo_id, _L.c.sha256) >= sa.tuple_(sa.literal(after.repo_id), sha256)
        is_same = (_L.c.repo_id == after.repo_id) & (_L.c.sha256 == sha256)
        query = query.where(is_beyond if repo_id is None else _L.c.sha256 >= sha256)
        query = query.where(~is_same | (_L.c.xet_file > after.file))
    return [UnverifiedClaim(*row) for row in tx.sql.execute(query)]


def unverified_bytes(tx: Read, repo_id: int | None = None) -> int:
    """Return the sum of the sizes that :func:`unverified` would return without a limit; it reads all these links."""
    found = _unverified(repo_id).subquery()
    return int(tx.sql.execute(sa.select(sa.func.coalesce(sa.func.sum(found.c.size), 0))).scalar_one())


def _unverified(repo_id: int | None) -> sa.Select[Any]:
    query = sa.select(_L.c.repo_id, _L.c.sha256, _L.c.xet_file, _L.c.size).where(_UNVERIFIED).distinct()
    return query if repo_id is None else query.where(_L.c.repo_id == repo_id)


def repos_with_claims(tx: Read) -> list[int]:
    """Return the repositories with links that :func:`unverified` would return."""
    query = sa.select(_L.c.repo_id).where(_UNVERIFIED).distinct().order_by(_L.c.repo_id)
    return list(tx.sql.execute(query).scalars())


@attrs.frozen
class UnprovenLink:
    """A committed link based on a claim whose chunks its uploader had neither sent nor could read.

    If it is not known whether they had, the link counts as unproven.
    """

    uid: Uid
    repo_id: int
    sha256: Sha256
    file: XetFileId
    path: RepoPath
    pusher_id: int | None


def unproven_links(tx: Read, *, after: str, limit: int) -> list[UnprovenLink]:
    """Return one page of the unproven links in the order of their ids; ``after`` is the last id seen, or ""."""
    columns = (_L.c.uid, _L.c.repo_id, _L.c.sha256, _L.c.xet_file, _L.c.path, _L.c.pusher_id)
    rests = _L.c.xet_file.is_not(None) & _L.c.is_proven.is_(False) & _L.c.path.is_not(None)
    query = sa.select(*columns).where(rests & (_L.c.uid > after)).order_by(_L.c.uid).limit(limit)
    return [UnprovenLink(*row) for row in tx.sql.execute(query)]


def ids(tx: Read) -> list[XetFileId]:
    """Return the ids of all files."""
    return list(tx.sql.execute(sa.select(_T.c.id)).scalars())


def xorbs_of(tx: Read, files: Sequence[XetFileId]) -> set[XetHash]:
    """Return the xorbs that the given files need."""
    found: set[XetHash] = set()
    for batch in slices(files):
        found.update(tx.sql.execute(sa.select(_U.c.xorb).where(_U.c.file.in_(batch))).scalars())
    return found


def forget_claims(tx: Write, claimed_before_ms: int) -> int:
    """Delete old claims and return how many; links made from them keep their files alive."""
    return tx.sql.execute(sa.delete(_C).where(_C.c.claimed_ms < claimed_before_ms)).rowcount


def withdraw(tx: Write, repo_id: int, sha256s: Sequence[Sha256]) -> None:
    """Delete a repository's claims about files whose links it lost."""
    for batch in slices(sha256s):
        here = (_C.c.repo_id == repo_id) & _C.c.sha256.in_(batch)
        tx.sql.execute(sa.delete(_C).where(here))


def remove_unused(tx: Write, touched_before_ms: int) -> int:
    """Delete the files that no link, claim or bucket needs; return how many."""
    uses = (_L.c.xet_file, _C.c.file, file_tables.bucket_files.c.file, file_tables.bucket_rights.c.file)
    is_free = sa.and_(*(~sa.exists().where(column == _T.c.id) for column in uses))
    old = is_free & (_T.c.touched_ms < touched_before_ms)
    found = list(tx.sql.execute(sa.select(_T.c.id).where(old).with_for_update()).scalars())
    gone: list[XetFileId] = []
    for batch in slices(found):
        # The rows are locked now: looked at again, no link to them can have been missed.
        free = bounded(list(tx.sql.execute(sa.select(_T.c.id).where(_T.c.id.in_(batch) & old)).scalars()))
        gone += free
        tx.sql.execute(sa.delete(_U).where(_U.c.file.in_(free)))
        tx.sql.execute(sa.delete(_T).where(_T.c.id.in_(free)))
    return len(gone)
