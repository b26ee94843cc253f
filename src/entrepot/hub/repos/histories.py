"""Use cases on histories: list commits, compare revisions, squash."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.repos import commits
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import BranchMoved, EntryNotFound, Malformed, RevisionNotFound
from entrepot.hub import access, audit, capabilities, revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.jobs.indexing import index_briefly
from entrepot.hub.repos import diffs, protections
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage import histories, objects
from entrepot.storage.histories import LoggedCommit as LoggedCommit


@attrs.frozen
class CommitPage:
    """A page of commits, newest first, and the total number of commits."""

    repo: RepoRow
    commits: Sequence[LoggedCommit]
    total: int


def history(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, *, offset: int, limit: int
) -> CommitPage:
    """Return the commits reachable from a revision, children before parents.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        head = revisions.resolve(tx, row.id, revision)
        page = histories.log(tx, row.id, head, offset=offset, limit=limit)
        return CommitPage(row, page, commits.count_ancestors(tx, row.id, head))


def newest_commit(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> LoggedCommit:
    """Return the commit that a revision names.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        [found] = histories.log_of(tx, row.id, [revisions.resolve(tx, row.id, revision)])
        return found


def path_history(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath, *, offset: int, limit: int
) -> CommitPage:
    """Return the commits reachable from a revision that changed a file or folder, children before parents.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
        EntryNotFound: no commit has ever had the path.
        HistoryBeingIndexed: too many commits are new.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        head = revisions.resolve(tx, row.id, revision)
    index_briefly(hub, row.id, head)
    with hub.read() as tx:
        found, total = commits.changes_of(tx, row.id, head, path, offset=offset, limit=limit)
        if not total:
            raise EntryNotFound(path, head)
        return CommitPage(row, histories.log_of(tx, row.id, found), total)


def commits_between(hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str, *, limit: int) -> CommitPage:
    """Return the newest commits of the second side of a comparison that the first side does not have.

    Args:
        spec: as for :func:`compare`.
        limit: commits that are looked at; ``total`` counts those among them.

    Raises:
        as :func:`history`; Malformed: the specification cannot be read.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        old, new = resolve_sides(tx, row.id, spec)
        found = [] if new is None else commits.ancestors(tx, row.id, new, limit=limit)
        known = set[Oid]() if old is None else commits.reached(tx, row.id, found, [old])
        kept = [oid for oid in found if oid not in known]
        return CommitPage(row, histories.log_of(tx, row.id, kept), len(kept))


def compare(hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str) -> str:
    """Return the differences between two revisions in git's format.

    Args:
        spec: ``a..b`` (from a to b), ``a...b`` (from their common ancestor to
            b); ``x^`` is the first parent of x.

    Returns:
        At most about 8 MiB of text and 20,000 files; see :func:`entrepot.hub.repos.diffs.between`.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        Malformed: the specification cannot be read.
        RevisionNotFound: a side does not exist.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        old, new = resolve_sides(tx, row.id, spec)
        return diffs.between(hub, tx, caller, row, old, new)


def resolve_sides(tx: Read, repo_id: int, spec: str) -> tuple[Oid | None, Oid | None]:
    """Return the commits of a comparison, None for the parent of a root commit.

    Args:
        spec: as for :func:`compare`.

    Raises:
        Malformed: the specification cannot be read.
        RevisionNotFound: a side does not exist.
    """
    left, dots, right = spec.partition("...") if "..." in spec else spec.partition("..")
    if not dots or not left or not right:
        raise Malformed("comparison", "expected 'a..b' or 'a...b'")
    old, new = (_side(tx, repo_id, side) for side in (left, right))
    if dots == "..." and old is not None and new is not None:
        old = next(iter(commits.merge_bases(tx, repo_id, old, new)), None)
    return old, new


def squash(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, message: str) -> Oid:
    """Replace the history of a branch by one commit with the same files.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        RevisionNotFound: the revision is not a branch.
        BranchMoved: the branch got a commit in the meantime.
        Refused: the branch is protected, or the head of a pull request that is closed.
    """
    with hub.read() as tx:
        row, author, branch = pull_request_access.get_changeable_ref(tx, caller, ref, revision)
        protections.check_rewriting(row, branch.ref)
        root = objects.root_of(hub.store, tx, row.id, branch.head)
    summary, _, description = (message.strip() or "Super-squash branch").partition("\n")
    commit = commit_object(hub, author, root, (), summary, description.strip("\n"))
    move = Move(branch.ref, branch.head, commit.oid)
    with hub.write(Lock.repo(row.id), Lock.audit(), ahead=capabilities.ahead_of_recheck(author, row)) as tx:
        present, author = capabilities.recheck(tx, author, row, branch.ref, hub.now_ms())
        rows = [objects.row_of(commit)]
        if not publish(hub, tx, present, Publication(row.id, move, (), rows, (), (), author.account.id)):
            raise BranchMoved(branch.ref)
        pull_request_access.record_fork(tx, row, branch)
        pull_request_access.record_commits(hub, tx, row, author, branch.ref, [(commit.oid, summary)])
        audit.record(hub, tx, author, "ref.squash", access.subject(row), {"ref": branch.ref, "was": branch.head})
    hub.job_added.set()
    return commit.oid


def _side(tx: Read, repo_id: int, text: str) -> Oid | None:
    """Return the commit of one side; None for the parent of a root commit."""
    steps = len(text) - len(text.rstrip("^"))
    found: Oid | None = revisions.resolve(tx, repo_id, text.rstrip("^"))
    for _ in range(min(steps, 100)):
        if found is None:
            raise RevisionNotFound(text)
        parents = objects.read_commit(tx, repo_id, found).parents
        found = parents[0] if parents else None
    return found
