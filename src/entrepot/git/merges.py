"""Three-way merges of trees, path by path.

A path that only one side changed is taken from that side; one that both
changed in the same way is no conflict. Texts are not merged line by line:
a file that both sides rewrote differently is a conflict. Nothing is taken for
a rename. Source: git, ``merge-ort.c``, with ``merge.renames=false``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import attrs

from entrepot.errors import InvalidOperation, LimitExceeded
from entrepot.git.diffs import Change, diff_trees
from entrepot.git.edits import TreeEditor
from entrepot.git.objects import EMPTY_TREE
from entrepot.git.trees import Entry
from entrepot.names import Oid, RepoPath

MAX_CHANGES: Final = 200_000
"""Files that one side of a merge may have changed."""

_FORMAT = 0o170000
T = TypeVar("T")


@attrs.frozen
class Merged:
    """The outcome of a merge.

    ``root``: the merged tree, right only without conflicts; ``made``: the
    content of every tree object in it that is new; ``taken``: what it changes
    on our side, in the order of paths; ``conflicts``: the paths that somebody
    has to look at, sorted.
    """

    root: Oid
    made: Mapping[Oid, bytes]
    taken: Sequence[Change]
    conflicts: Sequence[RepoPath]


Resolve = Callable[[Change, Change], Entry | None]
"""Returns what becomes of a file that both sides changed differently, ours first; None is a conflict."""


def merge_trees(
    bases: Sequence[Oid],
    ours: Oid,
    theirs: Oid,
    read: Callable[[Oid], bytes],
    resolve: Resolve = lambda _ours, _theirs: None,
) -> Merged:
    """Bring what their tree changed since the base into ours.

    Args:
        bases: root trees of the best common ancestors; none stands for an
            empty tree. Where histories crossed there are several: then a path
            is merged only as far as every one of them leads to the same
            result, and is a conflict otherwise.
        read: returns the content of a tree object; what it raises passes through.
        resolve: is asked about each file that would be a conflict.

    Raises:
        LimitExceeded: a side changed more than :data:`MAX_CHANGES` files.
        Malformed: a tree cannot be read.

    Guarantees: only trees that differ are read; without conflicts, and where
    no text would have to be merged, the result is the tree that git makes.
    """
    first, *others = [_merge(base, ours, theirs, read, resolve) for base in bases or (EMPTY_TREE,)]
    conflicts = set(first.conflicts)
    for other in others:
        differing = diff_trees(first.root, other.root, _reading({**first.made, **other.made}, read))
        conflicts.update(other.conflicts)
        conflicts.update(change.path for change in differing)
    return attrs.evolve(first, conflicts=sorted(conflicts))


def _reading(made: Mapping[Oid, bytes], read: Callable[[Oid], bytes]) -> Callable[[Oid], bytes]:
    return lambda oid: made[oid] if oid in made else read(oid)


def _merge(base: Oid, ours: Oid, theirs: Oid, read: Callable[[Oid], bytes], resolve: Resolve) -> Merged:
    mine = {change.path: change for change in _changes(base, ours, read)}
    editor = TreeEditor(ours, read)
    conflicts: list[RepoPath] = []
    wanted: list[Change] = []
    for change in _changes(base, theirs, read):
        own = mine.get(change.path)
        if own is None:
            wanted.append(change)
        elif own.new != change.new:
            both = _combined(own, change) or resolve(own, change)
            if both is None:
                conflicts.append(change.path)
            elif both != own.new:
                wanted.append(Change(change.path, own.new, both))
    for change in wanted:  # removals first: they may make room for a folder, or for a file
        if change.new is None:
            editor.remove_file(change.path)
    for change in wanted:
        if change.new is not None:
            try:
                editor.put(change.path, change.new.mode, change.new.oid)
            except InvalidOperation:  # a file on one side stands where the other needs a folder
                conflicts.append(change.path)
    root, made = editor.write()
    return Merged(root, made, wanted, conflicts)


def _changes(base: Oid, tree: Oid, read: Callable[[Oid], bytes]) -> list[Change]:
    changes = list(itertools.islice(diff_trees(base, tree, read), MAX_CHANGES + 1))
    if len(changes) > MAX_CHANGES:
        raise LimitExceeded("the number of changed files in a merge", MAX_CHANGES, "merge with git and push the result")
    return changes


def _combined(ours: Change, theirs: Change) -> Entry | None:
    """What becomes of a file that both sides changed differently; None is a conflict.

    One side may have made a file executable that the other one rewrote.
    """
    base, left, right = ours.old, ours.new, theirs.new
    if base is None or left is None or right is None:
        return None
    if left.mode & _FORMAT != right.mode & _FORMAT:
        return None  # a file here and a link there: neither is the newer text of the other
    mode, oid = _picked(base.mode, left.mode, right.mode), _picked(base.oid, left.oid, right.oid)
    return None if mode is None or oid is None else Entry(left.name, mode, oid)


def _picked(base: T, left: T, right: T) -> T | None:
    """The value of the side that changed it; None when both did, differently."""
    if left == right or right == base:
        return left
    return right if left == base else None
