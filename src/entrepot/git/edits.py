"""Editing of trees: only the trees on edited paths are read and written."""

from __future__ import annotations

from collections.abc import Callable

from entrepot.errors import EntryNotFound, InvalidOperation
from entrepot.git.objects import EMPTY_TREE, Kind, oid_of
from entrepot.git.tree_scan import TreeScan
from entrepot.git.trees import Entry, Mode, encode_entry, sort_key
from entrepot.names import ROOT, Oid, RepoPath

# Clients match on this sentence and add a hint (docs/protocols/hf_api.md, section 2.4).
_MISSING = "A file with this name doesn't exist"

_Leaf = tuple[int, Oid]


class _Folder:
    """A folder that was opened: its stored bytes, and its changes.

    ``children`` are the subfolders opened so far; ``edits`` are the other names
    that were set (mode, oid) or removed (None). Children take precedence over
    edits, edits over the stored bytes.
    """

    __slots__ = ("changed", "children", "count", "edits", "origin", "scan", "sealed")

    def __init__(self, origin: Oid | None, content: bytes) -> None:
        self.origin = origin
        self.scan = TreeScan(content)
        self.count = len(self.scan)
        self.edits: dict[bytes, _Leaf | None] = {}
        self.children: dict[bytes, _Folder] = {}
        self.changed = origin is None
        self.sealed: tuple[Oid, bytes] | None = None

    def get(self, name: bytes) -> _Leaf | None:
        """Return mode and id of an entry without changes inside it (folders opened later keep their origin)."""
        if name in self.edits:
            return self.edits[name]
        span = self.scan.find(name) if self.scan.content else None
        return None if span is None else (span.mode, span.oid)

    def seal(self) -> tuple[Oid, bytes]:
        """Return the id and the content of the tree in its current state."""
        if self.sealed is None:
            content = self._spliced()
            self.sealed = oid_of(Kind.TREE, content), content
        return self.sealed

    def _spliced(self) -> bytes:
        final = dict(self.edits)
        for name, child in self.children.items():
            if child.changed:
                final[name] = (Mode.FOLDER, child.seal()[0])
        stored = self.scan.content
        if not stored:
            kept = ((sort_key(name, leaf[0]), encode_entry(name, *leaf)) for name, leaf in final.items() if leaf)
            return b"".join(entry for _, entry in sorted(kept))
        cuts: list[tuple[int, bytes, int, bytes]] = []
        for name, leaf in final.items():
            span = self.scan.find(name)
            if span is not None and leaf == (span.mode, span.oid):
                continue
            if span is not None:
                cuts.append((span.start, sort_key(name, span.mode), span.end, b""))
            if leaf is not None:
                key = sort_key(name, leaf[0])
                at, _ = self.scan.seek(key)
                # At the same offset, the removal of an old entry sorts before the new bytes (b"" < b"1..").
                cuts.append((at, key, at, encode_entry(name, *leaf)))
        if not cuts:
            return stored
        return _splice(stored, sorted(cuts, key=lambda cut: (cut[0], cut[1], cut[3])))


def _splice(stored: bytes, cuts: list[tuple[int, bytes, int, bytes]]) -> bytes:
    view = memoryview(stored)
    pieces: list[bytes | memoryview] = []
    at = 0
    for start, _, end, fresh in cuts:
        # An insertion may refer to the start of an entry that was just removed.
        pieces += (view[at : max(at, start)], fresh)
        at = max(at, end)
    pieces.append(view[at:])
    return b"".join(pieces)


class TreeEditor:
    """An editor that applies changes, one after the other, to the tree below a root.

    Args:
        root: id of the root tree; :data:`EMPTY_TREE` need not be stored.
        read: returns the content of a tree object; its exceptions propagate.

    Guarantees: a call that raises changes nothing. A folder whose last entry is
    removed is removed too, except the root. Unchanged trees are not rewritten,
    and only read if they are on the path of a change. In edited trees the other
    entries keep their exact bytes. Not thread-safe.

    Every method raises ``Malformed`` if a tree on the path cannot be parsed.
    """

    def __init__(self, root: Oid, read: Callable[[Oid], bytes]) -> None:
        self._read = read
        self._root = self._open(root)

    def find(self, path: RepoPath) -> Entry | None:
        """Return the file or folder at a path in its current state, or None; the root folder for ``ROOT``.

        The entry's name is the last segment of the path.
        """
        if path == ROOT:
            return Entry("", Mode.FOLDER, self._root.seal()[0])
        names = _names(path)
        walk = self._walk(names[:-1])
        if len(walk) < len(names):
            return None
        leaf = self._leaf(walk[-1], names[-1])
        return None if leaf is None else Entry(path.rpartition("/")[2], *leaf)

    def put(self, path: RepoPath, mode: int, oid: Oid) -> None:
        """Set the entry at a path, replacing an existing one, and create the folders above it.

        With ``Mode.FOLDER`` the entry is a whole tree, which replaces an existing
        folder.

        Raises:
            InvalidOperation: a file is where a folder is needed, a folder is
                where the file belongs, the path is the root, or the tree is
                empty.
            Malformed: the mode is not one of git's, or the id is not 40 hex
                digits.
        """
        if path == ROOT:
            raise InvalidOperation(path, "the root folder cannot be replaced; name a file in it")
        if oid == EMPTY_TREE:
            raise InvalidOperation(path, "git cannot record an empty folder; put a file into it")
        names = _names(path)
        encode_entry(names[-1], mode, oid)  # refuse now what cannot be encoded later
        walk = self._walk(names[:-1])
        if len(walk) < len(names):
            if walk[-1].get(names[len(walk) - 1]) is not None:
                taken = "/".join(path.split("/")[: len(walk)])
                raise InvalidOperation(path, f"'{taken}' is a file, not a folder; delete or rename that file first")
        else:
            self._check_same_kind(path, self._leaf(walk[-1], names[-1]), mode)
        for name in names[len(walk) - 1 : -1]:
            fresh = _Folder(None, b"")
            walk[-1].children[name] = fresh
            walk[-1].count += 1
            walk.append(fresh)
        parent, name = walk[-1], names[-1]
        if parent.children.pop(name, None) is None and parent.get(name) is None:
            parent.count += 1
        parent.edits[name] = (mode, oid)
        _touch(walk)

    def remove_file(self, path: RepoPath) -> None:
        """Remove a file (or link).

        Raises:
            EntryNotFound: nothing is at the path, or a folder.
        """
        self._remove(path, lambda entry: not entry.is_folder)

    def remove_folder(self, path: RepoPath) -> None:
        """Remove a folder with its content; ``ROOT`` empties the root folder.

        Raises:
            EntryNotFound: nothing is at the path, or a file; or the root is already empty.
        """
        if path != ROOT:
            self._remove(path, lambda entry: entry.is_folder)
            return
        if not self._root.count:
            raise EntryNotFound(path, reason=_MISSING)
        emptied = _Folder(None, b"")
        emptied.origin = self._root.origin
        self._root = emptied

    def remove(self, path: RepoPath) -> None:
        """Remove the file or folder at a path (not the root).

        Raises:
            EntryNotFound: nothing is at the path.
        """
        self._remove(path, lambda entry: True)

    def write(self) -> tuple[Oid, dict[Oid, bytes]]:
        """Return the edited tree.

        Returns:
            The id of the root, and the content of every tree object that the edits
            created, by id; unchanged trees are not included. May be called
            repeatedly, even after further edits.
        """
        root, _ = self._root.seal()
        made: dict[Oid, bytes] = {}
        waiting = [self._root]
        while waiting:
            folder = waiting.pop()
            if not folder.changed:
                continue
            oid, content = folder.seal()
            if oid != folder.origin:
                made[oid] = content
            waiting += folder.children.values()
        return root, made

    def _open(self, oid: Oid) -> _Folder:
        return _Folder(oid, b"" if oid == EMPTY_TREE else self._read(oid))

    def _walk(self, names: list[bytes]) -> list[_Folder]:
        """Return the folders along the names, the root first, up to the first name that is not a folder."""
        walk = [self._root]
        for name in names:
            child = walk[-1].children.get(name)
            if child is None:
                leaf = walk[-1].get(name)
                if leaf is None or not Entry("", *leaf).is_folder:
                    break
                child = self._open(leaf[1])
                walk[-1].children[name] = child
            walk.append(child)
        return walk

    def _leaf(self, folder: _Folder, name: bytes) -> _Leaf | None:
        child = folder.children.get(name)
        if child is not None and child.changed:
            return Mode.FOLDER, child.seal()[0]
        return folder.get(name)

    def _check_same_kind(self, path: RepoPath, there: _Leaf | None, mode: int) -> None:
        if there is None:
            return
        was, becomes = Entry("", *there), Entry("", mode, EMPTY_TREE)
        if was.is_folder and not becomes.is_folder:
            raise InvalidOperation(path, "a folder has this name; delete the folder first")
        if becomes.is_folder and not was.is_folder:
            raise InvalidOperation(path, "a file has this name; delete the file first")

    def _remove(self, path: RepoPath, fits: Callable[[Entry], bool]) -> None:
        names = _names(path)
        walk = self._walk(names[:-1])
        leaf = self._leaf(walk[-1], names[-1]) if len(walk) == len(names) else None
        if path == ROOT or leaf is None or not fits(Entry("", *leaf)):
            raise EntryNotFound(path, reason=_MISSING)
        for folder, name in zip(reversed(walk), reversed(names), strict=True):
            folder.children.pop(name, None)
            folder.edits[name] = None
            folder.count -= 1
            if folder.count:
                break
        _touch(walk)


def _touch(walk: list[_Folder]) -> None:
    for folder in walk:
        folder.changed = True
        folder.sealed = None


def _names(path: RepoPath) -> list[bytes]:
    return path.encode("utf-8", "surrogateescape").split(b"/")
