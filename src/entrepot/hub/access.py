"""Find a repository and check what the caller may do with it.

The order of the checks is part of the protocol: credentials, rename redirect,
visibility, gate, and only then rights. The response for a repository that the
caller may not see is the same as for one that does not exist.
Source: docs/protocols/hf_api.md, section 0.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import access_requests
from entrepot.catalog.named_locks import LockClass
from entrepot.catalog.repos import folders, repositories
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import GatedRepo, NotAllowed, RepoArchived, RepoDisabled, RepoMoved, RepoNotFound
from entrepot.hub import callers, roles, scopes
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_change, require_login, require_write
from entrepot.hub.context import HubContext, JudgedLock
from entrepot.names import PARQUET, RepoRef, RepoType

_More = ParamSpec("_More")
_VIEWER = "you may view this folder; 'edit' is needed"


def visible(
    tx: Read, caller: MaybeCaller, ref: RepoRef, *, by_alias: bool = True, found: RepoRow | None = None
) -> RepoRow:
    """Return the repository if the caller may see its metadata.

    Args:
        found: the repository with this name, if this transaction has read it.
        by_alias: whether to look up an id without a namespace among the
            aliases; use cases that change something never do.

    Raises:
        RepoMoved: it has a new name, and the caller may see it there.
        RepoNotFound: it does not exist, or is private and not visible to the caller.
        RepoDisabled: an administrator has disabled it.
    """
    asked = roles.grant_lookups(caller)
    row = repositories.find(tx, ref) if found is None else found
    if row is None or not may_see(tx, caller, row):
        # Also for a hidden one: with the same lookups, it takes as long to refuse as one that does not exist.
        for moved in _find_moved(tx, ref, by_alias=by_alias):
            if row is None and moved is not None and may_see(tx, caller, moved):
                raise RepoMoved(str(ref.id), str(moved.ref.id))
        roles.match_lookups(tx, caller, ref.type, asked)
        raise RepoNotFound(anonymous=caller is None)
    _check_enabled(caller, row)
    return row


def _check_enabled(caller: MaybeCaller, row: RepoRow) -> None:
    if row.is_disabled and not (caller is not None and caller.sees_all):
        raise RepoDisabled


def lock(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    check: Callable[Concatenate[Read, MaybeCaller, RepoRef, _More], object],
    *more: _More.args,
    **named: _More.kwargs,
) -> JudgedLock:
    """Return the lock of a repository for a transaction of the caller.

    It is not for callers without the rights: they would wait for those who change the repository. A transaction may
    wait long enough for the rights to end, so it begins with a check of those that the caller has then.

    Args:
        check: what the transaction asks for the rights, such as :func:`writable`; called without the lock.
        more, named: further arguments of ``check``.

    Raises:
        as ``check``.
    """
    with hub.read() as tx:
        # The transaction must look up grants again, because it may have waited for long.
        check(tx, None if caller is None else attrs.evolve(caller, granted={}), ref, *more, **named)

    def judge(tx: Read) -> None:
        check(tx, None if caller is None else callers.renewed(tx, caller, hub.now_ms()), ref, *more, **named)

    return JudgedLock(LockClass.REPO, ref, judge)


def personal(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return a repository that the caller sees, and the caller, for what is theirs and not the repository's.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not allow every change.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    return visible(tx, caller, ref), require_write(caller)


def readable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> RepoRow:
    """Return the repository if the caller may read its content.

    Raises:
        GatedRepo: the caller may see the metadata, but not the content.
        NotAllowed: the caller's fine-grained token does not allow reading.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref)
    check_read(tx, caller, row)
    return row


def check_readable(tx: Read, caller: MaybeCaller, row: RepoRow) -> None:
    """Raise if the caller may not read the content of a repository that was found in this transaction.

    Raises:
        RepoNotFound, RepoDisabled, GatedRepo, NotAllowed: as :func:`readable`.
    """
    if not may_see(tx, caller, row):
        raise RepoNotFound(anonymous=caller is None)
    _check_enabled(caller, row)
    check_read(tx, caller, row)


def check_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> None:
    """Raise if the caller may not read the content of a repository that they may see.

    Raises:
        GatedRepo, NotAllowed: as :func:`readable`.
    """
    if may_read(tx, caller, row):
        return
    if caller is not None and roles.member_role(tx, caller, row) is not None:
        raise _lacks(scopes.READ, row)
    request = None if caller is None else access_requests.status_of(tx, row.id, caller.account.id)
    raise GatedRepo(str(row.ref.id), row.type.value, anonymous=caller is None, request=request)


def writable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may change it with all its settings, move and delete it.

    Use cases that change only what branches and tags name use :func:`committable`.

    Raises:
        LoginRequired, NotAllowed: the caller may see it, but lacks the right.
        RepoArchived: nothing in it can be changed.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row, known = manageable(tx, caller, ref)
    check_not_archived(row)
    return row, known


def manageable(tx: Read, caller: MaybeCaller, ref: RepoRef, *, by_alias: bool = False) -> tuple[RepoRow, Caller]:
    """Return the repository, also an archived one, if the caller has the rights that :func:`writable` asks for.

    For use cases that read what only writers see, or decide who may read.

    Args:
        by_alias: as for :func:`visible`; for those that read.

    Raises:
        as :func:`writable`, except RepoArchived.
    """
    return _with_rights(tx, caller, ref, frozenset({scopes.WRITE}), by_alias=by_alias)


def committable(tx: Read, caller: MaybeCaller, ref: RepoRef, *, found: RepoRow | None = None) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may change its content: files, branches and tags.

    Args:
        found: as for :func:`visible`.

    Raises:
        as :func:`writable`.
    """
    row, known = _with_rights(tx, caller, ref, scopes.COMMITS, found)
    check_not_archived(row)
    return row, known


def owned(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may change it and is an admin of its namespace.

    Raises:
        as :func:`writable`.
    """
    row, known = writable(tx, caller, ref)
    check_admin(known, row)
    return row, known


def reviewable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may see its access requests.

    Raises:
        as :func:`writable`.
    """
    row = visible(tx, caller, ref)
    known = require_login(caller)
    if known.limits is None or not known.permits_on(scopes.REQUESTS, row):
        return manageable(tx, caller, ref, by_alias=True)
    if not roles.has_write_role(tx, known, row):
        raise _too_low(tx, known, row)
    return row, known


def discussable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may take part in its discussions; everyone who sees it may.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the token does not allow it.
        RepoArchived: nothing in it can be changed, and its discussions belong to it.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref, by_alias=False)
    known = require_change(caller)
    if not may_discuss(known, row):
        raise _lacks(scopes.DISCUSS, row)
    check_not_archived(row)
    return row, known


def namespace_for(tx: Read, maker: Caller, name: str, kind: RepoType) -> Account:
    """Return the namespace with this name if the caller may create repositories in it.

    Raises:
        NotAllowed: it does not exist, or the caller's role or token is not sufficient.
    """
    found = accounts.find(tx, name)
    refusal = f'You don\'t have the rights to create a {kind.value} under the namespace "{name}"'
    folder = None
    if found is not None and found.parent_id is None:
        role = maker.own_role(found.id)
    else:
        asked = roles.grant_lookups(maker)
        folder = folders.at(tx, kind, roles.NOWHERE if found is None else found.id)
        role = None if folder is None else roles.folder_role(tx, maker, folder)
        if role is None:
            roles.match_lookups(tx, maker, kind, asked)
    if found is None or role is None:
        raise NotAllowed(refusal)
    if role < Role.CONTRIBUTOR:
        why = "your role there is 'read', 'contributor' is needed"
        raise NotAllowed(f"{refusal}: {why if folder is None else _VIEWER}")
    if not (maker.permits(scopes.WRITE, found.id) if folder is None else permits_in(maker, scopes.WRITE, folder)):
        raise NotAllowed(f"{refusal}: this token lacks the permission '{scopes.WRITE}' for it")
    return found


def check_ref(row: RepoRow, ref: str) -> None:
    """Raise if a ref of a repository is made by the hub, so that no caller may change it.

    Raises:
        NotAllowed: it is the Parquet ref of a dataset.
    """
    if row.type is RepoType.DATASET and ref == PARQUET:
        raise NotAllowed(f"{PARQUET} is made by the hub from the branch main; change the files of main")


def check_not_archived(row: RepoRow) -> None:
    """Raise if a repository is archived.

    Raises:
        RepoArchived: it is.
    """
    if row.is_archived:
        raise RepoArchived.of(row.type.value, str(row.ref.id))


def check_admin(caller: Caller, row: RepoRow) -> None:
    """Raise unless the caller is an admin of the namespace of a repository that they may change.

    Raises:
        NotAllowed: the caller's role is not sufficient.
    """
    if not roles.is_admin(caller, row):
        raise NotAllowed(f"Only owners of the {row.type.value} {row.ref.id} can do this: the role 'admin' is needed")


def subject(row: RepoRow) -> str:
    """Return the name of a repository in the audit log: ``model alice/gpt``."""
    return f"{row.type.value} {row.ref.id}"


def may_see(tx: Read, caller: MaybeCaller, row: RepoRow) -> bool:
    """Return whether the caller may know that a repository exists."""
    if not row.is_private:
        return True
    if caller is None or roles.member_role(tx, caller, row) is None:
        return False
    return caller.limits is None or bool(caller.limits.on(row) & scopes.ON_REPOS)


def may_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> bool:
    """Return whether the caller may read the content of a repository they see; costs a query if it is gated."""
    if not row.is_private and row.gated == "no":
        return True
    if caller is None:
        return False
    permits = caller.permits_any(scopes.READS, row)
    if roles.member_role(tx, caller, row) is not None and permits:
        return True
    if row.gated == "no" or row.is_private:
        return False
    permits = permits or (caller.limits is not None and caller.limits.reads_gated)
    return permits and access_requests.status_of(tx, row.id, caller.account.id) == access_requests.ACCEPTED


def may_write(tx: Read, caller: Caller, row: RepoRow) -> bool:
    """Return whether the caller may make all changes, as :func:`writable`."""
    return not row.is_archived and may_manage(tx, caller, row)


def may_manage(tx: Read, caller: Caller, row: RepoRow) -> bool:
    """Return whether the caller's role and token allow all changes, whether or not the repository is archived."""
    return _has_rights(tx, caller, row, frozenset({scopes.WRITE}))


def may_commit(tx: Read, caller: Caller, row: RepoRow) -> bool:
    """Return whether the caller may change the content, as :func:`committable`."""
    return not row.is_archived and _has_rights(tx, caller, row, scopes.COMMITS)


def may_discuss(caller: Caller, row: RepoRow) -> bool:
    """Return whether the scopes of the caller's token allow taking part in the discussions of a visible repository."""
    allowed = caller.limits is None or scopes.DISCUSS in caller.limits.everywhere
    return allowed or caller.permits_on(scopes.DISCUSS, row)


def permits_in(caller: Caller, permission: str, folder: FolderRow) -> bool:
    """Return whether the token gives a permission in a folder; tokens that are not fine-grained give all."""
    place = (folder.namespace_id, folder.type)
    return caller.limits is None or permission in caller.limits.in_folder(folder.owner_id, place)


def _with_rights(
    tx: Read,
    caller: MaybeCaller,
    ref: RepoRef,
    permissions: frozenset[str],
    found: RepoRow | None = None,
    *,
    by_alias: bool = False,
) -> tuple[RepoRow, Caller]:
    row = visible(tx, caller, ref, by_alias=by_alias, found=found)
    known = require_change(caller)
    if not known.permits_any(permissions, row):
        raise _lacks(scopes.WRITE, row)
    if not roles.has_write_role(tx, known, row):
        raise _too_low(tx, known, row)
    return row, known


def _has_rights(tx: Read, caller: Caller, row: RepoRow, permissions: frozenset[str]) -> bool:
    if not (caller.may_write or caller.limits is not None):
        return False
    return caller.permits_any(permissions, row) and roles.has_write_role(tx, caller, row)


def _find_moved(tx: Read, ref: RepoRef, *, by_alias: bool) -> Iterator[RepoRow | None]:
    """Find where a repository with an unknown id is: under a new name, or behind an alias."""
    if by_alias or not ref.id.is_short:
        yield repositories.find_redirect(tx, ref)
        yield folders.find_moved_repo(tx, ref)
    if by_alias and ref.fallback is not None:
        there = RepoRef(ref.type, ref.fallback)
        yield repositories.find(tx, there)
        yield repositories.find_redirect(tx, there)


def _too_low(tx: Read, caller: Caller, row: RepoRow) -> NotAllowed:
    """Return the error that names the caller's role and the role that is needed."""
    role = roles.member_role(tx, caller, row)
    if role is None and row.parent_id is not None:
        why = f"the folder {row.namespace} is not shared with you"
    elif role is Role.READ and row.parent_id is not None:
        why = _VIEWER
    elif role is None:
        why = f"you are not a member of {row.namespace}"
    elif role is Role.CONTRIBUTOR:
        why = f"your role in {row.namespace} is 'contributor', which is for repositories that you created"
    else:
        why = f"your role in {row.namespace} is '{role.name.lower()}', 'write' is needed"
    return NotAllowed(f"You don't have the rights to write to the {row.type.value} {row.ref.id}: {why}")


def _lacks(permission: str, row: RepoRow) -> NotAllowed:
    return NotAllowed(f"This token lacks the permission '{permission}' for the {row.type.value} {row.ref.id}")
