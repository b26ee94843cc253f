"""Disable repositories for everyone but administrators of the hub, and enable them again."""

from __future__ import annotations

from entrepot.catalog import Lock
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LimitExceeded, Malformed, Refused, RepoNotFound
from entrepot.hub import access, audit
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef

REASON = "disabledReason"
"""Setting of a repository that holds the reason why it was disabled; only administrators of the hub see it."""

_MAX_REASON = 2_000


def disable(hub: HubContext, ref: RepoRef, reason: str, *, by: Caller | str = audit.CONSOLE) -> RepoRow:
    """Make a repository inaccessible to everyone but administrators of the hub, immediately; nothing is deleted.

    Links and tokens that were issued before become invalid with it; a transfer
    that is under way is not interrupted.

    Args:
        reason: kept for later inspection; 1 to 2,000 characters.
        by: the actor, for the audit log; checks no rights.

    Raises:
        RepoNotFound: the repository does not exist.
        Refused: it is disabled already.
        Malformed, LimitExceeded: the reason is empty or too long.
    """
    text = reason.strip()
    if not text:
        raise Malformed("reason", "say why the repository is disabled")
    if len(text) > _MAX_REASON:
        raise LimitExceeded("the length of the reason in characters", _MAX_REASON)
    return _switch(hub, ref, by, text)


def enable(hub: HubContext, ref: RepoRef, *, by: Caller | str = audit.CONSOLE) -> RepoRow:
    """Enable a disabled repository again.

    Raises:
        RepoNotFound: the repository does not exist.
        Refused: it is not disabled.
    """
    return _switch(hub, ref, by, None)


def reason_of(row: RepoRow) -> str | None:
    """Return the reason why a repository was disabled; None if it is not disabled."""
    found = row.settings.get(REASON) if row.is_disabled else None
    return None if found is None else str(found)


def _switch(hub: HubContext, ref: RepoRef, by: Caller | str, reason: str | None) -> RepoRow:
    is_disabled = reason is not None
    with hub.write(Lock.repo_at(ref), Lock.audit(), by=by) as tx:
        row = repositories.find(tx, ref)
        if row is None:
            raise RepoNotFound
        if row.is_disabled == is_disabled:
            raise Refused(f"the {row.type.value} {row.ref.id} is {'' if is_disabled else 'not '}disabled")
        settings = {name: value for name, value in row.settings.items() if name != REASON}
        settings |= {REASON: reason} if is_disabled else {}
        repositories.update(tx, row.id, is_disabled=is_disabled, settings=settings)
        action = "repo.disable" if is_disabled else "repo.enable"
        audit.record(hub, tx, by, action, access.subject(row), {"reason": reason} if is_disabled else None)
        changed = repositories.by_id(tx, row.id)
    assert changed is not None
    return changed
