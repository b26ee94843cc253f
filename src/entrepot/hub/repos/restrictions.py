"""Disabled and protected repositories, for administrators of the hub over HTTP or on its machine."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Refused, shown
from entrepot.hub.accounts.administration import Actor, require_admin, require_reader
from entrepot.hub.community import moderation
from entrepot.hub.context import HubContext
from entrepot.hub.repos import protections
from entrepot.hub.repos.protections import Protections
from entrepot.names import RepoRef
from entrepot.wire.repos.restrictions import ProtectionChanges, RepoProtections, RepoRestriction


def disable(hub: HubContext, by: Actor, ref: RepoRef, reason: str) -> RepoRestriction:
    """Make a repository inaccessible to everyone but administrators of the hub; nothing is deleted.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub, or the token may only read.
        RepoNotFound, Refused, Malformed, LimitExceeded: as :func:`entrepot.hub.community.moderation.disable`.
    """
    return _restriction(moderation.disable(hub, ref, reason, by=require_admin(by)))


def enable(hub: HubContext, by: Actor, ref: RepoRef) -> RepoRestriction:
    """Enable a disabled repository again.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub, or the token may only read.
        RepoNotFound, Refused: the repository does not exist, or is not disabled.
    """
    return _restriction(moderation.enable(hub, ref, by=require_admin(by)))


def show_protections(hub: HubContext, by: Actor, ref: RepoRef) -> RepoProtections:
    """Return the protected branches of a repository, and whether its tags are immutable.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        RepoNotFound: the repository does not exist.
    """
    require_reader(by)
    return _protections(ref, protections.read(hub, ref))


def change_protections(hub: HubContext, by: Actor, ref: RepoRef, changes: ProtectionChanges) -> RepoProtections:
    """Change what is protected in a repository; return what is protected afterwards.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub, or the token may only read.
        RepoNotFound: the repository does not exist.
        InvalidName: a pattern breaks the rules of branch names, or there are more than 100.
        Refused: a pattern to remove is not there, or a branch hides a tag that would become immutable.
    """
    actor = require_admin(by)

    def alter(now: Protections) -> Protections:
        return Protections(_branches(now.branches, changes), now.tags if changes.tags is None else changes.tags)

    return _protections(ref, protections.change(hub, ref, alter, by=actor))


def _branches(now: Sequence[str], changes: ProtectionChanges) -> tuple[str, ...]:
    for pattern in changes.unprotect:
        if pattern not in now:
            raise Refused(f"{shown(pattern)} is not protected; see 'entrepot admin repos show'")
    kept = () if changes.unprotect_all else tuple(pattern for pattern in now if pattern not in changes.unprotect)
    return tuple(dict.fromkeys((*kept, *changes.protect)))


def _restriction(row: RepoRow) -> RepoRestriction:
    reason = moderation.reason_of(row)
    return RepoRestriction(repo=str(row.ref.id), type=row.type.value, disabled=row.is_disabled, reason=reason)


def _protections(ref: RepoRef, found: Protections) -> RepoProtections:
    return RepoProtections(repo=str(ref.id), type=ref.type.value, branches=list(found.branches), tags=found.tags)
