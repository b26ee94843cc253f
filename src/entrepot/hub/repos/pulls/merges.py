"""Merges a pull request into its base.

The order is the same as for every change: the merged trees are made first,
then one transaction moves the base, closes the pull request and records the event.
"""

from __future__ import annotations

import functools

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import DRAFT, MERGED, OPEN, DiscussionRow
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import NotMergeable
from entrepot.hub import capabilities
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import discussion_rules
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import diffs
from entrepot.hub.repos.commits import RecordedCommit
from entrepot.hub.repos.publishing import Move, Publication, card_job, commit_object, publish
from entrepot.hub.repos.pulls import tree_merges
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.names import MAIN, Oid, RepoRef
from entrepot.storage.objects import GitObject


def merge(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    num: int,
    *,
    text: str | None = None,
    is_squash: bool = False,
    waiter: ReservationWaiter | None = None,
) -> RecordedCommit:
    """Merge a pull request into its base.

    Args:
        text: a comment, which also becomes the description of the commit.
        is_squash: create a commit with one parent, the base, instead of two.
        waiter: how it waits for those who push; by default, this thread does.

    Guarantees: if another writer commits to the base at the same time, either both
    changes are in it or the pull request is refused; it is merged at most once.

    Raises:
        ThingNotFound: the pull request does not exist.
        NotMergeable: it is a draft, closed, without changes, or in conflict with its base.
        LargeFileMissing: a large file that it names was deleted permanently.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
        Busy: other writers kept winning the race for the base.
        RepositoryReserved: someone pushes, and ``waiter`` may not block.
    """
    said = discussion_rules.checked_text(text) if text and text.strip() else None
    with hub.read() as tx:
        row, merger, discussion = discussion_rules.get_discussion_to_merge(tx, caller, ref, num)
        discussion = discussion_rules.get_pull(tx, row, discussion.num)
    assert discussion.base is not None
    waiter = waiter or ReservationWaiter()
    attempt = functools.partial(_attempt, hub, merger, row, num, said, waiter, is_squash=is_squash)
    recorded = waiter.persist(hub, row.id, discussion.base, attempt)
    hub.job_added.set()
    if discussion.base == MAIN:
        handlers.run_now(hub, card_job(row.id))
    return recorded


def _attempt(
    hub: HubContext,
    merger: Caller,
    row: RepoRow,
    num: int,
    said: str | None,
    waiter: ReservationWaiter,
    *,
    is_squash: bool,
) -> RecordedCommit | None:
    """Merge with the present base and try to move it; return None if another writer was faster, or someone pushes."""
    with hub.read() as tx:
        discussion = discussion_rules.get_pull(tx, row, num)
        base, head = _ends(tx, discussion)
        rules: dict[Oid, GitObject] = {}
        merged = tree_merges.merge_checked(hub, tx, discussion, base, head, rules)
        large = diffs.large_files(tx, row.id, merged.taken)
    parents = (base,) if is_squash else (base, head)
    summary = f"Merge {discussion_rules.head_ref(discussion)}: {discussion.title}"
    commit = commit_object(hub, merger, merged.root, parents, summary, said or "")
    assert discussion.base is not None
    publication = Publication(
        row.id,
        Move(discussion.base, base, commit.oid),
        (base,) if is_squash else (base, head),
        tree_merges.rows_of(merged, [*rules.values(), commit]),
        large,
        [change.path for change in merged.taken],
        merger.account.id,
    )
    ahead = waiter.ahead_of(row.id, capabilities.ahead_of_recheck(merger, row))
    with hub.write(Lock.repo(row.id), ahead=ahead) as tx:
        present, merger = capabilities.recheck(tx, merger, row, discussion.base, hub.now_ms())
        if waiter.is_held(hub, tx, row.id) or not _is_unchanged(tx, discussion, head):
            return None
        if not publish(hub, tx, present, publication):
            return None
        _conclude(hub, tx, row, discussion, merger, commit.oid, said)
    return RecordedCommit(row, discussion.base, commit.oid)


def _is_unchanged(tx: Read, discussion: DiscussionRow, head: Oid) -> bool:
    """Return whether the checked head of a pull request can still be merged: its ref keeps the merged commits alive."""
    now = discussions.find(tx, discussion.repo_id, discussion.num)
    return (
        now is not None
        and now.status == discussion.status
        and refs.find(tx, discussion.repo_id, discussion_rules.head_ref(discussion)) == head
    )


def _conclude(
    hub: HubContext, tx: Write, row: RepoRow, discussion: DiscussionRow, merger: Caller, commit: Oid, said: str | None
) -> None:
    if said is not None and not discussion_rules.is_full(tx, discussion):
        discussion_rules.add_comment(hub, tx, row, discussion, merger, said)
    discussion_rules.note(hub, tx, discussion, merger, "status-change", {"status": MERGED})
    discussions.change(tx, discussion.id, status=MERGED, merge_oid=commit)
    discussion_rules.emit_event(hub, tx, row, attrs.evolve(discussion, status=MERGED, merge_oid=commit), "update")


def _ends(tx: Read, discussion: DiscussionRow) -> tuple[Oid, Oid]:
    """Return the heads of base and pull request.

    Raises:
        NotMergeable: it is a draft, closed or merged, or one of the refs does not exist.
    """
    if discussion.status != OPEN:
        advice = ": publish it first, by setting its status to open" if discussion.status == DRAFT else ""
        raise NotMergeable(discussion.num, f"it is {discussion.status}{advice}")
    base = refs.find(tx, discussion.repo_id, discussion.base) if discussion.base is not None else None
    head = refs.find(tx, discussion.repo_id, discussion_rules.head_ref(discussion))
    if base is None or head is None:
        raise NotMergeable(
            discussion.num, f"the branch {discussion.base} is gone" if base is None else "its ref is gone"
        )
    return base, head
