"""Histories of repositories: recording of commits, and the last commit that changed a path."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.repos import commits
from entrepot.errors import ObjectMissing
from entrepot.git import EMPTY_TREE, Commit, Entry, diff_trees
from entrepot.names import Oid, RepoPath
from entrepot.storage.objects import read_commit, read_commits
from entrepot.storage.store import Store
from entrepot.storage.trees import Trees


@attrs.frozen
class LoggedCommit:
    """A commit with its id."""

    oid: Oid
    commit: Commit


def record(tx: Write, repo_id: int, oid: Oid, parents: Sequence[Oid]) -> None:
    """Add a new commit to the index of the history.

    Raises:
        ObjectMissing: a parent was never recorded.
    """
    highest = 0
    for parent in parents:
        generation = commits.generation(tx, repo_id, parent)
        if generation is None:
            raise ObjectMissing(parent)
        highest = max(highest, generation)
    commits.put(tx, repo_id, oid, parents, highest + 1)


def record_all(tx: Write, repo_id: int, ordered: Sequence[tuple[Oid, Sequence[Oid]]]) -> None:
    """Add new commits, each with its parents, to the index of the history.

    Args:
        ordered: parents before children.

    Raises:
        ObjectMissing: a parent was never recorded.
    """
    generations: dict[Oid, int] = {}
    for oid, parents in ordered:
        for parent in parents:
            if parent not in generations:
                known = commits.generation(tx, repo_id, parent)
                if known is None:
                    raise ObjectMissing(parent)
                generations[parent] = known
        generations[oid] = 1 + max((generations[parent] for parent in parents), default=0)
    commits.put_many(tx, repo_id, [(oid, parents, generations[oid]) for oid, parents in ordered])


def log(tx: Read, repo_id: int, head: Oid, *, offset: int, limit: int) -> list[LoggedCommit]:
    """Return one page of the history of a commit, newest first."""
    oids = commits.ancestors(tx, repo_id, head, offset=offset, limit=limit)
    return [LoggedCommit(oid, commit) for oid, commit in read_commits(tx, repo_id, oids)]


def changed_paths(store: Store, tx: Read, repo_id: int, oid: Oid) -> Iterator[RepoPath]:
    """Yield the files, and their parent folders, that a commit changed relative to its first parent."""
    return paths_between(*roots_of(tx, repo_id, oid), Trees(store, tx, repo_id).read)


def roots_of(tx: Read, repo_id: int, oid: Oid) -> tuple[Oid | None, Oid]:
    """Return the trees of the first parent of a commit (None: it has none) and of the commit."""
    commit = read_commit(tx, repo_id, oid)
    before = read_commit(tx, repo_id, commit.parents[0]).tree if commit.parents else None
    return before, commit.tree


def paths_between(old: Oid | None, new: Oid, read: Callable[[Oid], bytes]) -> Iterator[RepoPath]:
    """Yield the files in which two trees differ, and their parent folders; see :func:`~entrepot.git.diff_trees`."""
    folders: set[str] = set()
    for change in diff_trees(old, new, read):
        yield change.path
        folder = change.path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            yield RepoPath(folder)
            folder = folder.rpartition("/")[0]


def last_commits(
    store: Store, tx: Read, repo_id: int, head: Oid, paths: Sequence[RepoPath], unindexed: Sequence[Oid] = ()
) -> dict[RepoPath, LoggedCommit]:
    """Return the newest commit that changed each path, among those that are indexed or in ``unindexed``.

    Args:
        unindexed: ancestors of ``head`` that the index lacks. Each path is looked up in their trees and in those of
            their first parents, which for few paths is much faster than to index them.
    """
    newest = commits.last_changes(tx, repo_id, head, paths)
    named = dict[str, list[str]]()
    for path in paths:
        folder, _, name = path.rpartition("/")
        named.setdefault(folder, []).append(name)
    sides = _Sides(Trees(store, tx, repo_id), named)
    ranks: dict[Oid, tuple[int, Oid]] = {}
    for oid in unindexed:
        commit = read_commit(tx, repo_id, oid)
        before = read_commit(tx, repo_id, commit.parents[0]).tree if commit.parents else EMPTY_TREE
        for path in sides.differing(before, commit.tree):
            for one in (oid, newest.get(path, oid)):
                if one not in ranks:
                    ranks[one] = -(commits.generation(tx, repo_id, one) or 0), one
            newest[path] = min(oid, newest.get(path, oid), key=ranks.__getitem__)
    logged = {oid: LoggedCommit(oid, commit) for oid, commit in read_commits(tx, repo_id, set(newest.values()))}
    return {path: logged[oid] for path, oid in newest.items()}


class _Sides:
    """The entries of some paths in trees; the tree of a commit is also the older side of the next one."""

    def __init__(self, trees: Trees, named: Mapping[str, Sequence[str]]) -> None:
        self._trees, self._named = trees, named
        self._folder = functools.cache(self._find_folder)
        self._entries = functools.cache(self._find_entries)

    def differing(self, old: Oid, new: Oid) -> Iterator[RepoPath]:
        """Yield the paths whose entries differ between two trees; nothing is looked up in equal folders."""
        for folder, names in self._named.items():
            before, after = self._folder(old, folder), self._folder(new, folder)
            if before == after:
                continue
            pairs = zip(names, self._entries(before, folder), self._entries(after, folder), strict=True)
            yield from (RepoPath(f"{folder}/{name}" if folder else name) for name, was, now in pairs if was != now)

    def _find_folder(self, root: Oid, folder: str) -> Oid | None:
        found = None if root == EMPTY_TREE else self._trees.find(root, RepoPath(folder))
        return found.oid if found is not None and found.is_folder else None

    def _find_entries(self, tree: Oid | None, folder: str) -> Sequence[Entry | None]:
        names = self._named[folder]
        return [None] * len(names) if tree is None else self._trees.find_each(tree, names)


def log_of(tx: Read, repo_id: int, oids: Sequence[Oid]) -> list[LoggedCommit]:
    """Return commits, in the order of their ids."""
    found = dict(read_commits(tx, repo_id, oids))
    return [LoggedCommit(oid, found[oid]) for oid in oids]
