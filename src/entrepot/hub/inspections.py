"""What came with a push: read once from quarantine, and what it leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from entrepot.errors import LimitExceeded, shown
from entrepot.git import (
    EMPTY_TREE,
    MAX_POINTER_BYTES,
    Commit,
    Kind,
    Mode,
    Pointer,
    Tag,
    parse_commit,
    parse_pointer,
    parse_tag_object,
    parse_tree,
)
from entrepot.names import ROOT, Oid, RepoPath, Sha256
from entrepot.storage.objects import GitObject
from entrepot.storage.quarantines import Arrived, Quarantine

MAX_TREE = 64 << 20
"""Longest tree, commit or tag object, in bytes."""

_KEPT_BYTES = 16 << 20


@attrs.frozen
class Inspected:
    """The objects of a push, understood.

    ``paths``: where each new file object is first found in the new commits;
    ``beyond``: what new trees name and the push did not bring;
    ``kept``: objects in memory, ``left``: file objects that are not;
    ``size``: bytes of all that came.
    """

    commits: Mapping[Oid, Commit]
    trees: Mapping[Oid, bytes]
    tags: Mapping[Oid, Tag]
    pointers: Mapping[Oid, Pointer]
    paths: Mapping[Oid, RepoPath]
    beyond: frozenset[Oid]
    kept: Sequence[GitObject]
    left: Sequence[Oid]
    size: int = 0

    @property
    def ordered(self) -> list[tuple[Oid, tuple[Oid, ...]]]:
        """The new commits with their parents, parents first."""
        order: dict[Oid, None] = {}
        for start in self.commits:
            stack = [(start, False)]
            while stack:
                oid, is_left = stack.pop()
                if is_left:
                    order[oid] = None
                elif oid not in order:
                    stack.append((oid, True))
                    parents = self.commits[oid].parents
                    stack += [(parent, False) for parent in parents if parent in self.commits and parent not in order]
        return [(oid, self.commits[oid].parents) for oid in order]

    @property
    def parents_beyond(self) -> set[Oid]:
        """Parents of new commits that the push did not bring."""
        return {parent for commit in self.commits.values() for parent in commit.parents} - set(self.commits)

    @property
    def large(self) -> list[tuple[Sha256, RepoPath]]:
        """The large files that new pointers name, by the path of the pointer."""
        return [(pointer.sha256, self.path_of(oid)) for oid, pointer in self.pointers.items()]

    def path_of(self, oid: Oid) -> RepoPath:
        """Where a file object is, for messages."""
        return self.paths.get(oid, RepoPath(f"object {oid}"))


def inspect(quarantine: Quarantine, oids: Sequence[Oid], *, max_file: int) -> Inspected:
    """Read all objects of a push and find out what it brings and needs.

    Args:
        max_file: longest file object in bytes.

    Raises:
        LimitExceeded: a file, tree, commit or tag is too large.
        Malformed: an object cannot be read.
        StoreUnavailable: git failed.
    """
    inspection = _Inspection()
    longest = {Kind.BLOB: max_file, Kind.TREE: MAX_TREE, Kind.COMMIT: MAX_TREE, Kind.TAG: MAX_TREE}
    for arrived in quarantine.read(oids, longest=longest):
        inspection.take(arrived)
    return inspection.finish(max_file)


class _Inspection:
    def __init__(self) -> None:
        self._commits: dict[Oid, Commit] = {}
        self._trees: dict[Oid, bytes] = {}
        self._tags: dict[Oid, Tag] = {}
        self._pointers: dict[Oid, Pointer] = {}
        self._blobs: set[Oid] = set()
        self._kept: list[GitObject] = []
        self._kept_bytes = 0
        self._bytes = 0
        self._left: list[Oid] = []
        self._too_large: Oid | None = None
        self._paths: dict[Oid, RepoPath] = {}
        self._beyond: set[Oid] = set()

    def take(self, arrived: Arrived) -> None:
        """Understand one object."""
        oid, content = arrived.oid, arrived.content
        self._bytes += arrived.size
        if arrived.kind is Kind.BLOB:
            self._blobs.add(oid)
            if content is None:
                self._too_large = self._too_large or oid
            elif arrived.size <= MAX_POINTER_BYTES and (pointer := parse_pointer(content)):
                self._pointers[oid] = pointer
        elif content is None:
            raise LimitExceeded(f"the {arrived.kind.value} {oid}", MAX_TREE)
        elif arrived.kind is Kind.TREE:
            self._trees[oid] = content
        elif arrived.kind is Kind.COMMIT:
            self._commits[oid] = parse_commit(content)
        else:
            self._tags[oid] = parse_tag_object(content)
        if content is not None:
            self._keep(GitObject(oid, arrived.kind, content))

    def _keep(self, item: GitObject) -> None:
        if item.kind is Kind.BLOB and self._kept_bytes + len(item.content) > _KEPT_BYTES:
            self._left.append(item.oid)
            return
        self._kept_bytes += len(item.content)
        self._kept.append(item)

    def finish(self, max_file: int) -> Inspected:
        """Walk from the new commits down, and refuse what is too large by its path."""
        seen: set[Oid] = set()
        for commit in self._commits.values():
            self._walk(commit.tree, seen)
        found = Inspected(
            self._commits,
            self._trees,
            self._tags,
            self._pointers,
            self._paths,
            frozenset(self._beyond),
            self._kept,
            self._left,
            self._bytes,
        )
        if self._too_large is not None:
            path = shown(found.path_of(self._too_large))
            cure = f"track it with git-lfs and rewrite the commit: git lfs migrate import --include={path}"
            raise LimitExceeded(f"the regular file {path}", max_file, cure)
        return found

    def _walk(self, root: Oid, seen: set[Oid]) -> None:
        stack = [(root, ROOT)]
        while stack:
            tree, folder = stack.pop()
            if tree in seen:
                continue
            seen.add(tree)
            if tree == EMPTY_TREE and tree not in self._trees:
                self.take(Arrived(tree, Kind.TREE, 0, b""))  # known to git without being sent
            if tree not in self._trees:
                self._beyond.add(tree)
                continue
            stack += self._enter(self._trees[tree], folder)

    def _enter(self, content: bytes, folder: RepoPath) -> Iterator[tuple[Oid, RepoPath]]:
        for entry in parse_tree(content):
            path = RepoPath(f"{folder}/{entry.name}" if folder else entry.name)
            if entry.mode == Mode.GITLINK:
                continue
            if entry.is_folder:
                yield entry.oid, path
            elif entry.oid in self._blobs:
                self._paths.setdefault(entry.oid, path)
            else:
                self._beyond.add(entry.oid)
