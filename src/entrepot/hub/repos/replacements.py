"""Replacing merges: a branch gets exactly the files of another branch, in one commit.

Source: docs/staged-changes.md, section 5.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LimitExceeded, Malformed, NotAllowed, RevisionNotFound
from entrepot.git import Change, diff_trees
from entrepot.hub import access, audit, capabilities, revisions
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import diffs, protections
from entrepot.hub.repos.commits import CommitDraft, RecordedCommit, check_length, check_message
from entrepot.hub.repos.publishing import Move, Publication, card_job, commit_object, publish, touches_card
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.hub.revisions import BranchHead
from entrepot.names import MAIN, Oid, RefName, RepoRef, short_name
from entrepot.storage import objects
from entrepot.storage.trees import Trees

_MAX_CHANGES = 1_000_000


@attrs.frozen
class _Merge:
    """The two branches of a merge, and its message."""

    row: RepoRow
    target: RefName
    source: RefName
    draft: CommitDraft


def replace(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    branch: str,
    source: str,
    message: str | None,
    waiter: ReservationWaiter | None = None,
) -> RecordedCommit:
    """Give a branch exactly the files of another branch, in one commit with both heads as parents.

    Args:
        message: None or blank means ``Merge branch 'SOURCE'``.
        waiter: how it waits for those who push; by default, this thread does.

    Returns:
        The new head, or the current one if both branches have the same files already.

    Guarantees: a commit that reaches one of the branches at the same time is in the
    history of the result, and its files are too if it was on the source.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access, or the branch is protected.
        RevisionNotFound: one of the two is not a branch.
        Malformed: they are the same branch.
        LimitExceeded: the message has more than 64 KiB, or more than a million files differ.
        Refused: another user has locked a file that would change.
        Busy: other writers kept winning the race for the branch.
        RepositoryReserved: someone pushes, and ``waiter`` may not block.
    """
    with hub.read() as tx:
        row, author = access.committable(tx, caller, ref)
        target, origin = (_branch(tx, row, name).ref for name in (branch, source))
    if target == origin:
        raise Malformed("merge", f"the branch {short_name(target)} cannot replace itself")
    access.check_ref(row, target)
    _check_protection(row, target)
    text = message if message and message.strip() else f"Merge branch '{short_name(origin)}'"
    draft = check_message(CommitDraft(text, ()))
    check_length(draft)
    merge = _Merge(row, target, origin, draft)
    waiter = waiter or ReservationWaiter()
    return waiter.persist(hub, row.id, target, functools.partial(_attempt, hub, author, merge, waiter))


def _attempt(hub: HubContext, author: Caller, merge: _Merge, waiter: ReservationWaiter) -> RecordedCommit | None:
    """Merge the present heads and try to move the branch; return None if one has moved, or someone pushes."""
    row, draft = merge.row, merge.draft
    with hub.read() as tx:
        old, new = (_head(tx, row, name) for name in (merge.target, merge.source))
        before, after = (objects.root_of(hub.store, tx, row.id, oid) for oid in (old, new))
        if before == after:
            return RecordedCommit(row, merge.target, old, is_unchanged=True)
        changes = _changes(hub, tx, row, before, after)
        large = diffs.large_files(tx, row.id, changes)
    commit = commit_object(hub, author, after, (old, new), draft.summary, draft.description)
    touched = frozenset(change.path for change in changes)
    move, rows = Move(merge.target, old, commit.oid), [objects.row_of(commit)]
    publication = Publication(row.id, move, (old, new), rows, large, touched, author.account.id)
    ahead = waiter.ahead_of(row.id, capabilities.ahead_of_recheck(author, row))
    with hub.write(Lock.repo(row.id), Lock.audit(), ahead=ahead) as tx:
        present, author = capabilities.recheck(tx, author, row, merge.target, hub.now_ms())
        if waiter.is_held(hub, tx, row.id):
            return None
        _check_protection(present, merge.target)
        # The source must not have moved: its ref keeps the merged trees alive.
        if refs.find(tx, row.id, merge.source) != new or not publish(hub, tx, present, publication):
            return None
        _record(hub, tx, author, merge, commit.oid, old)
    hub.job_added.set()
    if merge.target == MAIN and touches_card(row.type, touched):
        handlers.run_now(hub, card_job(row.id))
    return RecordedCommit(row, merge.target, commit.oid)


def _record(hub: HubContext, tx: Write, author: Caller, merge: _Merge, commit: Oid, old: Oid) -> None:
    details = {"ref": merge.target, "from": merge.source, "was": old, "commit": commit}
    audit.record(hub, tx, author, "repo.merge", access.subject(merge.row), details)


def _branch(tx: Read, row: RepoRow, name: str) -> BranchHead:
    found = revisions.branch(tx, row.id, name)
    if not found.ref.startswith("refs/heads/"):
        raise RevisionNotFound(name)
    return found


def _head(tx: Read, row: RepoRow, name: RefName) -> Oid:
    head = refs.find(tx, row.id, name)
    if head is None:
        raise RevisionNotFound(short_name(name))
    return head


def _changes(hub: HubContext, tx: Read, row: RepoRow, before: Oid, after: Oid) -> Sequence[Change]:
    found = diff_trees(before, after, Trees(hub.store, tx, row.id).read)
    changes = list(itertools.islice(found, _MAX_CHANGES + 1))
    if len(changes) > _MAX_CHANGES:
        raise LimitExceeded("the number of files in which the branches differ", _MAX_CHANGES, "merge with git")
    return changes


def _check_protection(row: RepoRow, target: RefName) -> None:
    if protections.is_protected(row, target):
        raise NotAllowed(f"The branch {short_name(target)} is protected: its files cannot be replaced")
