"""The contents of a push: read once from quarantine, with everything that they refer to.

A pack of a kilobyte can describe a tree with more paths than there are atoms:
the same folder many times, on many levels. So every tree is visited once, and
the number of its paths is computed bottom-up and limited.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from entrepot.errors import InvalidPath, LimitExceeded, shown
from entrepot.git import (
    EMPTY_TREE,
    MAX_POINTER_BYTES,
    Commit,
    Entry,
    Kind,
    Mode,
    Pointer,
    Tag,
    parse_commit,
    parse_pointer,
    parse_tag_object,
    parse_tree,
)
from entrepot.git.commits import MAX_COMMIT
from entrepot.names import ROOT, Oid, RepoPath, name_fault
from entrepot.names.paths import MAX_BYTES, MAX_DEPTH
from entrepot.storage.objects import GitObject
from entrepot.storage.quarantines import PushedObject, Quarantine

MAX_TREE = 64 << 20
"""Maximum size of a tree, commit or tag object, in bytes."""

MAX_PATHS = 5_000_000
"""Maximum number of paths in the new trees of one commit, each counted as often as it appears."""

_MAX_FAULTS = 1_000
_KIND = 0o170000
_KINDS = frozenset(mode & _KIND for mode in Mode if mode != Mode.GITLINK)
"""The bits of a mode that say what an entry is, and their values; git takes all others for links to commits."""
_KEPT_BYTES = 16 << 20
_IN_STEPS = "push in smaller steps"
_HELD_BYTES = 1 << 30
"""Maximum size of all trees, commits and tags of one push, in bytes; they are held in memory."""


@attrs.frozen
class PushContents:
    """The parsed objects of a push.

    ``paths``: first path of each new file object in the new commits;
    ``beyond``: objects that new trees name and the push does not contain;
    ``kept``: objects in memory, ``left``: file objects that are not;
    ``size``: bytes of all objects; ``faults``: paths that break the rules of names.
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
    faults: Sequence[InvalidPath] = ()

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
        """Parents of new commits that the push does not contain."""
        return {parent for commit in self.commits.values() for parent in commit.parents} - set(self.commits)

    def places_of(self, oids: Collection[Oid]) -> Iterator[tuple[RepoPath, Oid]]:
        """Yield the paths of some file objects in new trees; a folder that appears several times is searched once."""
        seen: set[Oid] = set()
        for commit in self.commits.values():
            stack = [(commit.tree, ROOT)]
            while stack:
                tree, folder = stack.pop()
                if tree in seen or tree not in self.trees:
                    continue
                seen.add(tree)
                for path, entry in _entries(self.trees[tree], folder):
                    if entry.is_folder:
                        stack.append((entry.oid, path))
                    elif entry.oid in oids:
                        yield path, entry.oid

    def path_of(self, oid: Oid) -> RepoPath:
        """Return the path of a file object, for messages."""
        return self.paths.get(oid, RepoPath(f"object {oid}"))


def read_push(quarantine: Quarantine, oids: Sequence[Oid], *, max_file: int) -> PushContents:
    """Read all objects of a push, and find what it contains and refers to.

    Args:
        max_file: maximum size of a file object, in bytes.

    Raises:
        LimitExceeded: a file, tree, commit or tag is too large.
        Malformed: an object cannot be read.
        StoreUnavailable: git failed.
    """
    inspection = _Inspection()
    longest = {Kind.BLOB: max_file, Kind.TREE: MAX_TREE, Kind.COMMIT: MAX_COMMIT, Kind.TAG: MAX_COMMIT}
    for arrived in quarantine.read(oids, longest=longest):
        if arrived.kind is Kind.BLOB and arrived.content is None:
            raise LimitExceeded(*_too_large(quarantine, oids, arrived.oid, max_file))
        inspection.take(arrived)
    return inspection.finish()


def _too_large(quarantine: Quarantine, oids: Sequence[Oid], file: Oid, max_file: int) -> tuple[str, int, str]:
    """Return the error for a file object that is too large, with its path; unpacks no other file object."""
    inspection = _Inspection()
    for arrived in quarantine.read(quarantine.without_files(oids), longest=dict.fromkeys(Kind, MAX_TREE)):
        inspection.take(arrived)
    places = dict(inspection.finish().places_of({file}))
    path = shown(next(iter(places), f"object {file}"))
    advice = f"track it with git-lfs and rewrite the commit: git lfs migrate import --include={path}"
    return f"the regular file {path}", max_file, advice


@attrs.frozen
class _Extent:
    """The unfolded size of a tree: number of paths, and length and depth of the longest and deepest."""

    paths: int
    length: int
    depth: int


_FILE = _Extent(1, 0, 0)


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
        self._held_bytes = 0
        self._paths: dict[Oid, RepoPath] = {}
        self._beyond: set[Oid] = set()
        self._faults: dict[RepoPath, InvalidPath] = {}

    def take(self, arrived: PushedObject) -> None:
        """Parse one object."""
        oid, content = arrived.oid, arrived.content
        self._bytes += arrived.size
        if arrived.kind is Kind.BLOB:
            self._blobs.add(oid)
            if content is not None and arrived.size <= MAX_POINTER_BYTES and (pointer := parse_pointer(content)):
                self._pointers[oid] = pointer
        elif content is None:
            most = MAX_TREE if arrived.kind is Kind.TREE else MAX_COMMIT
            raise LimitExceeded(f"the size of the {arrived.kind.value} {oid} in bytes", most)
        elif arrived.kind is Kind.TREE:
            self._trees[oid] = content
        elif arrived.kind is Kind.COMMIT:
            self._commits[oid] = parse_commit(content)
        else:
            self._tags[oid] = parse_tag_object(content)
        if content is not None:
            self._keep(GitObject(oid, arrived.kind, content))

    def _keep(self, item: GitObject) -> None:
        if item.kind is not Kind.BLOB:
            self._held_bytes += len(item.content)
            if self._held_bytes > _HELD_BYTES:
                raise LimitExceeded("the size of all trees and commits of one push", _HELD_BYTES, _IN_STEPS)
        if item.kind is Kind.BLOB and self._kept_bytes + len(item.content) > _KEPT_BYTES:
            self._left.append(item.oid)
            return
        self._kept_bytes += len(item.content)
        self._kept.append(item)

    def finish(self) -> PushContents:
        """Walk the trees from the new commits down, and return the result."""
        self._check_extents()  # first, so that no path below exceeds the limit
        seen: set[Oid] = set()
        for commit in self._commits.values():
            if commit.tree in seen and commit.tree in self._trees:
                self._check_names(
                    commit.tree, ROOT
                )  # may have been visited below a folder, where a drive letter is a valid name
            self._walk(commit.tree, seen)
        return PushContents(
            self._commits,
            self._trees,
            self._tags,
            self._pointers,
            self._paths,
            frozenset(self._beyond),
            self._kept,
            self._left,
            self._bytes,
            list(self._faults.values()),
        )

    def _walk(self, root: Oid, seen: set[Oid]) -> None:
        stack = [(root, ROOT)]
        while stack:
            tree, folder = stack.pop()
            if tree in seen:
                continue
            seen.add(tree)
            if tree == EMPTY_TREE and tree not in self._trees:
                self.take(PushedObject(tree, Kind.TREE, 0, b""))  # git knows the empty tree without receiving it
            if tree not in self._trees:
                self._beyond.add(tree)
                continue
            self._check_names(tree, folder)
            for path, entry in _entries(self._trees[tree], folder):
                if entry.is_folder:
                    stack.append((entry.oid, path))
                elif entry.oid in self._blobs:
                    self._paths.setdefault(entry.oid, path)
                else:
                    self._beyond.add(entry.oid)

    def _check_names(self, tree: Oid, folder: RepoPath) -> None:
        """Record the names in a tree that cannot be used over HTTP.

        Raises:
            InvalidPath: there are too many of them, or a mode means nothing to git.
        """
        for entry in parse_tree(self._trees[tree]):
            is_known = entry.mode == Mode.GITLINK or entry.mode & _KIND in _KINDS
            rule = name_fault(entry.name, is_top=folder == ROOT)
            if is_known and rule is None:
                continue
            path = RepoPath(f"{folder}/{entry.name}" if folder else entry.name)
            if not is_known:
                reason = f"the mode {entry.mode:06o} is that of no file, link, folder or submodule"
                raise InvalidPath(path, f"{reason}; commit it again with git")
            fault = InvalidPath(path, f"{rule}; rename it in the commits that have it")
            self._faults.setdefault(path, fault)
            if len(self._faults) > _MAX_FAULTS:
                raise fault

    def _check_extents(self) -> None:
        """Raise if a tree unfolds to too many paths, even if no commit of this push refers to it."""
        extents: dict[Oid, _Extent] = {}
        for start in self._trees:
            stack: list[tuple[Oid, list[Entry]]] = [(start, [])]
            while stack:
                tree, entries = stack.pop()
                if tree in extents:
                    continue
                if entries:
                    extents[tree] = _unfold(entries, extents)
                    continue
                entries = [entry for entry in parse_tree(self._trees[tree]) if entry.mode != Mode.GITLINK]
                waiting = {e.oid for e in entries if e.is_folder and e.oid in self._trees and e.oid not in extents}
                if waiting:
                    stack += [(tree, entries), *((oid, []) for oid in waiting)]
                else:
                    extents[tree] = _unfold(entries, extents)


def _unfold(entries: Sequence[Entry], extents: Mapping[Oid, _Extent]) -> _Extent:
    """Return the extent of a tree, given the extents of its new subtrees.

    Raises:
        LimitExceeded, InvalidPath: it has too many paths, or a path that is too long.
    """
    paths, length, depth = 0, 0, 0
    for entry in entries:
        below = extents.get(entry.oid, _FILE) if entry.is_folder else _FILE
        paths += below.paths
        length = max(length, len(entry.name) + 1 + below.length)
        depth = max(depth, 1 + below.depth)
    if paths > MAX_PATHS:
        raise LimitExceeded("the number of paths in one commit", MAX_PATHS, "name the same folder fewer times")
    if length > MAX_BYTES + 1 or depth > MAX_DEPTH:
        rule = f"there are paths of more than {MAX_DEPTH} levels or {MAX_BYTES:,} characters below"
        raise InvalidPath(entries[0].name, rule)
    return _Extent(paths, length, depth)


def _entries(content: bytes, folder: RepoPath) -> Iterator[tuple[RepoPath, Entry]]:
    """Yield the files and folders in a tree by their paths, without submodules."""
    for entry in parse_tree(content):
        if entry.mode != Mode.GITLINK:
            yield RepoPath(f"{folder}/{entry.name}" if folder else entry.name), entry
