"""Use cases that open a pull request: as a draft, from a branch, with a commit, or with a commit undone."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.community.discussions import DRAFT, OPEN, DiscussionRow
from entrepot.catalog.repos import commits as commit_rows
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, Malformed, Refused, RevisionNotFound
from entrepot.git import Merged
from entrepot.hub import access, capabilities, events, revisions
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import discussion_rules, pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.events import RefChange
from entrepot.hub.files import lfs_rules, preparation
from entrepot.hub.files.unpublished import discarding
from entrepot.hub.repos import commits, diffs
from entrepot.hub.repos.commits import CommitDraft, RecordedCommit
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.hub.repos.pulls import tree_merges
from entrepot.hub.revisions import BranchHead
from entrepot.hub.scanning import policies
from entrepot.names import MAIN, Oid, RefName, RepoRef
from entrepot.storage import objects as stored
from entrepot.storage.objects import GitObject

_UNTITLED = "Pull request"
_NO_WORDS = "Opened with a commit."
_NAMED = 5
"""Paths in conflict that a message names."""


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
        Refused: the source has no commit that the base lacks; or flagged files are refused, and it has one that main
            lacks.
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
        policies.check_moves(hub, tx, row, [(None, head)])
        discussion = discussion_rules.create(hub, tx, row, author, title, text, status=OPEN, base=into.ref)
        name = discussion_rules.head_ref(discussion)
        refs.swap(tx, row.id, name, None, head, hub.now_ms())
        said = [(oid, made.message.partition("\n")[0]) for oid, made in stored.read_commits(tx, row.id, added)]
        pull_request_access.record_commits(hub, tx, row, author, name, said)
        events.emit_content(hub, tx, row, [RefChange(name, None, head)])
        return discussion


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
    rows, touched = tree_merges.rows_of(merged, [*rules.values(), commit]), [change.path for change in merged.taken]

    def publication(ref: RefName) -> Publication:
        move, parents = Move(ref, None, commit.oid), (base.head,)
        return Publication(row.id, move, parents, rows, large, touched, author.account.id, parents)

    return _open(hub, row, author, base, summary, text, publication).num


def _base(tx: Read, caller: MaybeCaller, target: RepoRef, revision: str) -> tuple[RepoRow, Caller, BranchHead]:
    """Return the branch into which a new pull request is to be merged."""
    row, author = pull_request_access.proposer(tx, caller, target)
    base = revisions.branch(tx, row.id, revision)
    if not base.ref.startswith("refs/heads/"):
        raise RevisionNotFound(revision)
    return row, author, base


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
    merged = tree_merges.undo(hub, tx, row.id, base.head, undone, rules)
    if merged.conflicts:
        more = ", and more" if len(merged.conflicts) > _NAMED else ""
        named = ", ".join(merged.conflicts[:_NAMED]) + more
        raise Refused(f"later commits changed the same files: {named}. Edit them instead")
    if merged.root == stored.root_of(hub.store, tx, row.id, base.head):
        raise Refused(f"main has nothing of commit {undone[:7]} left")
    tree_merges.check_added_names(merged)
    return merged
