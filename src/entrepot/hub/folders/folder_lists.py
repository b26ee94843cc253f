"""Use cases that list folders, and the repositories of one. Source: docs/folders.md."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.folders import FolderFilter, FolderRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import AccountNotFound, InvalidName
from entrepot.hub import folder_access, roles
from entrepot.hub.callers import MaybeCaller, require_login, seen_by
from entrepot.hub.context import HubContext
from entrepot.hub.folders.folders import FolderId, KnownFolder, check_type
from entrepot.names import RepoType, folder_namespace

LOOSE = "~"
"""Stands for the repositories of an account that are in no folder."""

OWN, SHARED, PUBLIC = "own", "shared", "public"
SCOPES = (OWN, SHARED, PUBLIC)


@attrs.frozen
class FolderQuery:
    """A query for folders; ``scope`` is ignored if ``owner`` is given."""

    type: RepoType
    scope: str = OWN
    owner: str | None = None


@attrs.frozen
class FolderPage:
    """A part of a list of folders; ``after``: the start of the next page, None at the end."""

    items: Sequence[KnownFolder]
    after: str | None


@attrs.frozen
class KnownRepo:
    """A repository of a folder, with the caller's permission on it, and the name of its creator."""

    row: RepoRow
    permission: str
    editor: str | None


@attrs.frozen
class RepoPage:
    """A part of the repositories of a folder; ``after``: the start of the next page, None at the end."""

    items: Sequence[KnownRepo]
    after: str | None


def list_folders(
    hub: HubContext, caller: MaybeCaller, query: FolderQuery, *, after: str = "", limit: int = 1000
) -> FolderPage:
    """Return one page of the folders that the caller may see, by owner and name.

    A page may be shorter than ``limit`` although others follow.

    Raises:
        LoginRequired: the caller is anonymous, and the scope is not ``public``.
        InvalidName: the type or the scope is unknown.
        AccountNotFound: the owner does not exist, or the caller sees none of its folders and is no member.
    """
    check_type(query.type)
    if query.scope not in SCOPES:
        raise InvalidName("scope", query.scope, f"expected one of {', '.join(SCOPES)}")
    with hub.read() as tx:
        wanted = _of_scope(caller, query) if query.owner is None else _of_owner(tx, caller, query.type, query.owner)
        if caller is not None and caller.limits is not None:
            # In the query: the name of the last folder of a page is in the cursor.
            wanted = attrs.evolve(wanted, within=caller.limits.visibility)
        found = folders.search(tx, wanted, after=after, limit=limit + 1)
        page = found[:limit]
        folder_access.load(tx, caller, page)
        seen = [row for row in page if folder_access.may_see(tx, caller, row)]
        if query.owner is not None and not after and not seen and wanted.granted_to is not None:
            raise AccountNotFound(query.owner)
        items = [KnownFolder(row, folder_access.permission(tx, caller, row)) for row in seen]
    return FolderPage(items, page[-1].namespace if len(found) > limit else None)


def list_repos(
    hub: HubContext, caller: MaybeCaller, wanted: FolderId, *, after: str = "", limit: int = 1000
) -> RepoPage:
    """Return one page of the repositories of a folder that the caller may see, by name.

    Raises:
        RepoMoved, ThingNotFound: as :func:`entrepot.hub.folder_access.visible`.
    """
    with hub.read() as tx:
        namespace_id = _namespace_of(tx, caller, wanted)
        found = repos.page_of(tx, namespace_id, wanted.type, seen_by(caller), after=after, limit=limit + 1)
        page = found[:limit]
        roles.load_grants(tx, caller, page)
        makers = accounts.by_ids(tx, sorted({row.creator_id for row in page if row.creator_id is not None}))
        items = [KnownRepo(row, folder_access.permission_on(tx, caller, row), _name_of(makers, row)) for row in page]
    return RepoPage(items, page[-1].name if len(found) > limit else None)


def show_loose(hub: HubContext, caller: MaybeCaller, wanted: FolderId) -> KnownFolder:
    """Return the virtual folder of the repositories directly under an account, if the caller sees any of them.

    Raises:
        ThingNotFound: the account does not exist, or the caller sees none.
    """
    with hub.read() as tx:
        account = _account_of(tx, wanted.type, wanted.owner)
        if not repos.page_of(tx, account.id, wanted.type, seen_by(caller), limit=1):
            raise folder_access.not_found(wanted.type, wanted.owner, LOOSE)
    role = None if caller is None else caller.own_role(account.id)
    made, name = account.created_ms, folder_namespace(account.name, LOOSE)
    row = FolderRow(
        0, account.uid, account.id, wanted.type, (), "", None, made, made, name, account.id, None, is_public=False
    )
    return KnownFolder(row, folder_access.permission_of(role))


def _of_scope(caller: MaybeCaller, query: FolderQuery) -> FolderFilter:
    if query.scope == PUBLIC:
        return FolderFilter(query.type, granted_to=frozenset(), with_public=True)
    known = require_login(caller)
    if query.scope == OWN:
        return FolderFilter(query.type, owner_id=known.account.id)
    return FolderFilter(query.type, not_of=known.account.id, granted_to=frozenset(known.roles))


def _of_owner(tx: Read, caller: MaybeCaller, kind: RepoType, name: str) -> FolderFilter:
    account = accounts.find(tx, name)
    if account is None or account.parent_id is not None:
        raise AccountNotFound(name)
    if caller is not None and caller.own_role(account.id) is not None:
        return FolderFilter(kind, owner_id=account.id)
    granted = frozenset() if caller is None else frozenset(caller.roles)
    return FolderFilter(kind, owner_id=account.id, granted_to=granted, with_public=True)


def _namespace_of(tx: Read, caller: MaybeCaller, wanted: FolderId) -> int:
    if wanted.name == LOOSE:
        return _account_of(tx, wanted.type, wanted.owner).id
    return folder_access.visible(tx, caller, wanted.type, wanted.owner, wanted.name).namespace_id


def _account_of(tx: Read, kind: RepoType, owner: str) -> Account:
    account = accounts.find(tx, owner) if kind in folder_access.KINDS else None
    if account is None or account.parent_id is not None:
        raise folder_access.not_found(kind, owner, LOOSE)
    return account


def _name_of(makers: dict[int, Account], row: RepoRow) -> str | None:
    maker = makers.get(row.creator_id or 0)
    return None if maker is None else maker.name
