"""Roles of an account in repositories and folders, which come from memberships and from grants.

Roles say nothing of tokens: :mod:`entrepot.hub.access` checks both.
"""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import grants
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.repos.grants import NO_ROLES, FolderPlace, GrantedRoles
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub.callers import Caller, MaybeCaller, Role
from entrepot.names import RepoType

NOWHERE = 0
"""The row id of no namespace."""

_ROLES = {grants.VIEW: Role.READ, grants.EDIT: Role.WRITE}


def is_admin(caller: Caller, row: RepoRow) -> bool:
    """Return whether the account is an admin of the namespace of a repository, regardless of the token."""
    return caller.own_role(row.namespace_id, row.parent_id) is Role.ADMIN


def has_write_role(tx: Read, caller: Caller, row: RepoRow) -> bool:
    """Return whether the account's role or a grant allows changes of a visible repository, regardless of the token.

    Contributors may change what they created.
    """
    role = caller.own_role(row.namespace_id, row.parent_id)
    if role is not None and role >= Role.WRITE:
        return True
    if role is Role.CONTRIBUTOR and row.creator_id == caller.account.id:
        return True
    if row.parent_id is None:
        return False
    granted = _granted(tx, caller, (row.namespace_id, row.type))
    # A grant to everyone reaches what everyone sees.
    return grants.EDIT in (granted.named, granted.public if not row.is_private else None)


def member_role(tx: Read, caller: Caller, row: RepoRow) -> Role | None:
    """Return the role with which the account belongs to a repository, regardless of the token; None if it does not.

    Named grants of the repository's folder count, grants to everyone do not. Costs a
    query only for repositories in folders of accounts in which the caller has no role.
    """
    role = caller.own_role(row.namespace_id, row.parent_id)
    if role is not None or row.parent_id is None:
        return role
    named = _granted(tx, caller, (row.namespace_id, row.type)).named
    return None if named is None else _ROLES[named]


def is_member(tx: Read, account: Account, row: RepoRow) -> bool:
    """Return whether an account belongs to a repository, as :func:`member_role`."""
    subjects = {account.id, *(membership.org.id for membership in accounts.memberships(tx, account.id))}
    if row.owner_id in subjects:
        return True
    place = (row.namespace_id, row.type)
    return row.parent_id is not None and grants.roles_at(tx, place, subjects).named is not None


def folder_role(tx: Read, caller: Caller, folder: FolderRow) -> Role | None:
    """Return the account's role in a folder, regardless of the token, with grants to everyone; None if it has none.

    ``ADMIN`` is the permission "own", ``READ`` "view"; the roles between are "edit".
    """
    role = caller.own_role(folder.namespace_id, folder.owner_id)
    if role is not None and role >= Role.WRITE:
        return role
    highest = _granted(tx, caller, (folder.namespace_id, folder.type)).highest
    return role if highest is None else max(role or Role.READ, _ROLES[highest])


def load_grants(tx: Read, caller: MaybeCaller, rows: Iterable[RepoRow]) -> None:
    """Look up the grants that decide about these repositories, with one query instead of one for each folder."""
    if caller is not None:
        places = {(row.namespace_id, row.parent_id, row.type) for row in rows if row.parent_id is not None}
        load_places(tx, caller, {place for place in places if caller.own_role(*place[:2]) is None})


def load_places(tx: Read, caller: Caller, places: Iterable[tuple[int, int, RepoType]]) -> None:
    """Look up the caller's grants in folders, given as (namespace, owner, type), with at most one query."""
    wanted = {(namespace_id, kind) for namespace_id, _, kind in places} - caller.granted.keys()
    if wanted:
        found = grants.roles_in(tx, {namespace_id for namespace_id, _ in wanted}, caller.roles.keys())
        caller.granted.update({place: found.get(place, NO_ROLES) for place in wanted})


def match_lookups(tx: Read, caller: MaybeCaller, kind: RepoType, asked: int) -> None:
    """Look up grants in a folder that does not exist, unless the caller's have been looked up since the call began.

    A refusal for something that does not exist then takes as long as one for something in a folder of others.

    Args:
        asked: the result of :func:`grant_lookups` at the beginning of the call.
    """
    if caller is not None and asked == grant_lookups(caller):
        grants.roles_at(tx, (NOWHERE, kind), caller.roles.keys())


def grant_lookups(caller: MaybeCaller) -> int:
    """Return the number of folders in which the grants of the caller have been looked up."""
    return 0 if caller is None else len(caller.granted)


def _granted(tx: Read, caller: Caller, place: FolderPlace) -> GrantedRoles:
    if place not in caller.granted:
        caller.granted[place] = grants.roles_at(tx, place, caller.roles.keys())
    return caller.granted[place]
