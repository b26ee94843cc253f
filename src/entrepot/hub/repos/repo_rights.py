"""Use cases on rights to repositories: what a caller may do with one, for interfaces that offer nothing else."""

from __future__ import annotations

import attrs

from entrepot.catalog import Read
from entrepot.catalog.community import discussions, likes
from entrepot.catalog.repos import repo_tags
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub import access, roles
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussion_rules, subscriptions
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType

MAX_COUNTED = discussions.MAX_COUNTED
"""Open discussions of a repository that are counted at most."""

_EVENT_FILES = "tensorboard"
"""The tag of repositories with event files, which the metadata of files bring."""


@attrs.frozen
class RepoRights:
    """What a caller may do with a repository that they see. ``may_discuss``: includes opening pull requests.

    ``may_manage``: to see its settings, even if it is archived, when nothing else may be changed.
    ``has_metrics``: whether it is a model whose card has evaluation results, or that has event files.
    ``open_discussions``: with pull requests, at most :data:`MAX_COUNTED`; 0 if they are disabled.
    ``is_liked``: the caller likes it; ``watch``: which notifications they get, empty if the token is not for these.
    """

    row: RepoRow
    may_write: bool
    may_discuss: bool
    has_metrics: bool = False
    is_liked: bool = False
    watch: str = ""
    may_manage: bool = False
    open_discussions: int = 0

    @property
    def has_discussions(self) -> bool:
        """Whether the repository has discussions and pull requests."""
        return discussion_rules.are_enabled(self.row)


def of(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> RepoRights:
    """Return the rights of the caller to a repository, so that interfaces offer nothing else.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        has_metrics = _has_metrics(tx, row)
        alive = discussions.count_alive(tx, row.id) if discussion_rules.are_enabled(row) else 0
        if caller is None:
            return RepoRights(row, may_write=False, may_discuss=False, has_metrics=has_metrics, open_discussions=alive)
        may_discuss = caller.may_write or (caller.limits is not None and access.may_discuss(caller, row))
        may_manage = access.may_manage(tx, caller, row)
        is_open = not row.is_archived
        user = caller.account.id
        watch = subscriptions.effective(tx, row, user).level if caller.limits is None else ""
        is_liked = likes.is_liked(tx, row.id, user)
        may = (may_manage and is_open, may_discuss and is_open, has_metrics, is_liked, watch, may_manage, alive)
        return RepoRights(row, *may)


def _has_metrics(tx: Read, row: RepoRow) -> bool:
    if row.type is not RepoType.MODEL:
        return False
    return bool((row.card or {}).get("model-index")) or _EVENT_FILES in repo_tags.tags_of(tx, [row.id]).get(row.id, ())


def check_read(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Raise unless the caller may read the content of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
    """
    with hub.read() as tx:
        access.readable(tx, caller, ref)


def check_write(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Raise unless the caller may change the content of a repository.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        access.committable(tx, caller, ref)


def check_manage(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Raise unless the caller may see the settings of a repository, and change them unless it is archived.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        access.manageable(tx, caller, ref, by_alias=True)


def may_archive(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> bool:
    """Return whether the caller may archive a repository whose settings they see, or unarchive it.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access to its settings.
    """
    with hub.read() as tx:
        row, known = access.manageable(tx, caller, ref, by_alias=True)
        return roles.is_admin(known, row)
