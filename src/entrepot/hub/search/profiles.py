"""Profiles of users and organisations, and the storage that their repositories use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts, follows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import collections, discussions, likes
from entrepot.catalog.lists import slices
from entrepot.catalog.repos import folders, repositories
from entrepot.catalog.search import listings
from entrepot.errors import AccountNotFound, NotAllowed
from entrepot.hub import folder_access
from entrepot.hub.accounts import orgs
from entrepot.hub.accounts.follows import find
from entrepot.hub.callers import MaybeCaller, require_login, require_write, seen_by
from entrepot.hub.context import HubContext
from entrepot.hub.folders.folders import KnownFolder
from entrepot.hub.pages import NamePage
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import RevisionInfo
from entrepot.names import RepoType, parse_details, parse_fullname

MAX_ORGS = 1_000
"""Organisations in a profile; :func:`list_orgs` lists all."""

MAX_STORED = 1_000
"""Repositories on a page of :func:`stored`, as maximum and default."""


@attrs.frozen
class StoredPage:
    """A page of repositories with their sizes; ``total``: of all that the caller sees, ``after``: as in other pages."""

    items: Sequence[RevisionInfo]
    after: tuple[float, int] | None
    total: int


@attrs.frozen
class UserProfile:
    """A user. Repositories are counted if the caller may see them, everything else if it is public.

    ``orgs``: the first :data:`MAX_ORGS` by name; ``upvotes``: votes for the user's collections;
    ``discussions``: created by the user; ``likes``: given by the user; ``following``: number of followed users.
    """

    account: Account
    counts: Mapping[RepoType, int]
    orgs: Sequence[Account]
    followers: int
    following: int
    likes: int
    discussions: int
    upvotes: int
    is_followed: bool


@attrs.frozen
class FolderProfile:
    """The folders with a name like ``alice.llm`` that the caller sees, models first, and their repositories."""

    account: Account
    counts: Mapping[RepoType, int]
    folders: Sequence[KnownFolder]


@attrs.frozen
class OrgProfile:
    """An organisation; its repositories are counted if the caller may see them."""

    account: Account
    counts: Mapping[RepoType, int]
    members: int
    followers: int
    is_followed: bool


def user(hub: HubContext, caller: MaybeCaller, name: str) -> UserProfile:
    """Return the profile of a user.

    Raises:
        AccountNotFound: no user has this name.
    """
    with hub.read() as tx:
        account = find(tx, name, is_user=True)
        return UserProfile(
            account,
            listings.counts(tx, account.id, seen_by(caller)),
            accounts.orgs_of(tx, account.id, limit=MAX_ORGS),
            followers=follows.count_followers(tx, account.id),
            following=follows.count_followed_users(tx, account.id),
            likes=likes.count_public_of(tx, account.id),
            discussions=discussions.count_public_by(tx, account.id),
            upvotes=collections.public_upvotes(tx, account.id),
            is_followed=_is_followed(tx, caller, account),
        )


def list_orgs(
    hub: HubContext, _caller: MaybeCaller, name: str, *, after: str = "", limit: int = MAX_ORGS
) -> NamePage[Account]:
    """Return a page of the organisations of a user, by name; everyone may see them.

    Args:
        after: the last name of the previous page.

    Raises:
        AccountNotFound: no user has this name.
    """
    with hub.read() as tx:
        found = accounts.orgs_of(tx, find(tx, name, is_user=True).id, after=after, limit=limit + 1)
    return NamePage(found[:limit], found[limit - 1].name if len(found) > limit else None)


def org(hub: HubContext, caller: MaybeCaller, name: str) -> OrgProfile:
    """Return the profile of an organisation, or of the folders with a name like ``alice.llm``.

    Raises:
        AccountNotFound: no organisation has this name, or the caller sees none of these folders.
    """
    with hub.read() as tx:
        if "." in name:
            found = _folder(tx, caller, name)
            return OrgProfile(found.account, found.counts, members=0, followers=0, is_followed=False)
        account = find(tx, name, is_user=False)
        return OrgProfile(
            account,
            listings.counts(tx, account.id, seen_by(caller)),
            members=accounts.count_members(tx, account.id),
            followers=follows.count_followers(tx, account.id),
            is_followed=_is_followed(tx, caller, account),
        )


def folder(hub: HubContext, caller: MaybeCaller, name: str) -> FolderProfile:
    """Return the folders with a name like ``alice.llm``, one for each type of repositories that the caller sees.

    Raises:
        AccountNotFound: no folder has this name, or the caller sees none of these folders.
    """
    with hub.read() as tx:
        return _folder(tx, caller, name)


def change_profile(
    hub: HubContext, caller: MaybeCaller, *, fullname: str | None = None, details: str | None = None
) -> Account:
    """Change the caller's own profile; None leaves a value as it is.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
        InvalidName, Malformed, LimitExceeded: a value cannot be used.
    """
    known = require_write(caller)
    values: dict[str, str | None] = {}
    if fullname is not None:
        values["fullname"] = parse_fullname(fullname)
    if details is not None:
        values["details"] = parse_details(details)
    with hub.write(Lock.hub(), by=caller) as tx:
        if values:
            accounts.update(tx, known.account.id, **values)
        return find(tx, known.account.name, is_user=True)


def stored(
    hub: HubContext,
    caller: MaybeCaller,
    name: str | None,
    *,
    after: tuple[float, int] | None = None,
    limit: int = MAX_STORED,
) -> StoredPage:
    """Return a page of the repositories of an organisation, or (None) of the caller, newest change first.

    Raises:
        LoginRequired: the caller is anonymous.
        AccountNotFound: no organisation has this name.
        NotAllowed: the caller is not a member of it.
    """
    known = require_login(caller)
    with hub.read() as tx:
        account = known.account if name is None else orgs.get_as_member(tx, known, name)[0]
        if known.role_in(account.id) is None:
            raise NotAllowed("This token is fine-grained and not for the repositories of its owner")
        # A fine-grained token may have permissions for the organisation, but not for all of its repositories.
        seen = seen_by(known)
        found = repositories.page_by_change(tx, account.id, seen, after=after, limit=limit + 1)
        total = sum(
            sum(infos.used_bytes(tx, ids).values()) for ids in slices(repositories.ids_of(tx, account.id, seen))
        )
        last = found[limit - 1] if len(found) > limit else None
        page = infos.of_rows(hub, tx, found[:limit])
    return StoredPage(page, None if last is None else (last.updated_ms, last.id), total)


def _folder(tx: Read, caller: MaybeCaller, name: str) -> FolderProfile:
    """Return the profile of the folders with one name, of the types that the caller sees."""
    found = [folders.find(tx, kind, name) for kind in folder_access.KINDS]
    seen = [row for row in found if row is not None and folder_access.may_see(tx, caller, row)]
    account = accounts.find(tx, name) if seen else None
    if account is None:
        raise AccountNotFound(name, "organisation")
    kinds = {row.type for row in seen}
    counted = listings.counts(tx, account.id, seen_by(caller))
    shown = {kind: number for kind, number in counted.items() if kind in kinds}
    return FolderProfile(account, shown, [KnownFolder(row, folder_access.permission(tx, caller, row)) for row in seen])


def _is_followed(tx: Read, caller: MaybeCaller, account: Account) -> bool:
    return caller is not None and follows.is_following(tx, caller.account.id, account.id)
