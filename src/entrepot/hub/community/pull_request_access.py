"""Rights to change refs: branches, for users with write access; heads of pull requests, for their authors too.

Everyone who may read a repository may propose changes to it: they upload bytes and
commit to ``refs/pr/N`` of their own pull requests, and to no other ref.
Source: docs/protocols/hf_api.md, sections 2.1, 2.3 and 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from entrepot.catalog import Read, Write
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import DiscussionRow
from entrepot.catalog.repos import commits as commit_rows
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import NotAllowed, Refused, RevisionNotFound
from entrepot.hub import access, revisions
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import discussion_rules
from entrepot.hub.context import HubContext
from entrepot.hub.revisions import BranchHead
from entrepot.names import Oid, RefName, RepoRef, parse_revision, pull_ref

_HEAD = re.compile(r"refs/pr/([1-9][0-9]{0,8})")
NOTED = 100
"""Maximum number of commits of one push that are stored as events, newest first."""


def number_of(ref: str) -> int | None:
    """Return the number in ``refs/pr/N``; None for any other ref."""
    found = _HEAD.fullmatch(ref)
    return int(found[1]) if found else None


def proposer(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may propose changes: they may read it, and discussions are enabled.

    Raises:
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    row = access.visible(tx, caller, ref, by_alias=False)
    if caller is not None and access.may_commit(tx, caller, row):
        discussion_rules.check_enabled(row)
        return row, caller
    row, known = discussion_rules.get_repo_to_discuss(tx, caller, ref)
    access.check_read(tx, known, row)
    return row, known


def get_changeable_ref(
    tx: Read, caller: MaybeCaller, ref: RepoRef, revision: str
) -> tuple[RepoRow, Caller, BranchHead]:
    """Return the branch, or the head of a pull request, if the caller may commit to it.

    Raises:
        RevisionNotFound: nothing has this name, or a tag or commit has it.
        LoginRequired, NotAllowed: the caller may not write there.
        Refused: the pull request is closed or merged.
        RepoNotFound, RepoMoved, RepoDisabled, GatedRepo: no access.
    """
    number = number_of(parse_revision(revision))
    if number is None:
        row, known = access.committable(tx, caller, ref)
        branch = revisions.branch(tx, row.id, revision)
        access.check_ref(row, branch.ref)
        return row, known, branch
    row, known = _contributor(tx, caller, ref)
    discussion = discussions.find(tx, row.id, number)
    head = refs.find(tx, row.id, pull_ref(number))
    if discussion is None or head is None:
        raise RevisionNotFound(revision)
    check_proposal(tx, known, row, discussion)
    return row, known, BranchHead(pull_ref(number), head)


def uploader(
    tx: Read, caller: MaybeCaller, ref: RepoRef, revision: str | None, *, found: RepoRow | None = None
) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may upload bytes to it, for a later commit.

    Args:
        revision: target of the commit; None stands for a pull request
            that does not exist yet. For a branch that does not exist,
            the caller needs write access; the commit decides about its name.
        found: the repository with this name, if this transaction has read it.

    Raises:
        as :func:`changeable`.
    """
    if revision is None:
        return _contributor(tx, caller, ref)
    if number_of(revision) is None:
        return access.committable(tx, caller, ref, found=found)
    row, known, _ = get_changeable_ref(tx, caller, ref, revision)
    return row, known


def pusher(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository if the caller may push to it, at least to the head of a pull request of their own.

    Raises:
        LoginRequired, NotAllowed: the caller may not change any ref of the repository.
        RepoNotFound, RepoMoved, RepoDisabled, GatedRepo: no access.
    """
    row = access.visible(tx, caller, ref, by_alias=False)
    if caller is not None and discussions.has_open_pull(tx, row.id, caller.account.id):
        return _contributor(tx, caller, ref)
    return access.committable(tx, caller, ref)


def check_proposal(tx: Read, known: Caller, row: RepoRow, discussion: DiscussionRow) -> None:
    """Raise if the caller may not commit to a pull request, or if it is closed or merged.

    Raises:
        NotAllowed: the caller may not write to the repository, and is not its author or it is locked:
            titles of commits are shown among the comments.
        Refused: it is closed or merged.
    """
    if not access.may_commit(tx, known, row):
        if discussion.author_id != known.account.id:
            raise NotAllowed(
                f"Pull request {discussion.num} takes commits of its author and of those who may write to "
                f"the {row.type.value} {row.ref.id} only; open one of your own"
            )
        if discussion.is_locked:
            raise discussion_rules.lock_refusal(row, discussion)
    if not discussion.is_alive:
        advice = "reopen it first" if discussion.status == discussions.CLOSED else "open another one"
        raise Refused(f"pull request {discussion.num} is {discussion.status}: {advice}")


def record_commits(
    hub: HubContext, tx: Write, row: RepoRow, author: Caller, ref: RefName, commits: Sequence[tuple[Oid, str]]
) -> None:
    """Store events about new commits, in the transaction that moved the head of a pull request.

    Args:
        commits: id and title, oldest first.
        ref: refs other than heads of pull requests are ignored.

    Raises:
        RevisionNotFound, Refused, NotAllowed: the pull request was deleted or ended in the meantime.
    """
    number = number_of(ref)
    if number is None:
        return
    discussion = discussions.find(tx, row.id, number)
    if discussion is None:
        raise RevisionNotFound(ref)
    check_proposal(tx, author, row, discussion)
    for oid, subject in commits[-NOTED:]:
        if not discussion_rules.is_full(tx, discussion):
            discussion_rules.note(hub, tx, discussion, author, "commit", discussion_rules.commit_data(subject, oid))
    discussion_rules.emit_event(hub, tx, row, discussion, "update")


def record_fork(tx: Write, row: RepoRow, before: BranchHead) -> None:
    """Store the base of a pull request, in the transaction that replaces its history.

    Args:
        before: its previous head; refs other than heads of pull requests are ignored.
    """
    number = number_of(before.ref)
    discussion = discussions.find(tx, row.id, number) if number is not None else None
    if discussion is not None:
        fork = next(iter(bases_of(tx, discussion, before.head)), None)
        discussions.change(tx, discussion.id, fork_oid=fork)


def bases_of(tx: Read, discussion: DiscussionRow, head: Oid) -> list[Oid]:
    """Return the best common ancestors of a pull request and its base, from before a squash if there was one."""
    base = refs.find(tx, discussion.repo_id, discussion.base) if discussion.base is not None else None
    if base is None:
        return []
    found = commit_rows.merge_bases(tx, discussion.repo_id, base, head)
    if (
        not found
        and discussion.fork_oid is not None
        and commit_rows.generation(tx, discussion.repo_id, discussion.fork_oid) is not None
    ):
        return [discussion.fork_oid]
    return found


def _contributor(tx: Read, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoRow, Caller]:
    """Return the repository and the caller if they may write (with any kind of token), or may propose changes."""
    row = access.visible(tx, caller, ref, by_alias=False)
    if caller is not None and access.may_commit(tx, caller, row):
        return row, caller
    return proposer(tx, caller, ref)
