"""Resolves the conflicts of a pull request by choosing a side for each file, in one commit on its own ref.

The commit merges the base into the pull request; the base does not change.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.community.discussions import DiscussionRow
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import BranchMoved, Malformed, NotMergeable, Refused
from entrepot.git import Merged, MergeSide
from entrepot.hub import capabilities
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import discussion_rules, pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.repos import diffs
from entrepot.hub.repos.commits import RecordedCommit
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.hub.repos.pulls import tree_merges
from entrepot.names import Oid, RepoRef, pull_ref
from entrepot.storage.objects import GitObject


@attrs.frozen
class Resolution:
    """The choices of a user who saw two commits in conflict.

    ``base``, ``head``: the commits of the base and of the pull request; ``sides``: for each path
    in conflict, in their order: ours is the pull request, theirs the base.
    """

    base: str
    head: str
    sides: Sequence[MergeSide]


def resolve(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, wanted: Resolution) -> RecordedCommit:
    """Merge the base of a pull request into it, with the chosen side of each file in conflict.

    Raises:
        ThingNotFound, RevisionNotFound: the pull request or its ref does not exist.
        Refused: one of the commits is no longer the newest, or the pull request is closed or merged.
        Malformed: there is not one choice for each path in conflict.
        NotMergeable: nothing is in conflict, or a file stands where the other side has a folder.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
        BranchMoved: the pull request got a commit in the meantime.
    """
    with hub.read() as tx:
        row, author, branch = pull_request_access.get_changeable_ref(tx, caller, ref, pull_ref(num))
        discussion = discussion_rules.get_pull(tx, row, num)
        base = refs.find(tx, row.id, discussion.base) if discussion.base is not None else None
        if base is None:
            raise NotMergeable(num, f"the branch {discussion.base} is gone")
        if (base, branch.head) != (wanted.base, wanted.head):
            raise Refused("there is a new commit on one of the two sides; look at the conflicts and choose again")
        rules: dict[Oid, GitObject] = {}
        merged = _merged(hub, tx, discussion, base, branch.head, rules, wanted.sides)
        tree_merges.check_added_names(merged)
        large = diffs.large_files(tx, row.id, merged.taken)
    into = str(discussion.base).removeprefix("refs/heads/")
    summary = f"Merge {into} into {branch.ref}"
    commit = commit_object(hub, author, merged.root, (branch.head, base), summary, "")
    publication = Publication(
        row.id,
        Move(branch.ref, branch.head, commit.oid),
        (branch.head, base),
        tree_merges.rows_of(merged, [*rules.values(), commit]),
        large,
        [change.path for change in merged.taken],
        author.account.id,
    )
    return _published(hub, row, author, publication, summary)


def _merged(
    hub: HubContext,
    tx: Read,
    discussion: DiscussionRow,
    base: Oid,
    head: Oid,
    rules: dict[Oid, GitObject],
    sides: Sequence[MergeSide],
) -> Merged:
    paths = tree_merges.merge_sides(hub, tx, discussion, base, head, {}).conflicts
    if not paths:
        raise NotMergeable(discussion.num, "nothing is in conflict")
    if len(sides) != len(paths):
        raise Malformed("choices", f"choose a side for each of the {len(paths)} files")
    merged = tree_merges.merge_sides(hub, tx, discussion, base, head, rules, dict(zip(paths, sides, strict=True)))
    if merged.conflicts:
        raise NotMergeable(discussion.num, "one side has a file where the other has a folder", tuple(merged.conflicts))
    return merged


def _published(hub: HubContext, row: RepoRow, author: Caller, publication: Publication, summary: str) -> RecordedCommit:
    move = publication.move
    with hub.write(Lock.repo(row.id), ahead=capabilities.ahead_of_recheck(author, row)) as tx:
        present, author = capabilities.recheck(tx, author, row, move.ref, hub.now_ms())
        if not publish(hub, tx, present, publication):
            raise BranchMoved(move.ref)
        pull_request_access.record_commits(hub, tx, row, author, move.ref, [(move.new, summary)])
    hub.job_added.set()
    return RecordedCommit(row, move.ref, move.new)
