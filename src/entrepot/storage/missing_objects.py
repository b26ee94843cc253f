"""The objects that a copy of a repository lacks, found by walking from new refs to existing objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from entrepot.catalog import Read
from entrepot.git import Commit, Kind, Mode, parse_commit, parse_tag_object, parse_tree
from entrepot.names import Oid
from entrepot.storage.objects import content_of, find_row, read_commits
from entrepot.storage.store import Store
from entrepot.storage.trees import Trees

MAX_COMMITS = 1_000
"""A copy that lacks more commits than this is rebuilt, which is faster."""

Present = Callable[[Sequence[Oid]], set[Oid]]
"""A function that returns which of the given objects the copy has."""


def find_missing(store: Store, tx: Read, repo_id: int, tips: Iterable[Oid], present: Present) -> list[Oid] | None:
    """Return the objects that are reachable from the tips and missing from a copy; None if there are too many.

    The result may include objects that the copy has. A commit that the copy has
    is assumed to be complete there.

    Raises:
        ObjectMissing, ObjectDamaged: an object is missing from the store, or damaged.
    """
    return _Walk(store, tx, repo_id, present).run(tips)


class _Walk:
    def __init__(self, store: Store, tx: Read, repo_id: int, present: Present) -> None:
        self._tx = tx
        self._repo_id = repo_id
        self._present = present
        self._read = Trees(store, tx, repo_id).read
        self._found: dict[Oid, None] = {}
        self._commits: dict[Oid, Commit] = {}

    def run(self, tips: Iterable[Oid]) -> list[Oid] | None:
        front = self._peeled(tips)
        while front:
            fresh = self._lacking(front)
            if len(self._commits) + len(fresh) > MAX_COMMITS:
                return None
            self._commits |= read_commits(self._tx, self._repo_id, fresh)
            front = {parent for oid in fresh for parent in self._commits[oid].parents}
        for oid, commit in self._commits.items():
            self._found[oid] = None
            parent = next((known.tree for known in self._parents(commit)), None)
            self._compare(parent, commit.tree)
        return list(self._found)

    def _peeled(self, tips: Iterable[Oid]) -> set[Oid]:
        """Return the commits that the tips refer to, and record tag objects on the way as missing."""
        front: set[Oid] = set()
        for oid in self._lacking(set(tips)):
            row = find_row(self._tx, self._repo_id, oid)
            while row.kind == Kind.TAG:
                self._found[row.oid] = None
                row = find_row(self._tx, self._repo_id, parse_tag_object(content_of(row)).target)
            front.add(row.oid)
        return front

    def _lacking(self, oids: set[Oid]) -> list[Oid]:
        unknown = [oid for oid in oids if oid not in self._commits]
        have = self._present(unknown) if unknown else set()
        return [oid for oid in unknown if oid not in have]

    def _parents(self, commit: Commit) -> Iterable[Commit]:
        for oid in commit.parents[:1]:
            yield self._commits.get(oid) or parse_commit(content_of(find_row(self._tx, self._repo_id, oid)))

    def _compare(self, before: Oid | None, after: Oid) -> None:
        """Record a tree and everything below it that differs from another tree."""
        waiting = [(before, after)]
        while waiting:
            old, new = waiting.pop()
            if old != new and new not in self._found:
                self._found[new] = None
                waiting += self._differing(old, new)

    def _differing(self, before: Oid | None, after: Oid) -> Iterator[tuple[Oid | None, Oid]]:
        """Record the files of a tree that another one lacks; yield pairs of folders to compare."""
        old = {} if before is None else {entry.name: entry for entry in parse_tree(self._read(before))}
        for entry in parse_tree(self._read(after)):
            there = old.get(entry.name)
            if entry.mode == Mode.GITLINK or (there is not None and there.oid == entry.oid):
                continue
            if entry.is_folder:
                yield there.oid if there is not None and there.is_folder else None, entry.oid
            else:
                self._found[entry.oid] = None
