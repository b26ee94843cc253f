"""Use cases of hub administrators: delete accounts, and transfer or delete their repositories.

Discussions and comments of a deleted user stay, without a name; tokens, likes,
follows, collections, webhooks, access requests, invitations and sign-in
codes are deleted. The audit log keeps the name.
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.catalog import AnyLock, Lock, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders as folder_rows
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Malformed, Refused
from entrepot.hub import audit
from entrepot.hub.accounts import orgs
from entrepot.hub.accounts.accounts import assign_role, check_hub_admin_left, find_user, org_subject, remove_user, some
from entrepot.hub.accounts.administration import Actor, find_namespace, require_admin
from entrepot.hub.callers import Caller, Role
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folders
from entrepot.hub.repos import repositories
from entrepot.names import RepoId, RepoRef, folder_namespace
from entrepot.wire.accounts.administration import Removal, Removed, Transferred


def transfer_all(hub: HubContext, by: Actor, source: str, target: str) -> Transferred:
    """Move all repositories of a namespace into another one, or none; the old names redirect.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the user or organisation does not exist.
        Refused: a name is taken there, or both are the same.
        QuotaExceeded: they exceed the quota of the target.
    """
    actor = require_admin(by)
    with hub.write(Lock.hub(), Lock.namespace_named(source), Lock.namespace_named(target), Lock.audit(), by=by) as tx:
        moved = _move_all(hub, tx, actor, find_namespace(tx, source), find_namespace(tx, target))
    hub.job_added.set()
    return Transferred(moved=[ref.path for ref in moved])


def delete_user(hub: HubContext, by: Actor, name: str, removal: Removal) -> Removed:
    """Delete a user, after transferring or deleting their repositories.

    If ``transfer_to`` names a user, that user also becomes the
    administrator of organisations that would be left without one.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the user, or the target of the transfer, does not exist.
        Refused: the user still owns repositories and ``removal`` asks for neither, or an
            organisation or the hub would be left without an administrator.
        QuotaExceeded: the repositories exceed the quota of the target.
    """
    actor = require_admin(by)
    _check(removal)
    with hub.write(*_locks(name, removal), by=by) as tx:
        user = find_user(tx, name)
        check_hub_admin_left(tx, user)
        moved, purged = _empty(hub, tx, actor, user, removal)
        _appoint(hub, tx, actor, user, removal.transfer_to)
        remove_user(hub, tx, actor, user)
    hub.job_added.set()
    return _removed(user, moved, purged)


def delete_org(hub: HubContext, by: Actor, name: str, removal: Removal) -> Removed:
    """Delete an organisation, after transferring or deleting its repositories.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the organisation, or the target of the transfer, does not exist.
        Refused: it still owns repositories and ``removal`` asks for neither.
        QuotaExceeded: the repositories exceed the quota of the target.
    """
    actor = require_admin(by)
    _check(removal)
    with hub.write(*_locks(name, removal), by=by) as tx:
        org = orgs.find(tx, name)
        moved, purged = _empty(hub, tx, actor, org, removal)
        owned = [str(row.ref.id) for row in repos.owned_by(tx, org.id)]
        if owned:
            raise Refused(f"{org.name} still owns {some(owned)}: move or delete them first")
        accounts.remove(tx, org.id)
        audit.record(hub, tx, actor, "org.delete", org_subject(org))
    hub.job_added.set()
    return _removed(org, moved, purged)


def _locks(name: str, removal: Removal) -> tuple[AnyLock, ...]:
    """Return the locks for removing an account: no repository appears in it, or moves, in the meantime."""
    namespaces = [name] if removal.transfer_to is None else [name, removal.transfer_to]
    return (Lock.hub(), *map(Lock.namespace_named, namespaces), Lock.audit())


def _check(removal: Removal) -> None:
    if removal.purge and removal.transfer_to is not None:
        raise Malformed("request", "repositories are either transferred or purged, not both")


def _empty(
    hub: HubContext, tx: Write, actor: Caller | str, account: Account, removal: Removal
) -> tuple[Sequence[RepoRef], Sequence[RepoRow]]:
    if removal.transfer_to is not None:
        return _move_all(hub, tx, actor, account, find_namespace(tx, removal.transfer_to)), ()
    if not removal.purge:
        return (), ()
    owned = repos.owned_by(tx, account.id)
    for folder in folder_rows.of_owner(tx, account.id):
        folders.discard(hub, tx, actor, folder)
    for row in owned:
        if row.parent_id is None:
            repositories.discard(hub, tx, actor, row)
    return (), owned


def _move_all(hub: HubContext, tx: Write, actor: Caller | str, source: Account, target: Account) -> list[RepoRef]:
    if source.id == target.id:
        raise Refused(f"{source.name} and {target.name} are the same account")
    loose = [row for row in repos.owned_by(tx, source.id) if row.parent_id is None]
    inside = folder_rows.of_owner(tx, source.id)
    taken = [
        row.ref.path for row in loose if repos.find(tx, RepoRef(row.type, RepoId(target.name, row.name))) is not None
    ]
    if taken:
        raise Refused(f"{target.name} has repositories with the names of {some(taken)}: rename those first")
    held = [it for it in inside if folder_rows.find(tx, it.type, folder_namespace(target.name, it.name)) is not None]
    if held:
        names = some([it.namespace for it in held])
        raise Refused(f"{target.name} has folders with the names of {names}: rename those first")
    moved = [repositories.relocate(hub, tx, actor, row, target, row.name) for row in loose]
    for folder in inside:
        repositories.keep_flagged(hub, tx, repos.page_of(tx, folder.namespace_id, folder.type, None), target)
        moved += folders.transfer(hub, tx, actor, folder, target)
    return moved


def _appoint(hub: HubContext, tx: Write, actor: Caller | str, leaving: Account, successor: str | None) -> None:
    found = None if successor is None else accounts.find(tx, successor)
    if found is None or not found.is_user:
        return
    for name in accounts.sole_admin_of(tx, leaving.id):
        assign_role(hub, tx, actor, orgs.find(tx, name), found, Role.ADMIN)


def _removed(account: Account, moved: Sequence[RepoRef], purged: Sequence[RepoRow]) -> Removed:
    return Removed(deleted=account.name, moved=[ref.path for ref in moved], purged=[row.ref.path for row in purged])
