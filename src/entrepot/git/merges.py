"""Three-way merges of trees, path by path.

A path that only one side changed is taken from that side. A path that both
sides changed in the same way is not a conflict. Texts are not merged line by
line: a file that both sides changed differently is a conflict. Renames are not
detected. Source: git, ``merge-ort.c``, with ``merge.renames=false``.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import attrs

from entrepot.errors import InvalidOperation, LimitExceeded
from entrepot.git.diffs import Change, diff_trees
from entrepot.git.edits import TreeEditor
from entrepot.git.objects import EMPTY_TREE
from entrepot.git.trees import Entry
from entrepot.names import Oid, RepoPath

MAX_CHANGES: Final = 200_000
"""The maximum number of files that one side of a merge may have changed."""

_FORMAT = 0o170000
T = TypeVar("T")


@attrs.frozen
class Merged:
    """The result of a merge.

    ``root``: the merged tree, valid only without conflicts; ``made``: the
    content of every new tree object in it; ``taken``: its changes relative to
    our side, in the order of paths; ``conflicts``: the paths in conflict,
    sorted.
    """

    root: Oid
    made: Mapping[Oid, bytes]
    taken: Sequence[Change]
    conflicts: Sequence[RepoPath]


class MergeSide(enum.Enum):
    """A side of a merge."""

    OURS = "ours"
    THEIRS = "theirs"


Resolve = Callable[[Change, Change], Entry | None]
"""A function that resolves a file which both sides changed differently, ours first; None is a conflict."""


def merge_trees(
    bases: Sequence[Oid],
    ours: Oid,
    theirs: Oid,
    read: Callable[[Oid], bytes],
    resolve: Resolve = lambda _ours, _theirs: None,
    chosen: Mapping[RepoPath, MergeSide] = MappingProxyType({}),
) -> Merged:
    """Merge the changes that their tree made since the base into ours.

    Args:
        bases: root trees of the best common ancestors; without any, the base is
            an empty tree. After criss-cross merges there are several: then a
            path is merged only if all bases give the same result, and is a
            conflict otherwise.
        read: returns the content of a tree object; its exceptions propagate.
        resolve: called for each file that would be a conflict.
        chosen: files that are taken from one side as they are there, whatever happened to them on the other.

    Raises:
        LimitExceeded: a side changed more than :data:`MAX_CHANGES` files.
        Malformed: a tree cannot be read.

    Guarantees: only trees that differ are read. Without conflicts, and if no
    text needs merging, the result is the tree that git creates.
    """
    first, *others = [_merge(base, ours, theirs, read, resolve, chosen) for base in bases or (EMPTY_TREE,)]
    conflicts = set(first.conflicts)
    for other in others:
        differing = diff_trees(first.root, other.root, _reading({**first.made, **other.made}, read))
        conflicts.update(other.conflicts)
        conflicts.update(change.path for change in differing)
    return attrs.evolve(first, conflicts=sorted(conflicts))


def _reading(made: Mapping[Oid, bytes], read: Callable[[Oid], bytes]) -> Callable[[Oid], bytes]:
    return lambda oid: made[oid] if oid in made else read(oid)


def _merge(
    base: Oid,
    ours: Oid,
    theirs: Oid,
    read: Callable[[Oid], bytes],
    resolve: Resolve,
    chosen: Mapping[RepoPath, MergeSide],
) -> Merged:
    mine = {change.path: change for change in _changes(base, ours, read)}
    editor = TreeEditor(ours, read)
    conflicts: list[RepoPath] = []
    wanted: list[Change] = []
    for change in _changes(base, theirs, read):
        own = mine.pop(change.path, None)
        if change.path in chosen:
            if chosen[change.path] is MergeSide.THEIRS:
                wanted.append(Change(change.path, change.old if own is None else own.new, change.new))
        elif own is None:
            wanted.append(change)
        elif own.new != change.new:
            both = _combined(own, change) or resolve(own, change)
            if both is None:
                conflicts.append(change.path)
            elif both != own.new:
                wanted.append(Change(change.path, own.new, both))
    # What only our side changed is still as in the base on theirs.
    undone = [change for path, change in mine.items() if chosen.get(path) is MergeSide.THEIRS]
    wanted += [Change(change.path, change.new, change.old) for change in undone]
    wanted = [change for change in wanted if change.old != change.new]
    for change in wanted:  # removals first: a folder or a file may take the place of a removed one
        if change.new is None:
            editor.remove_file(change.path)
    for change in wanted:
        if change.new is not None:
            try:
                editor.put(change.path, change.new.mode, change.new.oid)
            except InvalidOperation:  # one side has a file where the other needs a folder
                conflicts.append(change.path)
    root, made = editor.write()
    return Merged(root, made, wanted, conflicts)


def _changes(base: Oid, tree: Oid, read: Callable[[Oid], bytes]) -> list[Change]:
    changes = list(itertools.islice(diff_trees(base, tree, read), MAX_CHANGES + 1))
    if len(changes) > MAX_CHANGES:
        raise LimitExceeded("the number of changed files in a merge", MAX_CHANGES, "merge with git and push the result")
    return changes


def _combined(ours: Change, theirs: Change) -> Entry | None:
    """Return the entry of a file that both sides changed differently, or None for a conflict.

    One side may have made a file executable while the other changed its text.
    """
    base, left, right = ours.old, ours.new, theirs.new
    if base is None or left is None or right is None:
        return None
    if left.mode & _FORMAT != right.mode & _FORMAT:
        return None  # a file on one side and a link on the other cannot be combined
    mode, oid = _picked(base.mode, left.mode, right.mode), _picked(base.oid, left.oid, right.oid)
    return None if mode is None or oid is None else Entry(left.name, mode, oid)


def _picked(base: T, left: T, right: T) -> T | None:
    """Return the value of the side that changed it, or None if both sides changed it differently."""
    if left == right or right == base:
        return left
    return right if left == base else None
