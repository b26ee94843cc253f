"""Find a repository and check what the caller may do with it.

The order of the checks is part of the protocol: credentials, rename redirect,
visibility, gate, and only then rights. The response for a repository that the
caller may not see is the same as for one that does not exist.
Source: docs/protocols/hf_api.md, section 0.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import access_requests
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import GatedRepo, NotAllowed, RepoDisabled, RepoMoved, RepoNotFound
from entrepot.hub import scopes
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_change, require_login
from entrepot.names import RepoRef, RepoType


def visible(tx: Read, caller: MaybeCaller, ref: RepoRef, *, by_alias: bool = True) -> RepoRow:
    """Return the repository if the caller may see its metadata.

    Args:
        by_alias: whether to look up an id without a namespace among the
            aliases; use cases that change something never do.

    Raises:
        RepoMoved: it has a new name, and the caller may see it there.
        RepoNotFound: it does not exist, or is private and not visible to the caller.
        RepoDisabled: an administrator has disabled it.
    """
    row = repositories.find(tx, ref)
    if row is None:
        for moved in _find_moved(tx, ref, by_alias=by_alias):
            if moved is not None and may_see(caller, moved):
                raise RepoMoved(str(ref.id), str(moved.ref.id))
        raise RepoNotFound(anonymous=caller is None)
    if not may_see(caller, row):
        raise RepoNotFound(anonymous=caller is None)
    if row.is_disabled and not (caller is not None and caller.sees_all):
        raise RepoDisabled
    return row


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


def check_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> None:
    """Raise if the caller may not read the content of a repository that they may see.

    Raises:
        GatedRepo, NotAllowed: as :func:`readable`.
    """
    if may_read(tx, caller, row):
        return
    if caller is not None and caller.own_role(row.namespace_id) is not None:
        raise _lacks(scopes.READ, row)
    request = None if caller is None else access_requests.status_of(tx, row.id, caller.account.id)
    raise GatedRepo(str(row.ref.id), row.type.value, anonymous=caller is None, request=request)


def writable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may change, move and delete it.

    Raises:
        LoginRequired, NotAllowed: the caller may see it, but lacks the right.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref, by_alias=False)
    known = require_change(caller)
    if not known.permits(scopes.WRITE, row.namespace_id, row.id):
        raise _lacks(scopes.WRITE, row)
    if not may_write(known, row):
        raise _too_low(known, row)
    return row, known


def owned(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may change it and is an admin of its namespace.

    Raises:
        as :func:`writable`.
    """
    row, known = writable(tx, caller, ref)
    if known.own_role(row.namespace_id) is not Role.ADMIN:
        raise NotAllowed(f"This is for those who own the {row.type.value} {row.ref.id}: the role 'admin' is needed")
    return row, known


def reviewable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may see its access requests.

    Raises:
        as :func:`writable`.
    """
    row = visible(tx, caller, ref, by_alias=False)
    known = require_login(caller)
    if known.limits is None or not known.permits(scopes.REQUESTS, row.namespace_id, row.id):
        return writable(tx, caller, ref)
    if not _has_role(known, row):
        raise _too_low(known, row)
    return row, known


def discussable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may take part in its discussions; everyone who sees it may.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the token does not allow it.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref, by_alias=False)
    known = require_change(caller)
    allowed = known.limits is None or scopes.DISCUSS in known.limits.everywhere
    if not allowed and not known.permits(scopes.DISCUSS, row.namespace_id, row.id):
        raise _lacks(scopes.DISCUSS, row)
    return row, known


def namespace_for(tx: Read, maker: Caller, name: str, kind: RepoType) -> Account:
    """Return the namespace with this name if the caller may create repositories in it.

    Raises:
        NotAllowed: it does not exist, or the caller's role or token is not sufficient.
    """
    found = accounts.find(tx, name)
    role = maker.own_role(found.id) if found is not None else None
    refusal = f'You don\'t have the rights to create a {kind.value} under the namespace "{name}"'
    if found is None or role is None:
        raise NotAllowed(refusal)
    if role < Role.CONTRIBUTOR:
        raise NotAllowed(f"{refusal}: your role there is 'read', 'contributor' is needed")
    if not maker.permits(scopes.WRITE, found.id):
        raise NotAllowed(f"{refusal}: this token lacks the permission '{scopes.WRITE}' for it")
    return found


def subject(row: RepoRow) -> str:
    """Return the name of a repository in the audit log: ``model alice/gpt``."""
    return f"{row.type.value} {row.ref.id}"


def may_see(caller: MaybeCaller, row: RepoRow) -> bool:
    """Return whether the caller may know that a repository exists."""
    if not row.is_private:
        return True
    if caller is None or caller.own_role(row.namespace_id) is None:
        return False
    return caller.limits is None or bool(caller.limits.at(row.namespace_id, row.id) & scopes.ON_REPOS)


def may_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> bool:
    """Return whether the caller may read the content of a repository they see; costs a query if it is gated."""
    if not row.is_private and row.gated == "no":
        return True
    if caller is None:
        return False
    permits = caller.permits(scopes.READ, row.namespace_id, row.id) or caller.permits(
        scopes.WRITE, row.namespace_id, row.id
    )
    if caller.own_role(row.namespace_id) is not None and permits:
        return True
    if row.gated == "no" or row.is_private:
        return False
    permits = permits or (caller.limits is not None and caller.limits.reads_gated)
    return permits and access_requests.status_of(tx, row.id, caller.account.id) == access_requests.ACCEPTED


def may_write(caller: Caller, row: RepoRow) -> bool:
    """Return whether the caller's role and token allow changes; contributors may change what they created."""
    if not (caller.may_write or caller.limits is not None):
        return False
    return caller.permits(scopes.WRITE, row.namespace_id, row.id) and _has_role(caller, row)


def _find_moved(tx: Read, ref: RepoRef, *, by_alias: bool) -> Iterator[RepoRow | None]:
    """Find where a repository with an unknown id is: under a new name, or behind an alias."""
    if by_alias or not ref.id.is_short:
        yield repositories.find_redirect(tx, ref)
    if by_alias and ref.fallback is not None:
        there = RepoRef(ref.type, ref.fallback)
        yield repositories.find(tx, there)
        yield repositories.find_redirect(tx, there)


def _has_role(caller: Caller, row: RepoRow) -> bool:
    role = caller.own_role(row.namespace_id)
    if role is None:
        return False
    return role >= Role.WRITE or (role is Role.CONTRIBUTOR and row.creator_id == caller.account.id)


def _too_low(caller: Caller, row: RepoRow) -> NotAllowed:
    """Return the error that names the caller's role and the role that is needed."""
    role = caller.own_role(row.namespace_id)
    if role is None:
        why = f"you are not a member of {row.namespace}"
    elif role is Role.CONTRIBUTOR:
        why = f"your role in {row.namespace} is 'contributor', which is for repositories that you created"
    else:
        why = f"your role in {row.namespace} is '{role.name.lower()}', 'write' is needed"
    return NotAllowed(f"You don't have the rights to write to the {row.type.value} {row.ref.id}: {why}")


def _lacks(permission: str, row: RepoRow) -> NotAllowed:
    return NotAllowed(f"This token lacks the permission '{permission}' for the {row.type.value} {row.ref.id}")
