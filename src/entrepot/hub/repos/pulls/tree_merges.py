"""Trees of pull requests merged with their base, path by path: what they result in, and what prevents it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from entrepot.catalog import Read
from entrepot.catalog.community.discussions import DiscussionRow
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import commits as commit_rows
from entrepot.catalog.repos import refs
from entrepot.errors import LimitExceeded, NotMergeable
from entrepot.git import Kind, Merged, MergeSide, merge_trees
from entrepot.hub.community import discussion_rules, pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs_rules
from entrepot.names import Oid, RepoPath, parse_path
from entrepot.storage import objects as stored
from entrepot.storage.objects import GitObject
from entrepot.storage.trees import Trees


def merge_sides(
    hub: HubContext,
    tx: Read,
    discussion: DiscussionRow,
    base: Oid,
    head: Oid,
    rules: dict[Oid, GitObject],
    chosen: Mapping[RepoPath, MergeSide] | None = None,
) -> Merged:
    """Return the trees of a pull request merged into its base; with choices, those of the base merged into it.

    Args:
        base, head: the commits of the base and of the pull request.
        rules: file objects that the merge creates are added to it.
        chosen: the side of each file that is not merged; ours is the pull request.

    Raises:
        LimitExceeded: a side changed too many files.
    """
    ours, theirs = (base, head) if chosen is None else (head, base)
    bases = pull_request_access.bases_of(tx, discussion, head)
    return _merge_commits(hub, tx, discussion.repo_id, bases, ours, theirs, rules, chosen or {})


def undo(hub: HubContext, tx: Read, repo_id: int, head: Oid, undone: Oid, rules: dict[Oid, GitObject]) -> Merged:
    """Return the trees of a commit without the changes of one of its ancestors; conflicts are those of later commits.

    Args:
        undone: a commit with a parent; of a merge, what it brought to its first parent is undone.
        rules: file objects that the merge creates are added to it.

    Raises:
        LimitExceeded: a side changed too many files.
    """
    before = stored.read_commit(tx, repo_id, undone).parents[0]
    return _merge_commits(hub, tx, repo_id, [undone], head, before, rules, {})


def _merge_commits(
    hub: HubContext,
    tx: Read,
    repo_id: int,
    bases: Sequence[Oid],
    ours: Oid,
    theirs: Oid,
    rules: dict[Oid, GitObject],
    chosen: Mapping[RepoPath, MergeSide],
) -> Merged:
    def root(commit: Oid) -> Oid:
        return stored.root_of(hub.store, tx, repo_id, commit)

    resolve = functools.partial(lfs_rules.merge_change, tx, repo_id, rules)
    read = Trees(hub.store, tx, repo_id).read
    return merge_trees([root(commit) for commit in bases], root(ours), root(theirs), read, resolve, chosen)


def check_added_names(merged: Merged) -> None:
    """Raise if a merge adds a path that breaks the rules of names.

    Raises:
        InvalidPath: an added path breaks a rule.
    """
    for change in merged.taken:
        if change.old is None and change.new is not None:
            parse_path(change.path)


def rows_of(merged: Merged, others: Sequence[GitObject]) -> list[ObjectRow]:
    """Return the rows of the trees that a merge made, and of other objects."""
    made = [GitObject(oid, Kind.TREE, content) for oid, content in merged.made.items()]
    return [stored.row_of(item) for item in (*made, *others)]


def merge_checked(
    hub: HubContext, tx: Read, discussion: DiscussionRow, base: Oid, head: Oid, rules: dict[Oid, GitObject]
) -> Merged:
    """Return the merged trees; file objects that the merge creates are added to ``rules``.

    Raises:
        NotMergeable: there is a conflict, or nothing to merge.
        InvalidPath: it adds a path that breaks the rules of names.
    """
    merged = merge_sides(hub, tx, discussion, base, head, rules)
    if merged.conflicts:
        raise NotMergeable(discussion.num, f"it is in conflict with {discussion.base}", tuple(merged.conflicts))
    check_added_names(merged)
    if merged.root == stored.root_of(hub.store, tx, discussion.repo_id, base):
        # Clients of 2024 match on these words.
        raise NotMergeable(discussion.num, "it has no associated changes")
    return merged


def conflicts(hub: HubContext, tx: Read, discussion: DiscussionRow) -> Sequence[RepoPath] | None:
    """Return the paths that prevent a merge; None if a side is gone, or too much has changed to list them."""
    if not discussion.is_alive or discussion.base is None:
        return ()
    base = refs.find(tx, discussion.repo_id, discussion.base)
    head = refs.find(tx, discussion.repo_id, discussion_rules.head_ref(discussion))
    if base is None or head is None:
        return None
    try:
        return merge_sides(hub, tx, discussion, base, head, {}).conflicts
    except LimitExceeded:
        return None


def sides(tx: Read, discussion: DiscussionRow) -> tuple[Oid | None, Oid | None]:
    """Return the commits between which a pull request proposes, or has made, changes."""
    head = refs.find(tx, discussion.repo_id, discussion_rules.head_ref(discussion))
    if discussion.merge_oid is not None:
        if commit_rows.generation(tx, discussion.repo_id, discussion.merge_oid) is None:
            return None, None  # the history of the base was rewritten since then, and the old one swept
        return stored.read_commit(tx, discussion.repo_id, discussion.merge_oid).parents[0], discussion.merge_oid
    if head is None:
        return None, None
    return next(iter(pull_request_access.bases_of(tx, discussion, head)), None), head
