"""Which repository a caller means, and whether they may do this to it.

The order of the checks is part of the protocol: credentials, rename redirect,
visibility, gate, and only then rights. A repository that the caller may not
see is never told apart from one that does not exist.
Source: hf_api, section 0.2.
"""

from __future__ import annotations

from entrepot.catalog import Read, repos
from entrepot.catalog.repos import RepoRow
from entrepot.errors import GatedRepo, NotAllowed, RepoDisabled, RepoMoved, RepoNotFound
from entrepot.hub.callers import Anyone, Caller, Role, require_write
from entrepot.names import RepoRef


def visible(tx: Read, caller: Anyone, ref: RepoRef) -> RepoRow:
    """A repository whose metadata the caller may see.

    Raises:
        RepoMoved: it has a new name, and the caller may see it there.
        RepoNotFound: it is absent or private to others.
        RepoDisabled: an administrator has disabled it.
    """
    row = repos.find(tx, ref)
    if row is None:
        moved = repos.find_redirect(tx, ref)
        if moved is not None and may_see(caller, moved):
            raise RepoMoved(str(ref.id), str(moved.ref.id))
        raise RepoNotFound(anonymous=caller is None)
    if not may_see(caller, row):
        raise RepoNotFound(anonymous=caller is None)
    if row.is_disabled and not (caller is not None and caller.sees_all):
        raise RepoDisabled
    return row


def readable(tx: Read, caller: Anyone, ref: RepoRef) -> RepoRow:
    """A repository whose content the caller may read.

    Raises:
        GatedRepo: metadata are public, content is not.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref)
    if not may_read(caller, row):
        raise GatedRepo(str(row.ref.id), row.type.value, anonymous=caller is None)
    return row


def writable(tx: Read, caller: Anyone, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """A repository whose content the caller may change.

    Raises:
        LoginRequired, NotAllowed: the caller sees it but has not the right.
        RepoMoved, RepoNotFound, RepoDisabled: as :func:`visible`.
    """
    row = visible(tx, caller, ref)
    known = require_write(caller)
    if not may_write(known, row):
        raise NotAllowed(f"You don't have the rights to write to the {row.type.value} {row.ref.id}")
    return row, known


def may_see(caller: Anyone, row: RepoRow) -> bool:
    """Whether a repository exists as far as the caller is concerned."""
    return not row.is_private or (caller is not None and caller.role_in(row.namespace_id) is not None)


def may_read(caller: Anyone, row: RepoRow) -> bool:
    """Whether the caller may read the content of a repository they see."""
    return row.gated == "no" or (caller is not None and caller.role_in(row.namespace_id) is not None)


def may_write(caller: Caller, row: RepoRow) -> bool:
    """Whether the caller's role allows changes; contributors change what they created."""
    role = caller.role_in(row.namespace_id)
    if role is None:
        return False
    return role >= Role.WRITE or (role is Role.CONTRIBUTOR and row.creator_id == caller.account.id)
