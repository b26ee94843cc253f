"""Use cases on pull requests: open, review, merge.

The proposed commits are in ``refs/pr/N``, and are merged with the base path by
path. The order is the same as for every change: the merged trees are made first,
then one transaction moves the base, closes the pull request and records the event.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import DRAFT, MERGED, OPEN, DiscussionRow
from entrepot.catalog.repos import commits as commit_rows
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, Malformed, NotMergeable, Refused, RevisionNotFound
from entrepot.git import Merged
from entrepot.hub import access, audit, capabilities, events, revisions
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import discussion_rules, pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.events import RefChange
from entrepot.hub.files import lfs_rules, preparation
from entrepot.hub.files.unpublished import discarding
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import commits, diffs, merges
from entrepot.hub.repos.commits import CommitDraft, RecordedCommit
from entrepot.hub.repos.publishing import Move, Publication, card_job, commit_object, publish
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.hub.revisions import BranchHead
from entrepot.names import MAIN, Oid, RefName, RepoPath, RepoRef
from entrepot.storage import objects as stored
from entrepot.storage.objects import GitObject

_UNTITLED = "Pull request"
_NO_WORDS = "Opened with a commit."
_NAMED = 5
"""Paths in conflict that a message names."""


@attrs.frozen
class PullRequestDiff:
    """The changes of a pull request.

    ``conflicts``: paths that prevent a merge, None if there are
    too many to list; ``diff``: None unless it was requested and may be read.
    """

    conflicts: Sequence[RepoPath] | None
    diff: str | None


@attrs.frozen
class ChangeTarget:
    """A branch, or the head of a pull request, and how a caller may change it: directly, or by a pull request."""

    row: RepoRow
    ref: RefName
    head: Oid
    may_commit: bool
    may_propose: bool


@attrs.frozen
class OpenedPullRequest:
    """A pull request that was opened with a first commit."""

    recorded: RecordedCommit
    num: int


def open_draft(hub: HubContext, caller: MaybeCaller, ref: RepoRef, title: str, text: str) -> DiscussionRow:
    """Open a pull request for main, a draft without changes: its ref starts at the head of main.

    Raises:
        Malformed, LimitExceeded: the title or the text cannot be used.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    title, text = discussion_rules.checked_title(title), discussion_rules.checked_text(text)
    with hub.write(access.lock(hub, caller, ref, pull_request_access.proposer)) as tx:
        row, author = pull_request_access.proposer(tx, caller, ref)
        head = refs.find(tx, row.id, MAIN)
        if head is None:
            raise RevisionNotFound(MAIN)
        discussion = discussion_rules.create(hub, tx, row, author, title, text, status=DRAFT, base=MAIN)
        refs.swap(tx, row.id, discussion_rules.head_ref(discussion), None, head, hub.now_ms())
        events.emit_content(hub, tx, row, [RefChange(discussion_rules.head_ref(discussion), None, head)])
        return discussion


def open_from_branch(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, title: str, text: str, *, source: str, base: str = MAIN
) -> DiscussionRow:
    """Open a pull request with the commits that another revision has and a branch lacks.

    Its ref starts at the commit of the source now; what is committed to the source later is not part of it.

    Args:
        source: a branch, tag or commit with the changes.
        base: the branch into which it is to be merged.

    Raises:
        Malformed, LimitExceeded: the title or the text cannot be used.
        RevisionNotFound: the source does not exist, or the base is not a branch.
        Refused: the source has no commit that the base lacks.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    title, text = discussion_rules.checked_title(title), discussion_rules.checked_text(text)
    with hub.write(access.lock(hub, caller, ref, _base, base)) as tx:
        row, author, into = _base(tx, caller, ref, base)
        head = revisions.resolve(tx, row.id, source)
        newest = commit_rows.ancestors(tx, row.id, head, limit=pull_request_access.NOTED)
        known = commit_rows.reached(tx, row.id, newest, [into.head])
        added = [oid for oid in reversed(newest) if oid not in known]
        if not added:
            raise Refused(f"'{source}' has no commit that '{base.removeprefix('refs/heads/')}' lacks")
        discussion = discussion_rules.create(hub, tx, row, author, title, text, status=OPEN, base=into.ref)
        name = discussion_rules.head_ref(discussion)
        refs.swap(tx, row.id, name, None, head, hub.now_ms())
        said = [(oid, made.message.partition("\n")[0]) for oid, made in stored.read_commits(tx, row.id, added)]
        pull_request_access.record_commits(hub, tx, row, author, name, said)
        events.emit_content(hub, tx, row, [RefChange(name, None, head)])
        return discussion


def find_target(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> ChangeTarget:
    """Return a branch, or the head of a pull request, whose files the caller may change in some way.

    Raises:
        RevisionNotFound: nothing has this name, or a tag or commit has it.
        Refused: the pull request is closed or merged.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row, known = pull_request_access.uploader(tx, caller, ref, None)
        found = revisions.branch(tx, row.id, revision)
        if pull_request_access.number_of(found.ref) is not None:
            pull_request_access.get_changeable_ref(tx, known, row.ref, found.ref)
            return ChangeTarget(row, found.ref, found.head, may_commit=True, may_propose=False)
        may_propose = found.ref.startswith("refs/heads/") and discussion_rules.are_enabled(row)
        if not may_propose:
            access.committable(tx, known, row.ref)
        return ChangeTarget(row, found.ref, found.head, access.may_commit(tx, known, row), may_propose)


def check_open(hub: HubContext, caller: MaybeCaller, target: RepoRef, revision: str) -> None:
    """Raise unless the caller may open a pull request for a branch, before the client sends contents.

    Raises:
        RevisionNotFound: the revision is not a branch.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        _base(tx, caller, target, revision)


def open_with_commit(
    hub: HubContext, caller: MaybeCaller, target: RepoRef, revision: str, draft: CommitDraft
) -> OpenedPullRequest:
    """Open a pull request for a branch with one commit, whose message becomes title and description.

    Args:
        revision: the branch into which it is to be merged.
        draft: its ``parent`` is the start of the pull request; without one, the head of the branch.

    Raises:
        RevisionNotFound: the revision is not a branch, or the parent not a commit.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
        Busy: the parent was swept in the meantime.
        As :func:`commits.create` otherwise.
    """
    if draft.staged is not None:
        raise Malformed("commit", "staged changes belong to branches: they cannot open a pull request")
    draft = commits.check_message(draft)
    with hub.read() as tx:
        row, author, base = _base(tx, caller, target, revision)
        start = base.head if draft.parent is None else revisions.resolve(tx, row.id, draft.parent)
        quota = quotas.allowance(hub, tx, row)
    with discarding(hub, row.id, quota) as fresh:
        prepared = preparation.prepare(
            hub,
            author,
            row,
            BranchHead(base.ref, start),
            draft.operations,
            quota,
            fresh=fresh,
            inline_bytes=draft.inline_bytes,
        )
        known = lfs_rules.read_root(hub, row.id, start) if prepared.pointers else {}
        with hub.read() as tx:
            made = commits.compose(hub, tx, author, row, start, draft, prepared, known)
        commit = made.oid
        check_quota = commits.quota_check(quota, draft, prepared, made)

        def publication(ref: RefName) -> Publication:
            move, needed = Move(ref, None, commit), prepared.objects | {start}
            named = prepared.large, prepared.touched, author.account.id, needed, check_quota
            return Publication(row.id, move, (start,), made.rows, *named)

        discussion = _open(hub, row, author, base, draft.summary, _text_of(draft.description), publication)
    return OpenedPullRequest(RecordedCommit(row, discussion_rules.head_ref(discussion), commit), discussion.num)


def open_revert(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> int:
    """Open a pull request into main that undoes one of its commits, and return its number.

    What later commits have changed elsewhere stays. Of a merge, what it brought to main is undone.

    Raises:
        RevisionNotFound: the revision does not exist.
        Refused: it is the first commit, is not on main, is undone already, or later commits changed the same files.
        LimitExceeded: too many files have changed since.
        InvalidPath, LargeFileMissing: a file that it brings back can no longer be stored.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
        Busy: the history of main was replaced at the same time.
    """
    rules: dict[Oid, GitObject] = {}
    with hub.read() as tx:
        row, author = pull_request_access.proposer(tx, caller, ref)
        base, undone = revisions.branch(tx, row.id, MAIN), revisions.resolve(tx, row.id, revision)
        title = stored.read_commit(tx, row.id, undone).message.partition("\n")[0]
        merged = _undo(hub, tx, row, base, undone, rules)
        large = diffs.large_files(tx, row.id, merged.taken)
    summary, text = f'Revert "{title}"', f"Undoes commit {undone}."
    commit = commit_object(hub, author, merged.root, (base.head,), summary, text)
    rows, touched = merges.rows_of(merged, [*rules.values(), commit]), [change.path for change in merged.taken]

    def publication(ref: RefName) -> Publication:
        move, parents = Move(ref, None, commit.oid), (base.head,)
        return Publication(row.id, move, parents, rows, large, touched, author.account.id, parents)

    return _open(hub, row, author, base, summary, text, publication).num


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
            diff = diffs.between(hub, tx, caller, row, *merges.sides(tx, discussion), most_files=most_files)
        return PullRequestDiff(merges.conflicts(hub, tx, discussion), diff)


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


def delete_ref(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> None:
    """Delete the ref of a closed or merged pull request; commits on no branch are swept after the grace period.

    Raises:
        ThingNotFound: the pull request does not exist.
        Refused: it is neither closed nor merged.
        RevisionNotFound: its ref was deleted before.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.write(access.lock(hub, caller, ref, discussion_rules.get_discussion_to_change, num), Lock.audit()) as tx:
        row, known, _ = discussion_rules.get_discussion_to_change(tx, caller, ref, num)
        discussion = discussion_rules.get_pull(tx, row, num)
        name = discussion_rules.head_ref(discussion)
        if discussion.is_alive:
            raise Refused(f"pull request {num} is {discussion.status}: close it first")
        head = refs.find(tx, row.id, name)
        if head is None:
            raise RevisionNotFound(name)
        refs.swap(tx, row.id, name, head, None, hub.now_ms())
        events.emit_content(hub, tx, row, [RefChange(name, head, None)])
        audit.record(hub, tx, known, "pull.delete-ref", access.subject(row), {"num": num, "head": head})


def added_bytes(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> int:
    """Return the size of the files that a pull request adds or changes; large files count with their real size.

    Raises:
        ThingNotFound: the pull request does not exist.
        NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = discussion_rules.visible_repo(tx, caller, ref)
        old, new = merges.sides(tx, discussion_rules.get_pull(tx, row, num))
        return diffs.added_bytes(hub, tx, row.id, old, new)


def _base(tx: Read, caller: MaybeCaller, target: RepoRef, revision: str) -> tuple[RepoRow, Caller, BranchHead]:
    """Return the branch into which a new pull request is to be merged."""
    row, author = pull_request_access.proposer(tx, caller, target)
    base = revisions.branch(tx, row.id, revision)
    if not base.ref.startswith("refs/heads/"):
        raise RevisionNotFound(revision)
    return row, author, base


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
        merged = merges.merge_checked(hub, tx, discussion, base, head, rules)
        large = diffs.large_files(tx, row.id, merged.taken)
    parents = (base,) if is_squash else (base, head)
    summary = f"Merge {discussion_rules.head_ref(discussion)}: {discussion.title}"
    commit = commit_object(hub, merger, merged.root, parents, summary, said or "")
    assert discussion.base is not None
    publication = Publication(
        row.id,
        Move(discussion.base, base, commit.oid),
        (base,) if is_squash else (base, head),
        merges.rows_of(merged, [*rules.values(), commit]),
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


def title_of(summary: str) -> str:
    """Return the title of a pull request from the first line of a commit's message, of any length."""
    title = " ".join(summary.split())
    if len(title) < discussion_rules.MIN_TITLE:
        title = f"{_UNTITLED}: {title}"
    return title if len(title) <= discussion_rules.MAX_TITLE else title[: discussion_rules.MAX_TITLE - 1] + "…"


def _open(
    hub: HubContext,
    row: RepoRow,
    author: Caller,
    base: BranchHead,
    summary: str,
    text: str,
    make: Callable[[RefName], Publication],
) -> DiscussionRow:
    """Open a pull request whose ref is a new commit, which gives it its title.

    Args:
        make: returns the publication of the commit under the ref.

    Raises:
        NotAllowed: the author has lost the right since it was checked.
        Busy: objects of the commit were swept in the meantime.
    """
    with hub.write(Lock.repo(row.id), ahead=capabilities.ahead_of_recheck(author, row)) as tx:
        present, author = capabilities.recheck(tx, author, row, None, hub.now_ms())
        discussion = discussion_rules.create(hub, tx, row, author, title_of(summary), text, status=OPEN, base=base.ref)
        publication = make(discussion_rules.head_ref(discussion))
        if not publish(hub, tx, present, publication):
            raise Busy("the pull request")
        move = publication.move
        pull_request_access.record_commits(hub, tx, row, author, move.ref, [(move.new, summary)])
    hub.job_added.set()
    return discussion


def _text_of(description: str) -> str:
    text = description.replace("\0", "")
    return text[: discussion_rules.MAX_TEXT] if text.strip() else _NO_WORDS


def _undo(
    hub: HubContext, tx: Read, row: RepoRow, base: BranchHead, undone: Oid, rules: dict[Oid, GitObject]
) -> Merged:
    """Return the trees of main without the changes of a commit; new file objects are added to ``rules``."""
    if not stored.read_commit(tx, row.id, undone).parents:
        raise Refused(f"commit {undone[:7]} is the first one: there is nothing before it to go back to")
    if not commit_rows.is_ancestor(tx, row.id, undone, base.head):
        raise Refused(f"commit {undone[:7]} is not on main")
    merged = merges.undo(hub, tx, row.id, base.head, undone, rules)
    if merged.conflicts:
        more = ", and more" if len(merged.conflicts) > _NAMED else ""
        named = ", ".join(merged.conflicts[:_NAMED]) + more
        raise Refused(f"later commits changed the same files: {named}. Edit them instead")
    if merged.root == stored.root_of(hub.store, tx, row.id, base.head):
        raise Refused(f"main has nothing of commit {undone[:7]} left")
    merges.check_added_names(merged)
    return merged
