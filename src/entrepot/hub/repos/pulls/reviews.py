"""What a pull request changes, and whether it could be merged."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog.community.discussions import DRAFT
from entrepot.catalog.repos import refs
from entrepot.errors import LimitExceeded
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussion_rules
from entrepot.hub.context import HubContext
from entrepot.hub.repos import diffs
from entrepot.hub.repos.pulls import tree_merges
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage import objects as stored


@attrs.frozen
class PullRequestDiff:
    """The changes of a pull request.

    ``conflicts``: paths that prevent a merge, None if there are
    too many to list; ``diff``: None unless it was requested and may be read.
    """

    conflicts: Sequence[RepoPath] | None
    diff: str | None


def review(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    num: int,
    *,
    with_diff: bool,
    most_files: int = diffs.FILES_LIMIT,
) -> PullRequestDiff:
    """Return the changes that a pull request proposes or has made, in at most ``most_files`` files.

    Raises:
        ThingNotFound: the pull request does not exist.
        NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        discussion = discussion_rules.get_pull(tx, row, num)
        diff = None
        if with_diff and access.may_read(tx, caller, row):
            diff = diffs.between(hub, tx, caller, row, *tree_merges.sides(tx, discussion), most_files=most_files)
        return PullRequestDiff(tree_merges.conflicts(hub, tx, discussion), diff)


def added_bytes(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> int:
    """Return the size of the files that a pull request adds or changes; large files count with their real size.

    Raises:
        ThingNotFound: the pull request does not exist.
        NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        old, new = tree_merges.sides(tx, discussion_rules.get_pull(tx, row, num))
        return diffs.added_bytes(hub, tx, row.id, old, new)


@attrs.frozen
class Mergeability:
    """Whether a pull request could be merged at this moment.

    ``obstacle``: empty if it can be; else its state (``draft``, ``closed``, ``merged``), ``base`` or ``head``
    (the branch, or its own ref, is gone), ``same`` (it changes nothing), ``conflict``, or ``size`` (too
    many changes to compare). ``conflicts``: the paths in conflict; ``added_bytes``: size of what it adds or changes;
    ``sides``: the commits of base and pull request that are in conflict.
    """

    obstacle: str
    conflicts: Sequence[RepoPath] = ()
    added_bytes: int = 0
    sides: tuple[Oid, Oid] | None = None


def mergeability(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> Mergeability:
    """Return whether a pull request could be merged, and what prevents it.

    Raises:
        ThingNotFound: the pull request does not exist.
        NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        discussion = discussion_rules.get_pull(tx, row, num)
        if not discussion.is_alive:
            return Mergeability(discussion.status)
        base = refs.find(tx, row.id, discussion.base) if discussion.base is not None else None
        head = refs.find(tx, row.id, discussion_rules.head_ref(discussion))
        if base is None or head is None:
            return Mergeability("base" if base is None else "head")
        try:
            merged = tree_merges.merge_sides(hub, tx, discussion, base, head, {})
            added = diffs.added_bytes(hub, tx, row.id, *tree_merges.sides(tx, discussion))
        except LimitExceeded:
            return Mergeability("size")
        if merged.conflicts:
            return Mergeability("conflict", merged.conflicts, added, (base, head))
        if merged.root == stored.root_of(hub.store, tx, row.id, base):
            return Mergeability("same", (), added)
        return Mergeability("draft" if discussion.status == DRAFT else "", (), added)
