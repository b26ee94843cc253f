"""Follow users and organisations. Follows are public."""

from __future__ import annotations

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts, follows
from entrepot.catalog.accounts.accounts import Account as Account
from entrepot.catalog.accounts.follows import After
from entrepot.errors import AccountNotFound, Refused
from entrepot.hub.callers import MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page


def follow(hub: HubContext, caller: MaybeCaller, name: str, *, is_user: bool) -> None:
    """Follow a user or an organisation; does nothing if the caller follows it already.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
        AccountNotFound: the user or organisation does not exist.
        Refused: it is the caller's own account.
    """
    known = require_write(caller)
    with hub.write(Lock.hub(), by=caller) as tx:
        account = find(tx, name, is_user=is_user)
        if account.id == known.account.id:
            raise Refused("you cannot follow yourself")
        follows.add(tx, known.account.id, account.id, hub.now_ms())


def unfollow(hub: HubContext, caller: MaybeCaller, name: str, *, is_user: bool) -> None:
    """Stop following a user or an organisation; does nothing if the caller does not follow it.

    Raises:
        LoginRequired, NotAllowed, AccountNotFound: as :func:`follow`.
    """
    known = require_write(caller)
    with hub.write(Lock.hub(), by=caller) as tx:
        follows.remove(tx, known.account.id, find(tx, name, is_user=is_user).id)


def followers(
    hub: HubContext, _caller: MaybeCaller, name: str, *, is_user: bool, after: After | None = None, limit: int = 500
) -> Page[Account]:
    """Return the users who follow a user or an organisation, newest follow first.

    Raises:
        AccountNotFound: the user or organisation does not exist.
    """
    with hub.read() as tx:
        account = find(tx, name, is_user=is_user)
        found = follows.followers(tx, account.id, after=after, limit=limit + 1)
        people = accounts.by_ids(tx, [follower for _, follower in found[:limit]])
    page = found[:limit]
    return Page([people[follower] for _, follower in page], page[-1] if len(found) > limit else None)


def following(
    hub: HubContext, _caller: MaybeCaller, name: str, *, after: After | None = None, limit: int = 500
) -> Page[Account]:
    """Return the users whom a user follows, newest follow first.

    Raises:
        AccountNotFound: the user does not exist.
    """
    with hub.read() as tx:
        account = find(tx, name, is_user=True)
        found = follows.followed_users(tx, account.id, after=after, limit=limit + 1)
        people = accounts.by_ids(tx, [followed for _, followed in found[:limit]])
    page = found[:limit]
    return Page([people[followed] for _, followed in page], page[-1] if len(found) > limit else None)


def find(tx: Read, name: str, *, is_user: bool) -> Account:
    """Return the user, or the organisation, with this name.

    Raises:
        AccountNotFound: it does not exist.
    """
    found = accounts.find(tx, name)
    if found is None or not (found.is_user if is_user else found.is_org):
        raise AccountNotFound(name, "user" if is_user else "organisation")
    return found
