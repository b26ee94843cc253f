"""Queries on folders: rows, lists, redirects of former names, and their namespaces.

A folder has a type, and the repositories of this type in a namespace of kind
``folder``. Folders of both types with one name share the namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import MAX_VALUES, bounded
from entrepot.catalog.repos import marks, name_parts, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.names import RepoId, RepoRef, RepoType, Uid, new_uid

EVERYONE = 0
"""The subject of a grant to everyone."""

KIND = "folder"
"""The kind of the namespaces of folders."""


@attrs.frozen
class FolderRow:
    """One folder; ``namespace`` is ``owner.name``, ``editor`` the name of the account that changed it last."""

    id: int
    uid: Uid
    namespace_id: int
    type: RepoType
    labels: Sequence[str]
    description: str
    editor_id: int | None
    created_ms: int
    updated_ms: int
    namespace: str
    owner_id: int
    editor: str | None
    is_public: bool

    @property
    def owner(self) -> str:
        """The name of the account that owns the folder."""
        return self.namespace.partition(".")[0]

    @property
    def name(self) -> str:
        """The name below the owner."""
        return self.namespace.partition(".")[2]


_F = tables.folders
_G = tables.folder_grants
_D = tables.folder_redirects
_R = tables.repos
_N = tables.namespaces
_E = sa.alias(_N, "editor")
_IS_PUBLIC = sa.exists().where((_G.c.folder_id == _F.c.id) & (_G.c.subject_id == EVERYONE))
_SELECT = (
    sa.select(
        *(_F.c[name] for name in ("id", "uid", "namespace_id", "type", "labels", "description", "editor_id")),
        _F.c.created_ms,
        _F.c.updated_ms,
        _N.c.name,
        _N.c.parent_id,
        _E.c.name,
        _IS_PUBLIC,
    )
    .join(_N, _N.c.id == _F.c.namespace_id)
    .outerjoin(_E, _E.c.id == _F.c.editor_id)
)
_IS_TYPE = _F.c.type == sa.bindparam("kind")
# Statements are built once: building one costs more than running it on cached pages.
_FIND = _SELECT.where(_IS_TYPE & (_N.c.name_key == sa.bindparam("called")))
_AT = _SELECT.where(_IS_TYPE & (_F.c.namespace_id == sa.bindparam("place")))
_MOVED = _SELECT.join(_D, _D.c.folder_id == _F.c.id).where(
    (_D.c.type == sa.bindparam("kind")) & (_D.c.name_key == sa.bindparam("called"))
)


def find(tx: Read, kind: RepoType, namespace: str) -> FolderRow | None:
    """Return the folder of this type with the namespace ``owner.name``, ignoring case, or None."""
    row = tx.sql.execute(_FIND, {"kind": kind.value, "called": namespace.lower()}).first()
    return _row_of(row) if row else None


def at(tx: Read, kind: RepoType, namespace_id: int) -> FolderRow | None:
    """Return the folder of this type with this namespace, or None."""
    row = tx.sql.execute(_AT, {"kind": kind.value, "place": namespace_id}).first()
    return _row_of(row) if row else None


def by_uids(tx: Read, uids: Sequence[str]) -> list[FolderRow]:
    """Return the folders with these permanent ids, in no particular order."""
    return [_row_of(row) for row in tx.sql.execute(_SELECT.where(_F.c.uid.in_(bounded(uids))))] if uids else []


def find_moved(tx: Read, kind: RepoType, namespace: str) -> FolderRow | None:
    """Return the folder that used to have this namespace, or None."""
    row = tx.sql.execute(_MOVED, {"kind": kind.value, "called": namespace.lower()}).first()
    return _row_of(row) if row else None


def find_moved_repo(tx: Read, ref: RepoRef) -> RepoRow | None:
    """Return the repository that had this id while its folder had another name, or None."""
    if "." not in ref.id.namespace:
        return None
    folder = find_moved(tx, ref.type, ref.id.namespace)
    # Always with the same lookups: the time does not tell that a hidden folder had this name.
    there = ref if folder is None else RepoRef(ref.type, RepoId(folder.namespace, ref.id.name))
    found, redirected = repositories.find(tx, there), repositories.find_redirect(tx, there)
    return None if folder is None else found or redirected


def of_owner(tx: Read, owner_id: int) -> list[FolderRow]:
    """Return all folders of an account, by name and type."""
    query = _SELECT.where(_N.c.parent_id == owner_id).order_by(_N.c.name_key, _F.c.type)
    return [_row_of(row) for row in tx.sql.execute(query)]


def count_of(tx: Read, owner_id: int) -> int:
    """Return the number of folders of an account."""
    query = sa.select(sa.func.count()).select_from(_F).join(_N, _N.c.id == _F.c.namespace_id)
    return tx.sql.execute(query.where(_N.c.parent_id == owner_id)).scalar_one()


@attrs.frozen
class FolderFilter:
    """Conditions of a list of folders of one type; all given ones must hold.

    ``owner_id``: the account that owns them; ``not_of``: an account that does
    not; ``granted_to``: one of these accounts has a grant, or with
    ``with_public`` everyone; ``within``: it is public, or one of these accounts
    and folders.
    """

    type: RepoType
    owner_id: int | None = None
    not_of: int | None = None
    granted_to: frozenset[int] | None = None
    with_public: bool = False
    within: Visibility | None = None


def search(tx: Read, wanted: FolderFilter, *, after: str = "", limit: int) -> list[FolderRow]:
    """Return one page of folders by namespace; ``after`` is the namespace of the last one of the previous page."""
    query = _SELECT.where((_F.c.type == wanted.type.value) & (_N.c.name_key > after.lower()))
    if wanted.owner_id is not None:
        query = query.where(_N.c.parent_id == wanted.owner_id)
    if wanted.not_of is not None:
        query = query.where(_N.c.parent_id != wanted.not_of)
    if wanted.granted_to is not None:
        subjects = sorted(wanted.granted_to) + ([EVERYONE] if wanted.with_public else [])
        query = query.where(_F.c.id.in_(sa.select(_G.c.folder_id).where(_G.c.subject_id.in_(bounded(subjects)))))
    if wanted.within is not None:
        named = _N.c.parent_id.in_(bounded(wanted.within.namespaces, MAX_VALUES // 2)) | _F.c.id.in_(
            bounded(wanted.within.folders, MAX_VALUES // 2)
        )
        query = query.where(named | _IS_PUBLIC)
    return [_row_of(row) for row in tx.sql.execute(query.order_by(_N.c.name_key).limit(limit))]


def add(tx: Write, kind: RepoType, namespace_id: int, editor_id: int, now_ms: int) -> None:
    """Insert an empty folder; the caller has checked in this transaction that the namespace has none of this type."""
    values = {"uid": new_uid(), "namespace_id": namespace_id, "type": kind.value, "labels": [], "description": ""}
    tx.sql.execute(sa.insert(_F).values(**values, editor_id=editor_id, created_ms=now_ms, updated_ms=now_ms))


def update(tx: Write, folder_id: int, **values: object) -> None:
    """Set columns of a folder."""
    tx.sql.execute(sa.update(_F).where(_F.c.id == folder_id).values(**values))


def remove(tx: Write, folder: FolderRow) -> None:
    """Delete a folder with its grants and the redirects to it; its repositories must have been deleted before."""
    for table in (_G, _D):
        tx.sql.execute(sa.delete(table).where(table.c.folder_id == folder.id))
    tx.sql.execute(sa.delete(_F).where(_F.c.id == folder.id))
    _retire(tx, folder.namespace_id)


def move(tx: Write, folder: FolderRow, namespace_id: int, namespace: str) -> None:
    """Move a folder with all its repositories into another namespace, and redirect its former name.

    The number of statements is a constant, and some for each hundreds of repositories.

    Args:
        namespace: the name of the other namespace, which has no folder of this type.
    """
    kind = folder.type.value
    here = (_R.c.namespace_id == folder.namespace_id) & (_R.c.type == kind)
    drop_redirect(tx, folder.type, namespace)
    drop_redirect(tx, folder.type, folder.namespace)
    # A repository of this folder takes the id; what redirected from there ends, as when a repository is created.
    redirects = tables.redirects
    taken = sa.select(sa.literal(f"{namespace.lower()}/") + _R.c.name_key).where(here & _R.c.deleted_ms.is_(None))
    tx.sql.execute(sa.delete(redirects).where((redirects.c.type == kind) & redirects.c.path_key.in_(taken)))
    name_parts.remove_repos(tx, here & _R.c.deleted_ms.is_(None))
    tx.sql.execute(sa.update(_R).where(here).values(namespace_id=namespace_id))
    moved = (_R.c.namespace_id == namespace_id) & (_R.c.type == kind) & _R.c.deleted_ms.is_(None)
    name_parts.put_repos(tx, moved)
    marks.renew(tx, moved)
    update(tx, folder.id, namespace_id=namespace_id)
    if namespace.lower() != folder.namespace.lower():
        values = {"type": kind, "name_key": folder.namespace.lower(), "folder_id": folder.id}
        tx.sql.execute(sa.insert(_D).values(**values))
        _retire(tx, folder.namespace_id)


def respell(tx: Write, namespace_id: int, namespace: str) -> None:
    """Change the case of a namespace's name, for its folders of both types."""
    tx.sql.execute(sa.update(_N).where(_N.c.id == namespace_id).values(name=namespace, fullname=namespace))


def drop_redirect(tx: Write, kind: RepoType, namespace: str) -> None:
    """Delete the redirect of folders from this namespace."""
    tx.sql.execute(sa.delete(_D).where((_D.c.type == kind.value) & (_D.c.name_key == namespace.lower())))


def set_visibility(tx: Write, folder: FolderRow, visibility: str) -> None:
    """Set the visibility of the repositories of a folder that follow it."""
    here = (_R.c.namespace_id == folder.namespace_id) & (_R.c.type == folder.type.value) & _R.c.deleted_ms.is_(None)
    tx.sql.execute(sa.update(_R).where(here & _R.c.follows.is_(True)).values(visibility=visibility))


def astray(tx: Read) -> list[tuple[RepoRow, bool]]:
    """Return repositories that disagree with their folder, and whether they have one; for checks of the catalog.

    Every repository of a folder's namespace has a folder of its type, and one
    that follows it has the visibility that the grants give.
    """
    here = (_F.c.namespace_id == _R.c.namespace_id) & (_F.c.type == _R.c.type)
    public = sa.exists().where(here & (_G.c.folder_id == _F.c.id) & (_G.c.subject_id == EVERYONE))
    has_folder = sa.exists().where(here)
    other = sa.or_(public & (_R.c.visibility != "public"), ~public & (_R.c.visibility == "public"))
    wrong = ((_N.c.kind == KIND) & ~has_folder) | (_R.c.follows.is_(True) & (other | (_N.c.kind != KIND)))
    query = sa.select(_R.c.id, has_folder).join(_N, _N.c.id == _R.c.namespace_id)
    found = {row[0]: bool(row[1]) for row in tx.sql.execute(query.where(_R.c.deleted_ms.is_(None) & wrong))}
    rows = repositories.by_ids(tx, sorted(found))
    return [(rows[repo_id], found[repo_id]) for repo_id in sorted(rows)]


def sweep(tx: Write) -> int:
    """Delete the namespaces of folders that have neither a folder nor a repository left; return how many."""
    used = sa.exists().where(_F.c.namespace_id == _N.c.id) | sa.exists().where(_R.c.namespace_id == _N.c.id)
    return tx.sql.execute(sa.delete(_N).where((_N.c.kind == KIND) & ~used)).rowcount


def _retire(tx: Write, namespace_id: int) -> None:
    """Free the name of a namespace that has no folder left; the sweeper deletes it after its last repository."""
    if tx.sql.execute(sa.select(_F.c.id).where(_F.c.namespace_id == namespace_id).limit(1)).first() is None:
        gone = sa.literal("~") + _N.c.uid
        tx.sql.execute(sa.update(_N).where(_N.c.id == namespace_id).values(name_key=gone))


def _row_of(row: Sequence[Any]) -> FolderRow:
    values = list(row)
    values[3], values[-1] = RepoType(row[3]), bool(row[-1])
    return FolderRow(*values)
