"""Removal of a user's second factor and passkeys by an administrator of the hub, for users who have lost them."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.catalog import Lock
from entrepot.catalog.accounts import passkeys, second_factors
from entrepot.catalog.accounts.accounts import Account
from entrepot.hub import audit
from entrepot.hub.accounts.accounts import find_user
from entrepot.hub.accounts.administration import Actor, require_admin, require_reader
from entrepot.hub.callers import owners_of_factors
from entrepot.hub.context import HubContext
from entrepot.wire.accounts.administration import RemovedFactors


def reset(hub: HubContext, by: Actor, name: str) -> RemovedFactors:
    """Remove the second factor, the recovery codes and the passkeys of a user; return what was removed.

    The password and the sessions stay.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the user does not exist.
    """
    actor = require_admin(by)
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        user = find_user(tx, name)
        had_factor = second_factors.remove(tx, user.id)
        count = passkeys.remove_all(tx, user.id)
        details: dict[str, audit.Detail] = {"second_factor": had_factor, "passkeys": count}
        audit.record(hub, tx, actor, "second_factor.reset", f"user {user.name}", details)
    return RemovedFactors(user=user.name, second_factor=had_factor, passkeys=count)


def users_with_factors(hub: HubContext, by: Actor, users: Sequence[Account]) -> set[int]:
    """Return the row ids of the users, among those given, who have a second factor or passkeys.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    ids = [user.id for user in users]
    with hub.read() as tx:
        return second_factors.with_factor(tx, ids) | passkeys.owners(tx, ids)


def users_lacking(hub: HubContext, by: Actor, users: Sequence[Account]) -> set[int]:
    """Return the row ids of the users, among those given, who have nothing that counts as a second factor.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    with hub.read() as tx:
        return {user.id for user in users} - owners_of_factors(tx, users, hub.settings)
