"""Checks of pushes against the locks of other users.

Source: git-lfs, docs/api/locking.md.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.repos import locks
from entrepot.catalog.repos.locks import LfsLock
from entrepot.git import Entry
from entrepot.git.tree_scan import TreeScan
from entrepot.hub.context import HubContext
from entrepot.hub.git.push_contents import PushContents
from entrepot.names import Oid, RepoPath
from entrepot.storage.objects import root_of
from entrepot.storage.trees import Trees


@attrs.frozen(eq=False)
class PushGuard:
    """The locks of other users that a push must respect.

    A push changes a path where one of its new commits differs from all its
    parents, and where a rewritten branch differs from its previous head.
    Commits that the repository has already were checked when they were pushed.
    """

    held: Sequence[LfsLock]
    _trees: Callable[[Oid], Oid]
    _find: Callable[[Oid, RepoPath], Entry | None]
    _parents: Mapping[Oid, tuple[Oid, ...]]
    _found: dict[Oid, LfsLock | None] = attrs.field(factory=dict)
    _free: set[Oid] = attrs.field(factory=set)

    def find(self, old: Oid | None, new: Oid, is_forward: Callable[[], bool]) -> LfsLock | None:
        """Return a lock that forbids moving a branch from ``old`` (None: it is new) to ``new``.

        Args:
            is_forward: returns whether ``new`` has ``old`` in its history.
        """
        if not self.held:
            return None
        # What was found free on the way to one ref is not walked again for others.
        waiting, seen = [new], {new}
        while waiting:
            oid = waiting.pop()
            if oid not in self._parents or oid in self._free:
                continue
            lock = self._lock_against(oid)
            if lock is not None:
                return lock
            fresh = [parent for parent in self._parents[oid] if parent not in seen]
            seen.update(fresh)
            waiting += fresh
        self._free.update(seen)
        return None if old is None or is_forward() else self._differing(new, [old])

    def beyond(self, checked: PushGuard) -> PushGuard:
        """Return this guard with only the locks that another one did not check."""
        known = {lock.uid for lock in checked.held}
        return attrs.evolve(self, held=[lock for lock in self.held if lock.uid not in known])

    def _lock_against(self, oid: Oid) -> LfsLock | None:
        if oid not in self._found:
            self._found[oid] = self._differing(oid, self._parents[oid])
        return self._found[oid]

    def _differing(self, oid: Oid, others: Sequence[Oid]) -> LfsLock | None:
        tree, before = self._trees(oid), [self._trees(other) for other in others]
        if tree in before:
            return None
        for lock in self.held:
            if self._find(tree, lock.path) not in ([self._find(root, lock.path) for root in before] or [None]):
                return lock
        return None


def guard(hub: HubContext, tx: Read, repo_id: int, account_id: int, found: PushContents) -> PushGuard:
    """Return the locks of other users, with everything needed to check a push against them."""
    stored = Trees(hub.store, tx, repo_id)

    @functools.cache
    def scan(tree: Oid) -> TreeScan:
        return TreeScan(found.trees[tree])

    @functools.cache
    def tree_of(commit: Oid) -> Oid:
        return found.commits[commit].tree if commit in found.commits else root_of(hub.store, tx, repo_id, commit)

    def find(tree: Oid, path: RepoPath) -> Entry | None:
        if tree not in found.trees:
            return stored.find(tree, path)
        name, _, rest = path.partition("/")
        span = scan(tree).find(name.encode("utf-8", "surrogateescape"))
        here = span and Entry(name, span.mode, span.oid)
        if not rest or here is None:
            return here
        return find(here.oid, RepoPath(rest)) if here.is_folder else None

    parents = {oid: commit.parents for oid, commit in found.commits.items()}
    return PushGuard(locks.of_others(tx, repo_id, account_id), tree_of, find, parents)
