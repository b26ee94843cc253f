"""Which repository a caller means, and whether they may do this to it.

The order of the checks is part of the protocol: credentials, rename redirect,
visibility, gate, and only then rights. A repository that the caller may not
see is never told apart from one that does not exist.
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
    """A repository whose metadata the caller may see.

    Args:
        by_alias: whether an id without a namespace is looked up among the
            aliases; changes never follow one.

    Raises:
        RepoMoved: it has a new name, and the caller may see it there.
        RepoNotFound: it is absent or private to others.
        RepoDisabled: an administrator has disabled it.
    """
    row = repositories.find(tx, ref)
    if row is None:
        for moved in _elsewhere(tx, ref, by_alias=by_alias):
            if moved is not None and may_see(caller, moved):
                raise RepoMoved(str(ref.id), str(moved.ref.id))
        raise RepoNotFound(anonymous=caller is None)
    if not may_see(caller, row):
        raise RepoNotFound(anonymous=caller is None)
    if row.is_disabled and not (caller is not None and caller.sees_all):
        raise RepoDisabled
    return row


def readable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> RepoRow:
    """A repository whose content the caller may read.

    Raises:
        GatedRepo: metadata are public, content is not.
        NotAllowed: a fine-grained token that is not for reading.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref)
    check_read(tx, caller, row)
    return row


def check_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> None:
    """Raise unless the caller may read the content of a repository they see.

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
    """A repository whose content and settings the caller may change; they may also move and delete it.

    Raises:
        LoginRequired, NotAllowed: the caller sees it but has not the right.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref, by_alias=False)
    known = require_change(caller)
    if not known.permits(scopes.WRITE, row.namespace_id, row.id):
        raise _lacks(scopes.WRITE, row)
    if not may_write(known, row):
        raise _too_low(known, row)
    return row, known


def reviewable(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """A repository whose requests for access the caller may look at.

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
    """A repository in whose discussions the caller may take part: everybody who sees it.

    Raises:
        LoginRequired: nobody in particular is asking.
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
    """The namespace of this name, to which the caller may add repositories.

    Raises:
        NotAllowed: it does not exist, or the caller's role or token does not reach.
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
    """A repository as the audit log names it: ``model alice/gpt``."""
    return f"{row.type.value} {row.ref.id}"


def may_see(caller: MaybeCaller, row: RepoRow) -> bool:
    """Whether a repository exists as far as the caller is concerned."""
    if not row.is_private:
        return True
    if caller is None or caller.own_role(row.namespace_id) is None:
        return False
    return caller.limits is None or bool(caller.limits.at(row.namespace_id, row.id) & scopes.ON_REPOS)


def may_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> bool:
    """Whether the caller may read the content of a repository they see: one query more when it is gated."""
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
    """Whether the caller's role and token allow changes; contributors change what they created."""
    if not (caller.may_write or caller.limits is not None):
        return False
    return caller.permits(scopes.WRITE, row.namespace_id, row.id) and _has_role(caller, row)


def _elsewhere(tx: Read, ref: RepoRef, *, by_alias: bool) -> Iterator[RepoRow | None]:
    """Where a repository that is not found by its id may be: it moved, or the id is an alias."""
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
    """What the caller has and what is needed."""
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
