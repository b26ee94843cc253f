"""Create commits: check, write bytes, publish.

Contents become durable first; refs move last, in one transaction that does
nothing slow. Without a pinned parent, a writer who loses a race re-reads the
head, applies the same operations to it and tries again, so N writers of one
branch all succeed, in some order.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Mapping

import attrs

from entrepot.cards.lineage import read_message
from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import commits as commit_rows
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    BranchMoved,
    EntryNotFound,
    InvalidOperation,
    LimitExceeded,
    Malformed,
    RevisionNotFound,
)
from entrepot.git import Kind, TreeEditor, diff_trees
from entrepot.hub import capabilities
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs_rules, preparation
from entrepot.hub.files.operations import Operation
from entrepot.hub.files.preparation import PreparedCommit, Put
from entrepot.hub.files.unpublished import discarding
from entrepot.hub.jobs import file_metadata, handlers
from entrepot.hub.jobs.indexing import history_job
from entrepot.hub.repos import staged_commits
from entrepot.hub.repos.publishing import Move, Publication, card_job, commit_object, publish
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.hub.repos.staged_commits import FoundChanges, StagedPolicy
from entrepot.hub.revisions import BranchHead
from entrepot.hub.scanning import policies
from entrepot.names import MAIN, ROOT, Oid, RefName, RepoPath, RepoRef
from entrepot.storage import objects
from entrepot.storage.objects import GitObject
from entrepot.storage.trees import Trees

MAX_MESSAGE = 64 << 10
_MAX_POINTER = 256
"""More bytes than the pointer of a large file has."""


@attrs.frozen
class CommitDraft:
    """A commit to create.

    Args:
        summary: the message, not empty; lines after the first come before the description.
        operations: applied in order; read once.
        description: rest of the message.
        parent: id, or its first 7 or more digits, of the commit that must be
            the head; None accepts any head.
        allows_disjoint: with ``parent``, also accept a later head if
            nothing that this commit touches has changed since ``parent``.
        inline_bytes: approximate size of the content in the operations, without
            large files.
        staged: how the author's staged changes are treated; None: not at all.
            Implies ``allows_disjoint``; with ``force``, ``parent`` is ignored.
    """

    summary: str
    operations: Iterable[Operation]
    description: str = ""
    parent: str | None = None
    allows_disjoint: bool = False
    inline_bytes: int = 0
    staged: StagedPolicy | None = None

    @property
    def takes_staged(self) -> bool:
        """Whether the author's staged changes become part of the commit."""
        return self.staged is not None and self.staged.force


@attrs.frozen
class RecordedCommit:
    """A commit that has become the head of a branch.

    ``is_unchanged``: it would have had the files of its parent, so nothing was recorded; ``oid`` is the head.
    """

    repo: RepoRow
    ref: RefName
    oid: Oid
    is_unchanged: bool = False


def check_target(hub: HubContext, caller: MaybeCaller, target: RepoRef, revision: str) -> None:
    """Raise unless the caller may commit to a branch, before the client sends contents.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound, LoginRequired, NotAllowed: no access.
        Refused: the branch is the head of a pull request that is closed.
    """
    with hub.read() as tx:
        pull_request_access.get_changeable_ref(tx, caller, target, revision)


def create(
    hub: HubContext,
    caller: MaybeCaller,
    target: RepoRef,
    revision: str,
    draft: CommitDraft,
    waiter: ReservationWaiter | None = None,
) -> RecordedCommit:
    """Create one commit on a branch, all of it or none.

    Args:
        waiter: how it waits for those who push; by default, this thread does.

    Guarantees: bytes first, refs last. Every object is durable before the branch moves, or with it, so a crash
    leaves garbage for the sweeper, never a branch that points at a missing object.

    Raises:
        RepoNotFound, RevisionNotFound, LoginRequired, NotAllowed: no access.
        Refused: the branch is the head of a pull request that is closed.
        InvalidPath, InvalidOperation, EntryNotFound, LargeFileMissing, LimitExceeded, Malformed: an operation
            cannot be applied.
        Refused: another user has locked one of the files, or a scanner has flagged it.
        QuotaExceeded: the commit exceeds the quota of the namespace.
        BranchMoved: the pinned parent is not the head.
        CommitCanceled: the author has staged changes that the commit does not make, or
            a path has changed since the parent; only with ``staged``.
        Busy: other writers kept winning the race for the branch, or a sweep deleted something that is needed.
        RepositoryReserved: someone pushes, and ``waiter`` may not block.
    """
    draft = check_message(draft)
    with hub.read() as tx:
        row, author, branch = pull_request_access.get_changeable_ref(tx, caller, target, revision)
        if draft.staged is not None and not branch.ref.startswith("refs/heads/"):
            raise Malformed("commit", f"staged changes belong to branches, and {branch.ref} is not a branch")
        if not draft.allows_disjoint:
            _check_pin(hub, tx, row.id, branch, draft, ())
        _ask_ahead(hub, tx, row, branch)
        quota = quotas.allowance(hub, tx, row)
    waiter = waiter or ReservationWaiter()
    size = waiter.once(draft.inline_bytes)
    with discarding(hub, row.id, quota) as fresh:
        prepared = preparation.prepare(
            hub, author, row, branch, draft.operations, quota, fresh=fresh, inline_bytes=size
        )
        if draft.takes_staged or policies.refuses_flagged(hub):  # which read the new objects
            prepared = preparation.stored(hub, row.id, prepared, fresh)
        policies.scan_added(
            hub, row, [(edit.path, edit.mode, edit.oid) for edit in prepared.edits if isinstance(edit, Put)]
        )
        known = lfs_rules.read_root(hub, row.id, branch.head) if prepared.pointers or draft.takes_staged else {}
        attempt = functools.partial(_attempt, hub, author, row, branch.ref, draft, prepared, known, waiter, quota)
        recorded = waiter.persist(hub, row.id, branch.ref, attempt)
    hub.job_added.set()
    describes = draft.takes_staged or file_metadata.may_describe(row.type, prepared.touched)
    if branch.ref == MAIN and not recorded.is_unchanged and describes:
        # Listings need the new card immediately; if this fails, the queue still has the job.
        handlers.run_now(hub, card_job(row.id))
    if read_message(draft.description, row.type) is not None:
        handlers.run_now(hub, history_job(row.id))
    return recorded


def _ask_ahead(hub: HubContext, tx: Read, row: RepoRow, branch: BranchHead) -> None:
    """Announce what the first attempt reads, which shares the transaction of short bodies."""
    refs.ask_ahead(tx, row.id, branch.ref)
    objects.ask_ahead_root(hub.store, tx, row.id, branch.head)


def _attempt(
    hub: HubContext,
    author: Caller,
    row: RepoRow,
    ref: RefName,
    draft: CommitDraft,
    prepared: PreparedCommit,
    known: Mapping[Oid, bytes],
    waiter: ReservationWaiter,
    quota: Allowance,
) -> RecordedCommit | None:
    """Apply the edits to the head and try to move the branch; return None if another was faster or someone pushes."""
    with hub.read() as tx:
        head = refs.find(tx, row.id, ref)
        if head is None:
            raise RevisionNotFound(ref)
        found = None if draft.staged is None else staged_commits.find(hub, tx, row, ref, author.account.id)
        whole = prepared if found is None or not draft.takes_staged else staged_commits.combine(prepared, found)
        _check_pin(hub, tx, row.id, BranchHead(ref, head), draft, whole.touched)
        made = _composed(hub, tx, author, row, head, draft, whole, known, found)
    commit = made.oid
    publication = Publication(
        row.id,
        Move(ref, head, commit),
        (head,),
        made.rows,
        whole.large,
        whole.touched,
        author.account.id,
        whole.objects,
        quota_check(quota, draft, prepared, made),
    )
    ahead = waiter.ahead_of(row.id, capabilities.ahead_of_recheck(author, row))
    with hub.write(Lock.repo(row.id), ahead=ahead) as tx:
        present, author = capabilities.recheck(tx, author, row, ref, hub.now_ms())
        if waiter.is_held(hub, tx, row.id):
            return None
        if found is not None and not staged_commits.is_current(tx, found):
            return None
        if found is not None and made.is_unchanged:
            is_published = refs.find(tx, row.id, ref) == head
        else:
            is_published = publish(hub, tx, present, publication)
        if not is_published:
            return None
        if found is not None:
            staged_commits.drop(tx, found)
        if found is None or not made.is_unchanged:
            pull_request_access.record_commits(hub, tx, row, author, ref, [(commit, draft.summary)])
    if found is not None and made.is_unchanged:
        return RecordedCommit(row, ref, head, is_unchanged=True)
    objects.remember_commit(hub.store, row.id, commit, made.root, made.trees)
    return RecordedCommit(row, ref, commit)


def _composed(
    hub: HubContext,
    tx: Read,
    author: Caller,
    row: RepoRow,
    head: Oid,
    draft: CommitDraft,
    prepared: PreparedCommit,
    known: Mapping[Oid, bytes],
    found: FoundChanges | None,
) -> Composed:
    """Return the commit that applies the edits to the head, if its author has staged nothing else.

    Raises:
        CommitCanceled: they have, or an edit cannot be applied; only if staged changes are looked at but not taken.
        EntryNotFound, InvalidOperation: an edit cannot be applied.
    """
    if found is None or draft.takes_staged:
        return compose(hub, tx, author, row, head, draft, prepared, known)
    try:
        inspect = functools.partial(staged_commits.check, prepared, found)
        return compose(hub, tx, author, row, head, draft, prepared, known, inspect)
    except (EntryNotFound, InvalidOperation) as error:
        raise staged_commits.unimplemented(error) from None


@attrs.frozen
class Composed:
    """A commit that can be published.

    ``root``: its tree; ``trees``: the content of each new tree; ``rows``: objects to store with it; ``tracked``: the
    ``.gitattributes`` files that were changed because no rule sent a large file to LFS; ``is_unchanged``: it has the
    files of its parent.
    """

    oid: Oid
    root: Oid
    trees: Mapping[Oid, bytes]
    rows: list[ObjectRow]
    tracked: tuple[RepoPath, ...]
    is_unchanged: bool


def compose(
    hub: HubContext,
    tx: Read,
    author: Caller,
    row: RepoRow,
    parent: Oid,
    draft: CommitDraft,
    prepared: PreparedCommit,
    known: Mapping[Oid, bytes],
    inspect: Callable[[TreeEditor], None] | None = None,
) -> Composed:
    """Return the commit that applies prepared edits to a parent.

    Args:
        known: result of :func:`lfs_rules.read_root` for the parent, or for an earlier one.
        inspect: called with the edited tree; what it raises is raised.

    Raises:
        EntryNotFound, InvalidOperation: an edit cannot be applied there.
    """
    trees, before = Trees(hub.store, tx, row.id), objects.root_of(hub.store, tx, row.id, parent)
    editor = TreeEditor(before, trees.read)
    for edit in prepared.edits:
        edit.apply(editor)
    if inspect is not None:
        inspect(editor)
    additions = lfs_rules.Additions()
    if prepared.pointers:
        written = {edit.path: edit.mode for edit in prepared.edits if isinstance(edit, preparation.Put)}
        others = functools.partial(lfs_rules.names_in_folders, trees, before, written)
        additions = lfs_rules.cover(tx, row.id, editor, prepared.pointers, others, known)
    root, fresh = editor.write()
    commit = commit_object(hub, author, root, (parent,), draft.summary, draft.description)
    made = [GitObject(oid, Kind.TREE, content) for oid, content in fresh.items()]
    rows = [*prepared.rows, *(objects.row_of(item) for item in (*additions.made, *made, commit))]
    return Composed(commit.oid, root, fresh, rows, additions.paths, root == before)


def quota_check(
    quota: Allowance, draft: CommitDraft, prepared: PreparedCommit, made: Composed
) -> Callable[[Write], None] | None:
    """Return the function that checks the quota again when a commit is published; None if the commit has no content.

    As in the first check, its trees, its commit and the pointers of its large files are not counted.
    """
    if not draft.inline_bytes:
        return None
    beside = sum(row.size for row in made.rows) - sum(row.size for row in prepared.rows)
    return functools.partial(quota.check_at_end, beside=beside + _MAX_POINTER * len(prepared.large))


def check_message(draft: CommitDraft) -> CommitDraft:
    """Return a draft with a summary of one line: further lines begin the description.

    Raises:
        Malformed: the summary is empty, or the parent is not an id.
        LimitExceeded: staged changes are looked at, and the message has more than 64 KiB.
    """
    if not draft.summary.strip():
        raise Malformed("commit", "the summary is empty")
    if draft.parent is not None and not re.fullmatch(r"[0-9a-f]{7,40}", draft.parent):
        raise Malformed("commit", "the parent commit must be 7 to 40 lower-case hex digits")
    summary, _, rest = draft.summary.replace("\r\n", "\n").strip("\n").partition("\n")
    rest = rest.strip("\n")
    description = f"{rest}\n\n{draft.description}" if rest and draft.description else rest or draft.description
    checked = attrs.evolve(draft, summary=summary, description=description)
    if draft.staged is None:
        return checked
    check_length(checked)
    return attrs.evolve(checked, allows_disjoint=True, parent=None if draft.takes_staged else draft.parent)


def check_length(draft: CommitDraft) -> None:
    """Raise if a message has more than 64 KiB; for the routes that promise this limit.

    Raises:
        LimitExceeded: summary and description together are longer.
    """
    if len(draft.summary.encode()) + len(draft.description.encode()) > MAX_MESSAGE:
        raise LimitExceeded("the length of the message in bytes", MAX_MESSAGE)


def _check_pin(
    hub: HubContext, tx: Read, repo_id: int, branch: BranchHead, draft: CommitDraft, touched: Collection[RepoPath]
) -> None:
    """Raise if the head is not the pinned parent, unless disjoint commits are accepted and this is one.

    Raises:
        BranchMoved: with the paths that changed since the pinned parent.
        CommitCanceled: the same, if staged changes are looked at and one of the commit's paths has changed.
    """
    if draft.parent is None or branch.head.startswith(draft.parent):
        return
    parents = object_rows.with_prefix(tx, repo_id, draft.parent)
    if len(parents) != 1:
        raise BranchMoved(branch.ref)
    before, after = (objects.root_of(hub.store, tx, repo_id, oid) for oid in (parents[0], branch.head))
    changed = [change.path for change in diff_trees(before, after, Trees(hub.store, tx, repo_id).read)]
    if draft.staged is not None:
        staged_commits.check_overlap(changed, touched)
        return
    is_later = commit_rows.is_ancestor(tx, repo_id, parents[0], branch.head)
    if not (draft.allows_disjoint and is_later) or _overlap(changed, touched):
        raise BranchMoved(branch.ref, tuple(changed))


def _overlap(changed: Iterable[RepoPath], touched: Collection[RepoPath]) -> bool:
    """Return whether a path of one side equals a path of the other or is below it."""
    left, right = set(changed), set(touched)
    return any(_with_parents(path) & right for path in left) or any(_with_parents(path) & left for path in right)


def _with_parents(path: RepoPath) -> set[RepoPath]:
    parts = path.split("/")
    return {ROOT, *(RepoPath("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))}
