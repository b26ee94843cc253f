"""Rules of ``.gitattributes``: which paths a repository stores in LFS, and which rules commits must add.

A large file that no rule sends to LFS appears in every clone as a pointer, or as
a modified file. A commit that stores one through the API therefore also adds its
path to ``.gitattributes``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.git import (
    MAX_ATTRIBUTES,
    Attributes,
    Change,
    Entry,
    Kind,
    MatchingWork,
    Mode,
    TreeEditor,
    merge_lfs_rules,
    parse_pointer,
    render_lfs_rule,
)
from entrepot.hub.context import HubContext
from entrepot.names import ROOT, Oid, RepoPath
from entrepot.storage import objects as stored
from entrepot.storage.contents import open_file
from entrepot.storage.objects import GitObject
from entrepot.storage.trees import Trees

NAME: Final = RepoPath(".gitattributes")

_MAX_LOOKED_AT = 2_000
_REGULAR = (Mode.FILE, Mode.EXECUTABLE)


class TreeRules:
    """The ``.gitattributes`` files of one tree; the deepest one with a matching rule applies.

    Args:
        find: returns the entry at a path, or None.
        given: text to use instead of the file in the root folder.
        known: contents of file objects that are not stored in their rows.

    Its methods raise LimitExceeded if all their paths and rules together take too many comparisons.
    """

    def __init__(
        self,
        tx: Read,
        repo_id: int,
        find: Callable[[RepoPath], Entry | None],
        *,
        given: str | None = None,
        known: Mapping[Oid, bytes] | None = None,
    ) -> None:
        self._tx = tx
        self._repo_id = repo_id
        self._find = find
        self._known = known or {}
        self._parsed: dict[str, Attributes] = {}
        self.work = MatchingWork()
        if given is not None:
            self._parsed[""] = self._counted(Attributes.parse(given))

    def is_lfs(self, path: RepoPath) -> bool | None:
        """Return whether the rules send a path to LFS; None if no rule matches."""
        return self.decide(path)[0]

    def decide(self, path: RepoPath) -> tuple[bool | None, str]:
        """Return whether the rules send a path to LFS, and the folder of the file with that rule."""
        folder, _, below = path.rpartition("/")
        while True:
            decision = self._of(folder).is_lfs(RepoPath(below), self.work)
            if decision is not None or not folder:
                return decision, folder
            folder, _, last = folder.rpartition("/")
            below = f"{last}/{below}"

    def content(self, path: RepoPath) -> bytes | None:
        """Return the content of a regular file; None if it does not exist, or is too large for rules."""
        entry = self._find(path)
        if entry is None:
            return None
        return self._known[entry.oid] if entry.oid in self._known else _content(self._tx, self._repo_id, entry)

    def text(self, path: RepoPath) -> str:
        """Return the text of a small file; empty if it does not exist."""
        return (self.content(path) or b"").decode("utf-8", "replace")

    def _of(self, folder: str) -> Attributes:
        if folder not in self._parsed:
            self._parsed[folder] = self._counted(_parse(self.content(_file_in(folder)) or b""))
        return self._parsed[folder]

    def _counted(self, parsed: Attributes) -> Attributes:
        self.work.add(parsed.size.parsing_work())
        return parsed


def _content(tx: Read, repo_id: int, entry: Entry) -> bytes | None:
    """Return the content of a regular file that is stored in its row and small enough for rules, or None."""
    row = objects.find(tx, repo_id, entry.oid) if entry.mode in _REGULAR else None
    if row is None or row.data is None or row.size > MAX_ATTRIBUTES:
        return None
    return stored.content_of(row)


@functools.lru_cache(maxsize=16)
def _parse(content: bytes) -> Attributes:
    return Attributes.parse(content.decode("utf-8", "surrogateescape"))


@attrs.frozen
class Additions:
    """Changed ``.gitattributes`` files: their paths, and the file objects to store."""

    paths: tuple[RepoPath, ...] = ()
    made: tuple[GitObject, ...] = ()


def read_root(hub: HubContext, repo_id: int, head: Oid) -> Mapping[Oid, bytes]:
    """Return the content of the root's ``.gitattributes`` by its id, if it is stored outside the catalog.

    Do not call it inside a transaction: a file of more than 256 KiB is read from ``blobs``.
    """
    with hub.read() as tx:
        root = stored.root_of(hub.store, tx, repo_id, head)
        entry = Trees(hub.store, tx, repo_id).find(root, NAME)
        row = None if entry is None or entry.is_folder else objects.find(tx, repo_id, entry.oid)
    if row is None or row.data is not None or row.sha256 is None or row.size > MAX_ATTRIBUTES:
        return {}
    reader = open_file(hub.store, row.sha256)
    try:
        return {row.oid: reader.read_at(0, row.size)}
    finally:
        reader.close()


def cover(
    tx: Read,
    repo_id: int,
    editor: TreeEditor,
    pointers: Mapping[RepoPath, Oid],
    others: Callable[[], frozenset[str] | None],
    known: Mapping[Oid, bytes],
) -> Additions:
    """Add rules to ``.gitattributes`` for the large files of a commit that no rule sends to LFS.

    Lines are added to the root's file, except for a path that a file in a folder
    excludes: only a later line of that file can include it again. Nothing is
    added to a ``.gitattributes`` that is a link or a large file itself, or
    that would grow beyond 2 MiB.

    Args:
        editor: the tree of the commit with its edits; the lines are added to it.
        pointers: the large files by path, with the ids of their pointers.
        others: returns the names of files in folders of the tree, None if they are too many.
        known: contents that :func:`read_root` returned.
    """
    rules = TreeRules(tx, repo_id, editor.find, known=known)
    uncovered: dict[str, list[RepoPath]] = {}
    for path, oid in pointers.items():
        entry = editor.find(path)
        if entry is None or entry.oid != oid or entry.mode not in _REGULAR or _name_of(path) == NAME:
            continue  # replaced by a later operation of the commit
        decision, folder = rules.decide(path)
        if decision is not True:
            uncovered.setdefault(folder if decision is False else "", []).append(path)
    paths: list[RepoPath] = []
    made: list[GitObject] = []
    for folder, missing in uncovered.items():
        file = _file_in(folder)
        names = [RepoPath(path[len(folder) + 1 :] if folder else path) for path in missing]
        content = _extended(editor.find(file), rules.content(file), names, others)
        if content is not None:
            blob = stored.of(Kind.BLOB, content)
            there = editor.find(file)
            editor.put(file, Mode.FILE if there is None else there.mode, blob.oid)
            paths.append(file)
            made.append(blob)
    return Additions(tuple(paths), tuple(made))


def names_in_folders(trees: Trees, root: Oid, edited: Mapping[RepoPath, int]) -> frozenset[str] | None:
    """Return the names of all files below the folders of a tree; None if there are more than 2,000.

    Args:
        edited: paths that a commit writes, with their modes.
    """
    if Mode.FOLDER in edited.values():
        return None  # a whole folder was copied: its contents are not examined
    names = {_name_of(path) for path in edited if "/" in path}
    for number, node in enumerate(trees.walk(root, ROOT, is_deep=True)):
        if number >= _MAX_LOOKED_AT:
            return None
        if not node.is_folder and "/" in node.path:
            names.add(node.entry.name)
    return frozenset(names)


def merge_change(tx: Read, repo_id: int, made: dict[Oid, GitObject], ours: Change, theirs: Change) -> Entry | None:
    """Return a ``.gitattributes`` with the rules that both sides appended; None if that is not all that changed.

    Without this, two pull requests that each add a large file would conflict.

    Args:
        made: the merged file object is added to it.
    """
    left, right = ours.new, theirs.new
    if _name_of(ours.path) != NAME or left is None or right is None or left.mode != right.mode:
        return None
    base = b"" if ours.old is None else _content(tx, repo_id, ours.old)
    mine, other = _content(tx, repo_id, left), _content(tx, repo_id, right)
    if base is None or mine is None or other is None:
        return None
    merged = merge_lfs_rules(base, mine, other)
    if merged is None or len(merged) > MAX_ATTRIBUTES:
        return None
    blob = stored.of(Kind.BLOB, merged)
    made[blob.oid] = blob
    return Entry(left.name, left.mode, blob.oid)


def _extended(
    there: Entry | None, content: bytes | None, names: Sequence[RepoPath], others: Callable[[], frozenset[str] | None]
) -> bytes | None:
    """Return the content of a ``.gitattributes`` with rules for some paths; None if none can be added."""
    if there is not None and (content is None or parse_pointer(content) is not None):
        return None
    text = content or b""
    if text and not text.endswith(b"\n"):
        text += b"\n"
    taken = others() if any("/" not in name for name in names) else frozenset()
    lines: list[bytes] = []
    free = MAX_ATTRIBUTES - len(text)
    for name in sorted(names):
        rule = render_lfs_rule(name, is_anchored=taken is None or name in taken)
        line = b"" if rule is None else rule.encode("utf-8", "surrogateescape") + b"\n"
        if line and len(line) <= free:
            free -= len(line)
            lines.append(line)
    return text + b"".join(lines) if lines else None


def _file_in(folder: str) -> RepoPath:
    return RepoPath(f"{folder}/{NAME}") if folder else NAME


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]
