"""Queries on links: which repository may use which large file, and in which stored form.

A link that commits name has no owner (:data:`SHARED`) and serves everyone who
may read the repository. A file that no commit names yet has one link for each
account that uploaded it. Each link has its own form: the raw bytes, or the
chunks that were stored for this repository. So what a repository shows about a
file never derives from an upload to another one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.files import linked_forms
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.prepared import Prepared, PreparedForList
from entrepot.names import RefName, RepoPath, Sha256, Uid, XetFileId, XetHash, new_uid

_F = file_tables.files
_L = file_tables.file_links

SHARED = 0
"""The owner of links that commits name, and of no others."""

_NOBODY = -1


@attrs.frozen
class LinkUser:
    """An account that uses links of a repository; uploads that no commit names are for writers and their uploader."""

    user_id: int | None
    is_writer: bool

    def names(self) -> Mapping[str, Any]:
        """Return the parameters of :func:`is_shown`."""
        return {"user": self.user_id, "is_writer": self.is_writer}


READER = LinkUser(None, False)
"""A user of the links that commits name."""

REPO = LinkUser(None, True)
"""A user of all links of a repository."""


def is_shown(owner: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a link or claim with this owner serves a :class:`LinkUser`."""
    user = sa.bindparam("user", type_=sa.BigInteger)
    return (owner == SHARED) | (owner == user) | (sa.bindparam("is_writer", type_=sa.Boolean) == sa.true())


def best_first(owner: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    """Return the order of links or claims: what commits name, then the user's own, then those of others."""
    mine = owner == sa.bindparam("user", type_=sa.BigInteger)
    return [sa.case((owner == SHARED, 0), (mine, 1), else_=2), owner]


_REPO: sa.BindParameter[int] = sa.bindparam("repo")
_WANTED: sa.BindParameter[str] = sa.bindparam("wanted", expanding=True)
_HERE = (_L.c.repo_id == _REPO) & _L.c.sha256.in_(_WANTED)
# Statements are built once: building one costs more than running it on cached pages.
_KEPT = Prepared(
    sa.select(_L.c.size, _L.c.xet_file, _L.c.xet_hash, _F.c.is_raw, _F.c.is_damaged)
    .outerjoin(_F, _F.c.sha256 == _L.c.sha256)
    .where((_L.c.repo_id == _REPO) & (_L.c.sha256 == sa.bindparam("one")) & is_shown(_L.c.owner_id))
    .order_by(*best_first(_L.c.owner_id))
    .limit(1)
)
_XET_HASHES = (
    sa.select(_L.c.sha256, _L.c.xet_hash)
    .where(_HERE)
    .order_by(*(column.desc() for column in best_first(_L.c.owner_id)))
)
_USED_BYTES = PreparedForList(
    _L.c.repo_id,
    lambda wanted: (
        sa.select(_L.c.repo_id, sa.func.sum(_L.c.size)).where(wanted & _L.c.path.is_not(None)).group_by(_L.c.repo_id)
    ),
)
_USABLE = (
    sa.select(_L.c.sha256, _L.c.size)
    .where(_HERE & is_shown(_L.c.owner_id))
    .order_by(*(column.desc() for column in best_first(_L.c.owner_id)))
)
_STORED = PreparedForList(
    _F.c.sha256, lambda is_wanted: sa.select(_F.c.sha256, _F.c.size).where(is_wanted & _F.c.sweeping_ms.is_(None))
)
_COMMITTED = PreparedForList(
    _L.c.sha256,
    lambda wanted: sa.select(_L.c.sha256, _L.c.size).where(
        (_L.c.repo_id == _REPO) & wanted & (_L.c.owner_id == SHARED)
    ),
)
_RENEW = sa.update(_L).where(_HERE).values(touched_ms=sa.bindparam("now"))
_WAITING = (
    sa.select(_L.c.sha256, _L.c.owner_id)
    .where(_HERE & _L.c.path.is_(None))
    .order_by(*(column.desc() for column in best_first(_L.c.owner_id)))
)
_ONE = (_L.c.repo_id == _REPO) & (_L.c.sha256 == sa.bindparam("one"))
_NAME = (
    sa.update(_L)
    .where(_ONE & (_L.c.owner_id == sa.bindparam("from_owner")))
    .values(owner_id=SHARED, path=sa.bindparam("new_path"), ref=sa.bindparam("new_ref"), linked_ms=sa.bindparam("now"))
)
_FORM = ("size", "linked_ms", "xet_file", "xet_hash", "is_false", "is_verified", "is_proven")


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


@attrs.frozen
class StoredForm:
    """The stored form of a file for a repository: raw under its sha256, or as chunks.

    ``is_damaged``: the raw bytes are corrupt.
    """

    size: int
    is_raw: bool
    file: XetFileId | None
    xet_hash: XetHash | None
    is_damaged: bool = False


def usable(tx: Read, repo_id: int, sha256s: Sequence[Sha256], user: LinkUser = REPO) -> dict[Sha256, int]:
    """Return the sizes of those of the given files that a repository may use for this user."""
    found: dict[Sha256, int] = {}
    for batch in slices(sha256s):
        names = {"repo": repo_id, "wanted": batch, **user.names()}
        found.update((sha256, size) for sha256, size in tx.sql.execute(_USABLE, names))  # the best is last
    return found


def usable_by(tx: Read, repo_id: int, user: LinkUser) -> set[Sha256]:
    """Return all files that a repository may use for this user."""
    query = sa.select(_L.c.sha256).where((_L.c.repo_id == repo_id) & is_shown(_L.c.owner_id))
    return set(tx.sql.execute(query, user.names()).scalars())


def sizes_among(tx: Read, repo_id: int, sizes: Sequence[int]) -> set[int]:
    """Return those of the given sizes that files have which the repository may use, regardless of their uploaders."""
    found = set[int]()
    for batch in slices(sizes):
        query = sa.select(_L.c.size).distinct().where((_L.c.repo_id == repo_id) & _L.c.size.in_(bounded(batch)))
        found.update(tx.sql.execute(query).scalars())
    return found


def stored_form(tx: Read, repo_id: int, sha256: Sha256, user: LinkUser = REPO) -> StoredForm | None:
    """Return the stored form of a file for a repository that may use it, else None."""
    row = _KEPT.first(tx, {"repo": repo_id, "one": sha256, **user.names()})
    if row is None:
        return None
    size, file, xet_hash, is_raw, is_damaged = row
    reads_raw = file is None and bool(is_raw)
    return StoredForm(size, reads_raw, file, xet_hash, reads_raw and bool(is_damaged))


def xet_hashes(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> dict[Sha256, XetHash]:
    """Return the Xet hashes of those of the given files that commits name and the repository stores as chunks."""
    found: dict[Sha256, XetHash | None] = {}
    for batch in slices(sha256s):
        names = {"repo": repo_id, "wanted": batch, "user": None}
        found.update((row.sha256, row.xet_hash) for row in tx.sql.execute(_XET_HASHES, names))  # the best is last
    return {sha256: xet_hash for sha256, xet_hash in found.items() if xet_hash is not None}


def sha256_of(tx: Read, repo_id: int, xet_hash: XetHash) -> Sha256 | None:
    """Return the SHA-256 of a file that a repository stores as chunks; None if it has none with this hash."""
    found = sa.select(_L.c.sha256).where((_L.c.repo_id == repo_id) & (_L.c.xet_hash == xet_hash)).limit(1)
    sha256: Sha256 | None = tx.sql.execute(found).scalar()
    return sha256


def link(tx: Write, repo_id: int, sha256s: Sequence[Sha256], pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use the given raw files that are stored.

    A file that no commit names yet is linked for the pusher: besides those who may write to
    the repository, only its uploaders may commit it.

    Call this only if the pusher has proven a right to them: by uploading their
    bytes, or by access to a repository that has them.
    """
    stored = {row.sha256: LinkedForm(row.size) for row in _STORED.all(tx, sha256s)}
    link_forms(tx, repo_id, stored, pusher_id, now_ms)


def link_forms(tx: Write, repo_id: int, forms: Mapping[Sha256, LinkedForm], pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use files in the given forms; see :func:`link`.

    Links that commits name keep their form, unless it is damaged; the pusher's own
    uploads keep theirs, unless the new one is verified. The caller must have checked
    the right to the form, and that it is stored.
    """
    owner = _NOBODY if pusher_id is None else pusher_id
    wanted = list(forms)
    for batch in slices(wanted):
        _replace_damaged(tx, repo_id, {sha256: forms[sha256] for sha256 in batch})
        named = {row.sha256 for row in _COMMITTED.all(tx, batch, {"repo": repo_id})}
        fresh = [sha256 for sha256 in batch if sha256 not in named]
        for is_verified in (False, True):
            rows = [
                _values(repo_id, sha256, forms[sha256], pusher_id, now_ms) | {"owner_id": owner}
                for sha256 in fresh
                if forms[sha256].is_verified is is_verified
            ]
            insert_missing(tx, _L, rows, refresh=_FORM if is_verified else ())


def renew(tx: Write, repo_id: int, sha256s: Sequence[Sha256], now_ms: int) -> None:
    """Restart the grace period of links that a caller is about to use."""
    for batch in slices(sha256s):
        tx.sql.execute(_RENEW, {"repo": repo_id, "wanted": batch, "now": now_ms})


def name_links(
    tx: Write,
    repo_id: int,
    named: Sequence[tuple[Sha256, RepoPath]],
    ref: RefName,
    now_ms: int,
    *,
    pusher_id: int | None = None,
) -> None:
    """Record the path at which a commit uses each linked file, and the time of that use.

    Uploads of these files become one link of the repository, the pusher's if there is one.
    """
    paths = dict(named)
    wanted = list(paths)
    for batch in slices(wanted):
        here = {"repo": repo_id, "wanted": batch}
        owners = {row.sha256: row.owner_id for row in tx.sql.execute(_WAITING, here | {"user": pusher_id})}
        before = _committed_bytes(tx, repo_id, batch)
        owners |= dict.fromkeys(before, SHARED)
        same = {"repo": repo_id, "new_ref": ref, "now": now_ms}
        rows = [
            same | {"one": sha256, "new_path": paths[sha256], "from_owner": owners.get(sha256, SHARED)}
            for sha256 in batch
        ]
        tx.sql.execute(_NAME, rows)
        if any(owner != SHARED for owner in owners.values()):
            tx.sql.execute(sa.delete(_L).where(_HERE & _L.c.path.is_(None)), here)
        if len(before) < len(batch):
            _resize(tx, repo_id, before, _committed_bytes(tx, repo_id, batch))


def copy_links(tx: Write, source_id: int, target_id: int, pusher_id: int | None, now_ms: int) -> None:
    """Allow a repository to use every committed file of another one, except unverified claims."""
    columns = (_L.c.sha256, _L.c.size, _L.c.xet_file, _L.c.xet_hash, _L.c.is_proven, _L.c.is_verified)
    query = sa.select(*columns, _L.c.path, _L.c.ref).where(
        (_L.c.repo_id == source_id) & _L.c.path.is_not(None) & linked_forms.is_proven()
    )
    rows = [
        _values(target_id, row.sha256, LinkedForm(*row[1:6]), pusher_id, now_ms)
        | {"owner_id": SHARED, "path": row.path, "ref": row.ref}
        for row in tx.sql.execute(query)
    ]
    wanted = [row["sha256"] for row in rows]
    before = _committed_bytes(tx, target_id, wanted)
    insert_missing(tx, _L, rows)
    _resize(tx, target_id, before, _committed_bytes(tx, target_id, wanted))


def committed_links(tx: Read, repo_id: int, *, after: str | None, limit: int) -> list[Link]:
    """Return one page of the files that commits of a repository refer to, in the order of their ids."""
    query = _links().where((_L.c.repo_id == repo_id) & _L.c.path.is_not(None)).order_by(_L.c.uid).limit(limit)
    if after is not None:
        query = query.where(_L.c.uid > after)
    return [Link(*row) for row in tx.sql.execute(query)]


def links_by_uid(tx: Read, repo_id: int, uids: Sequence[str]) -> list[Link]:
    """Return the links with these ids."""
    rows = tx.sql.execute(_links().where((_L.c.repo_id == repo_id) & _L.c.uid.in_(bounded(uids))))
    return [Link(*row) for row in rows]


def link_of(tx: Read, repo_id: int, sha256: Sha256) -> Link | None:
    """Return the link of one file in a repository, that of its commits if there is one; or None."""
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256)
    row = tx.sql.execute(_links().where(here).order_by(_L.c.owner_id)).first()
    return Link(*row) if row else None


def unlink(tx: Write, repo_id: int, sha256s: Sequence[Sha256]) -> None:
    """Delete a repository's links to files; the bytes are deleted after the last link and the grace period."""
    for batch in slices(sha256s):
        here = (_L.c.repo_id == repo_id) & _L.c.sha256.in_(batch)
        before = _committed_bytes(tx, repo_id, batch)
        tx.sql.execute(sa.delete(_L).where(here))
        _resize(tx, repo_id, before, {})


def unlink_unused(tx: Write, repo_id: int, sha256s: Sequence[Sha256], linked_before_ms: int) -> None:
    """Delete a repository's links to files, unless they were linked, named or touched meanwhile."""
    fresh = sa.exists().where((_F.c.sha256 == _L.c.sha256) & (_F.c.touched_ms >= linked_before_ms))
    for batch in slices(sha256s):
        here = (_L.c.repo_id == repo_id) & _L.c.sha256.in_(batch)
        here &= (_L.c.linked_ms < linked_before_ms) & (_L.c.touched_ms < linked_before_ms)
        before = _committed_bytes(tx, repo_id, batch)
        tx.sql.execute(sa.delete(_L).where(here & ~fresh))
        _resize(tx, repo_id, before, _committed_bytes(tx, repo_id, batch))


def unlink_lost(tx: Write, repo_id: int, sha256: Sha256) -> None:
    """Delete the uploads of a file to a repository whose raw bytes were deleted while they were recorded."""
    here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256)
    tx.sql.execute(sa.delete(_L).where(here & _L.c.path.is_(None) & _L.c.xet_file.is_(None)))


def linked(tx: Read, repo_id: int) -> dict[Sha256, int]:
    """Return when each file of a repository was last linked or touched (ms)."""
    latest = sa.case((_L.c.linked_ms > _L.c.touched_ms, _L.c.linked_ms), else_=_L.c.touched_ms)
    query = sa.select(_L.c.sha256, sa.func.max(latest)).where(_L.c.repo_id == repo_id).group_by(_L.c.sha256)
    return {row[0]: row[1] for row in tx.sql.execute(query)}


def by_xet_hash(tx: Read, repo_id: int, hashes: Sequence[XetHash]) -> dict[XetHash, tuple[XetFileId, int]]:
    """Return chunks and size of the given contents that commits of a repository name, without false claims."""
    found: dict[XetHash, tuple[XetFileId, int]] = {}
    for batch in slices(hashes):
        here = (_L.c.repo_id == repo_id) & _L.c.xet_hash.in_(batch) & _L.c.path.is_not(None)
        query = sa.select(_L.c.xet_hash, _L.c.xet_file, _L.c.size).where(here & _L.c.is_false.is_(False))
        found.update((row.xet_hash, (row.xet_file, row.size)) for row in tx.sql.execute(query))
    return found


def used_bytes(tx: Read, repo_ids: Sequence[int]) -> dict[int, int]:
    """Return the bytes of the large files that commits of each repository refer to."""
    return {repo_id: int(size) for repo_id, size in _USED_BYTES.all(tx, repo_ids)}


def _committed_bytes(tx: Read, repo_id: int, sha256s: Sequence[Sha256]) -> dict[Sha256, int]:
    """Return the sizes of those of some files that commits of a repository name."""
    return {row.sha256: row.size for row in _COMMITTED.all(tx, sha256s, {"repo": repo_id})}


def _resize(tx: Write, repo_id: int, before: Mapping[Sha256, int], after: Mapping[Sha256, int]) -> None:
    """Change the size in the row of a repository by what its committed files have grown or shrunk."""
    change = sum(after.values()) - sum(before.values())
    if change:
        repos = tables.repos
        tx.sql.execute(sa.update(repos).where(repos.c.id == repo_id).values(size=repos.c.size + change))


def _replace_damaged(tx: Write, repo_id: int, forms: dict[Sha256, LinkedForm]) -> None:
    """Give the new forms to links whose chunks are damaged; only verified content may replace what was verified."""
    for sha256 in {row.sha256 for row in _damaged_here().all(tx, list(forms), {"repo": repo_id})}:
        form = forms[sha256]
        if not form.is_verified:
            continue
        values = {"xet_file": form.file, "xet_hash": form.hash, "is_false": False}
        values |= {"is_verified": form.file is not None, "is_proven": form.file is not None and form.is_proven}
        here = (_L.c.repo_id == repo_id) & (_L.c.sha256 == sha256) & linked_forms.is_form_damaged()
        tx.sql.execute(sa.update(_L).where(here).values(values))


@functools.cache
def _damaged_here() -> PreparedForList:
    return PreparedForList(
        _L.c.sha256,
        lambda wanted: sa.select(_L.c.sha256).where((_L.c.repo_id == _REPO) & wanted & linked_forms.is_form_damaged()),
    )


def _values(repo_id: int, sha256: Sha256, form: LinkedForm, pusher_id: int | None, now_ms: int) -> dict[str, Any]:
    return {
        "repo_id": repo_id,
        "sha256": sha256,
        "size": form.size,
        "uid": new_uid(),
        "path": None,
        "ref": None,
        "pusher_id": pusher_id,
        "linked_ms": now_ms,
        "xet_file": form.file,
        "xet_hash": form.hash,
        "is_false": False,
        "is_proven": form.file is not None and form.is_proven,
        "is_verified": form.file is not None and form.is_verified,
    }


def _links() -> sa.Select[Any]:
    names = ("uid", "sha256", "size", "path", "ref", "pusher_id", "linked_ms")
    return sa.select(*(_L.c[name] for name in names))
