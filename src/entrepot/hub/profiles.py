"""What is shown of users and organisations, and what their repositories take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read, accounts, listings
from entrepot.catalog.accounts import Account
from entrepot.errors import AccountNotFound, NotAllowed
from entrepot.hub import access, infos
from entrepot.hub.callers import Anyone, require, seen_by
from entrepot.hub.house import Hub
from entrepot.hub.infos import FullInfo
from entrepot.names import RepoType


@attrs.frozen
class Profile:
    """An account, its repositories counted as far as the caller may see them.

    ``related``: the organisations of a user, the members of an organisation, by name.
    """

    account: Account
    counts: Mapping[RepoType, int]
    related: Sequence[Account]


def user(hub: Hub, caller: Anyone, name: str) -> Profile:
    """What is shown of a user.

    Raises:
        AccountNotFound: there is no user of this name.
    """
    with hub.read() as tx:
        account = _find(tx, name, is_user=True)
        orgs = [membership.org for membership in accounts.memberships(tx, account.id)]
        return Profile(account, listings.counts(tx, account.id, seen_by(caller)), orgs)


def org(hub: Hub, caller: Anyone, name: str) -> Profile:
    """What is shown of an organisation.

    Raises:
        AccountNotFound: there is no organisation of this name.
    """
    with hub.read() as tx:
        account = _find(tx, name, is_user=False)
        members = accounts.members(tx, account.id)
        return Profile(account, listings.counts(tx, account.id, seen_by(caller)), members)


def stored(hub: Hub, caller: Anyone, name: str | None) -> list[FullInfo]:
    """All repositories of an organisation, or (None) of the caller, newest change first.

    Raises:
        LoginRequired: nobody in particular is asking.
        AccountNotFound: there is no organisation of this name.
        NotAllowed: the caller does not belong to it.
    """
    known = require(caller)
    with hub.read() as tx:
        account = known.account if name is None else _find(tx, name, is_user=False)
        if known.role_in(account.id) is None:
            raise NotAllowed(f"You are not a member of {account.name}")
        # A fine-grained token may be for the organisation and not for all of its repositories.
        return [full for full in infos.owned_by(hub, tx, account.id) if access.may_see(known, full.info.row)]


def _find(tx: Read, name: str, *, is_user: bool) -> Account:
    found = accounts.find(tx, name)
    if found is None or found.kind != ("user" if is_user else "org"):
        raise AccountNotFound(name)
    return found
