"""Find a folder and check what the caller may do with it.

A caller has one of three permissions in a folder: ``own`` (its owner, or an
administrator of the organisation that owns it), ``edit`` and ``view``. For callers
without any, a folder does not exist. Source: docs/folders.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import NotAllowed, RepoMoved, ThingNotFound
from entrepot.hub import access, roles, scopes
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_change
from entrepot.names import RepoType, folder_namespace

OWN, EDIT, VIEW = "own", "edit", "view"

KINDS = (RepoType.MODEL, RepoType.DATASET)
"""The types of repositories that are kept in folders."""


def visible(tx: Read, caller: MaybeCaller, kind: RepoType, owner: str, name: str) -> FolderRow:
    """Return the folder if the caller may see it.

    Raises:
        RepoMoved: it has a new name, and the caller may see it.
        ThingNotFound: it does not exist, or is not visible to the caller.
    """
    wanted = folder_namespace(owner, name)
    asked = roles.grant_lookups(caller)
    found = folders.find(tx, kind, wanted) if kind in KINDS else None
    if found is not None and may_see(tx, caller, found):
        return found
    # Also for a hidden one: with the same lookups, it takes as long to refuse as one that does not exist.
    moved = folders.find_moved(tx, kind, wanted)
    if found is None and moved is not None and may_see(tx, caller, moved):
        raise RepoMoved(f"{owner}/{name}", f"{moved.owner}/{moved.name}")
    roles.match_lookups(tx, caller, kind, asked)
    raise not_found(kind, owner, name)


def editable(tx: Read, caller: MaybeCaller, kind: RepoType, owner: str, name: str) -> tuple[FolderRow, Caller]:
    """Return the folder if the caller may change its labels and description.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or lacks the right.
        RepoMoved, ThingNotFound: as :func:`visible`.
    """
    return _changeable(tx, caller, visible(tx, require_change(caller), kind, owner, name), EDIT)


def owned(tx: Read, caller: MaybeCaller, kind: RepoType, owner: str, name: str) -> tuple[FolderRow, Caller]:
    """Return the folder if the caller may share, rename and delete it.

    Raises:
        LoginRequired, NotAllowed, RepoMoved, ThingNotFound: as :func:`editable`.
    """
    return _changeable(tx, caller, visible(tx, require_change(caller), kind, owner, name), OWN)


def maker_of(tx: Read, caller: MaybeCaller, owner: str) -> tuple[Account, Caller]:
    """Return an account if the caller may make folders for it.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: it does not exist, or the caller's role or token is not sufficient.
    """
    known = require_change(caller)
    account = accounts.find(tx, owner)
    role = known.own_role(account.id) if account is not None and account.parent_id is None else None
    refusal = f'You don\'t have the rights to create a folder for "{owner}"'
    if account is None or role is None:
        raise NotAllowed(refusal)
    if role < Role.WRITE:
        raise NotAllowed(f"{refusal}: your role there is '{role.name.lower()}', 'write' is needed")
    if not known.permits(scopes.WRITE, account.id):
        raise NotAllowed(f"{refusal}: this token lacks the permission '{scopes.WRITE}' for it")
    return account, known


def may_see(tx: Read, caller: MaybeCaller, folder: FolderRow) -> bool:
    """Return whether the caller may know that a folder exists."""
    if folder.is_public:
        return True
    if caller is None or roles.folder_role(tx, caller, folder) is None:
        return False
    if caller.limits is None:
        return True
    return bool(caller.limits.in_folder(folder.owner_id, (folder.namespace_id, folder.type)) & scopes.ON_REPOS)


def permission(tx: Read, caller: MaybeCaller, folder: FolderRow) -> str:
    """Return the permission of a caller, who may see the folder: ``own``, ``edit`` or ``view``."""
    return permission_of(None if caller is None else roles.folder_role(tx, caller, folder))


def permission_of(role: Role | None) -> str:
    """Return the permission that a role gives, of a caller who may see the folder."""
    if role is None or role < Role.WRITE:
        return VIEW
    return EDIT if role is Role.WRITE else OWN


def permission_on(tx: Read, caller: MaybeCaller, row: RepoRow) -> str:
    """Return the permission of a caller on a repository that they may see: ``own``, ``edit`` or ``view``."""
    if caller is None:
        return VIEW
    if caller.own_role(row.namespace_id, row.parent_id) is Role.ADMIN:
        return OWN
    return EDIT if roles.has_write_role(tx, caller, row) else VIEW


def load(tx: Read, caller: MaybeCaller, found: Iterable[FolderRow]) -> None:
    """Look up the grants that decide about these folders, with one query."""
    if caller is not None:
        roles.load_places(tx, caller, {(row.namespace_id, row.owner_id, row.type) for row in found})


def not_found(kind: RepoType, owner: str, name: str) -> ThingNotFound:
    """Return the error for a folder that does not exist, or is not visible."""
    return ThingNotFound(f"{kind.value} folder", folder_namespace(owner, name))


def _changeable(tx: Read, caller: MaybeCaller, folder: FolderRow, needed: str) -> tuple[FolderRow, Caller]:
    known = require_change(caller)
    if not access.permits_in(known, scopes.WRITE, folder):
        raise NotAllowed(f"This token lacks the permission '{scopes.WRITE}' for the folder {folder.namespace}")
    has = permission(tx, known, folder)
    if has != OWN and has != needed:
        raise NotAllowed(f"You may {has} the folder {folder.namespace}; '{needed}' is needed")
    return folder, known
