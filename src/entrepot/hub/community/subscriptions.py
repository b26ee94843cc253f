"""Use cases on subscriptions: watch a repository or not, and mute a discussion."""

from __future__ import annotations

import attrs

from entrepot.catalog import Read
from entrepot.catalog.community import subscriptions
from entrepot.catalog.community.subscriptions import ALL, NONE, PARTICIPATING, WHOLE_REPO
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Malformed
from entrepot.hub import access
from entrepot.hub.callers import Caller, MaybeCaller, require_login, require_write, seen_by
from entrepot.hub.community import discussion_rules
from entrepot.hub.context import HubContext
from entrepot.hub.notifications import require_personal
from entrepot.hub.pages import Page
from entrepot.names import RepoRef

LEVELS = (ALL, PARTICIPATING, NONE)
"""Choices about a repository."""


PAGE = 100
"""Choices on a page, as maximum and default."""


@attrs.frozen
class Subscription:
    """Which notifications about a repository a user gets; ``is_chosen``: the user has set it, it is not the default."""

    level: str
    is_chosen: bool


@attrs.frozen
class OwnChoice:
    """A choice of the caller: about a repository, or (``num``) a muted discussion of it with its title."""

    repo: RepoRow
    level: str
    num: int | None
    title: str


def list_own(
    hub: HubContext, caller: MaybeCaller, *, after: tuple[float, int] | None = None, limit: int = PAGE
) -> Page[OwnChoice]:
    """Return a page of the caller's subscriptions to repositories and discussions that they may see now.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    known = require_personal(require_login(caller))
    with hub.read() as tx:
        found = subscriptions.page_of(tx, known.account.id, seen_by(known), after=after, limit=limit + 1)
        repos = repositories.by_ids(tx, list({row.repo_id for row in found[:limit]}))
    items = [
        OwnChoice(repos[row.repo_id], row.level, row.num or None, row.title)
        for row in found[:limit]
        if row.repo_id in repos
    ]
    last = found[limit - 1] if len(found) > limit else None
    return Page(items, None if last is None else (last.repo_id, last.num))


def of_repo(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> Subscription:
    """Return which notifications about a repository the caller gets.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        known = require_personal(require_login(caller))
        return effective(tx, row, known.account.id)


def choose(hub: HubContext, caller: MaybeCaller, ref: RepoRef, level: str) -> Subscription:
    """Set which notifications about a repository the caller gets.

    Args:
        level: one of :data:`LEVELS`. ``none`` also excludes mentions.

    Raises:
        Malformed: the level is unknown.
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if level not in LEVELS:
        raise Malformed("level", f"expected one of {', '.join(LEVELS)}")
    with hub.write(access.lock(hub, caller, ref, _personal)) as tx:
        row, known = _personal(tx, caller, ref)
        chosen = None if level == default_level(row, known.account.id) else level
        subscriptions.put(tx, row.id, WHOLE_REPO, known.account.id, chosen)
        return Subscription(level, chosen is not None)


def is_muted(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> bool:
    """Return whether the caller has muted a discussion.

    Raises:
        LoginRequired, NotAllowed: as :func:`of_repo`; also if discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled, ThingNotFound: no access, or it does not exist.
    """
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        known = require_personal(require_login(caller))
        discussion_rules.get(tx, row, num)
        return subscriptions.find(tx, row.id, num, known.account.id) == NONE


def mute(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, *, is_muted: bool) -> None:
    """Mute a discussion for the caller, or return to what they chose for the repository.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this; discussions are disabled.
        RepoNotFound, RepoMoved, RepoDisabled, ThingNotFound: no access, or it does not exist.
    """
    with hub.write(access.lock(hub, caller, ref, _personal)) as tx:
        row, known = _personal(tx, caller, ref)
        discussion_rules.check_enabled(row)
        discussion_rules.get(tx, row, num)
        subscriptions.put(tx, row.id, num, known.account.id, NONE if is_muted else None)


def effective(tx: Read, row: RepoRow, user_id: int) -> Subscription:
    """Return which notifications about a repository a user gets."""
    chosen = subscriptions.find(tx, row.id, WHOLE_REPO, user_id)
    return Subscription(chosen or default_level(row, user_id), chosen is not None)


def default_level(row: RepoRow, user_id: int) -> str:
    """Return the default: all for the owner and the creator of the repository, else those of their discussions."""
    return ALL if user_id in (row.owner_id, row.creator_id) else PARTICIPATING


def _personal(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    row = access.visible(tx, caller, ref, by_alias=False)
    return row, require_personal(require_write(caller))
