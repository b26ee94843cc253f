"""Rewrite the history of a local clone so that large regular files become LFS files.

Commits keep their ids up to the first one that has such a file. Later ones
get new ids, and lose their signatures, which would no longer be valid.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Final

import attrs

from entrepot.errors import LimitExceeded, Refused
from entrepot.git import (
    Attributes,
    Entry,
    Kind,
    Mode,
    Pointer,
    encode_tree,
    oid_of,
    parse_commit,
    parse_tree,
    render_lfs_rule,
    render_pointer,
)
from entrepot.git.listings import read_lines
from entrepot.hub.git.import_large_files import object_path
from entrepot.names import Oid, RepoPath, Sha256
from entrepot.storage import processes

_ATTRIBUTES = ".gitattributes"
_REGULAR = (Mode.FILE, Mode.EXECUTABLE)
_SIGNATURES = (b"gpgsig ", b"gpgsig-sha256 ", b"mergetag ")
_MAX_PATHS: Final = 100_000
"""Maximum number of paths of large files in one commit."""


@attrs.frozen
class Rewritten:
    """The result: new ids of changed commits and tags by their old ones.

    ``files``: number of contents that became LFS files; ``signatures``: number of dropped signatures.
    """

    ids: Mapping[Oid, Oid]
    files: int
    signatures: int


def find_large(folder: Path, limit: int) -> dict[Oid, int]:
    """Return the file objects of a clone with more than ``limit`` bytes, and their sizes."""
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    found: dict[Oid, int] = {}
    for line in read_lines(processes.run(folder, ["cat-file", "--batch-all-objects", form]).decode()):
        oid, kind, size = line.split(" ")
        if kind == "blob" and int(size) > limit:
            found[Oid(oid)] = int(size)
    return found


def rewrite(folder: Path, heads: Iterable[Oid], large: Mapping[Oid, int]) -> Rewritten:
    """Rewrite all commits and tags reachable from some refs; the refs themselves do not move.

    New objects, and the contents under ``lfs/objects``, are written into the clone.

    Args:
        folder: a bare repository that the hub has created.
        heads: ids of commits and tags.
        large: result of :func:`find_large`.

    Raises:
        LimitExceeded: a commit has more than 100,000 paths of large files.
        Malformed: an object cannot be read.
    """
    argv = processes.command(["cat-file", "--batch"])
    environ = processes.environment({"GIT_DIR": str(folder)})
    with subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:  # noqa: S603
        assert reader.stdin is not None
        assert reader.stdout is not None
        rewriter = _Rewriter(folder, _Reader(reader.stdin, reader.stdout), large)
        try:
            asked = "".join(f"{head}\n" for head in heads).encode()
            listed = processes.run(folder, ["rev-list", "--topo-order", "--reverse", "--stdin"], given=asked)
            for line in listed.decode().split():
                rewriter.commit(Oid(line))
            for head in heads:
                rewriter.tag(head)
        finally:
            reader.stdin.close()
    return Rewritten(rewriter.ids, rewriter.files, rewriter.signatures)


class _Reader:
    """Reads objects from ``git cat-file --batch``."""

    def __init__(self, requests: IO[bytes], responses: IO[bytes]) -> None:
        self._requests = requests
        self._responses = responses

    def read(self, oid: Oid) -> tuple[str, bytes]:
        """Return the type and the content of an object."""
        self._requests.write(f"{oid}\n".encode())
        self._requests.flush()
        head = self._responses.readline().decode().split()
        if len(head) != 3:
            raise Refused(f"the source has no object {oid}")
        content = self._responses.read(int(head[2]))
        self._responses.read(1)
        return head[1], content


class _Rewriter:
    def __init__(self, folder: Path, reader: _Reader, large: Mapping[Oid, int]) -> None:
        self._folder = folder
        self._reader = reader
        self._large = large
        self._pointers: dict[Oid, Oid] = {}
        self._trees: dict[Oid, tuple[Oid, tuple[str, ...]]] = {}
        self._roots: dict[Oid, Oid] = {}
        self.ids: dict[Oid, Oid] = {}
        self.files = 0
        self.signatures = 0

    def commit(self, oid: Oid) -> None:
        """Rewrite a commit whose parents were rewritten before."""
        _, content = self._reader.read(oid)
        parsed = parse_commit(content)
        tree = self._root(parsed.tree)
        if tree == parsed.tree and not any(parent in self.ids for parent in parsed.parents):
            return
        self.ids[oid] = self._write(Kind.COMMIT, self._unsigned(content, tree))

    def tag(self, oid: Oid) -> Oid:
        """Return the new id of an object; rewrite it if it is an annotated tag, with the tags that it points at."""
        chain: list[tuple[Oid, bytes]] = []
        while oid not in self.ids:
            kind, content = self._reader.read(oid)
            if kind != "tag":
                break
            chain.append((oid, content))
            oid = Oid(content.split(b"\n", 1)[0].removeprefix(b"object ").decode())
        target = self.ids.get(oid, oid)
        for old, content in reversed(chain):
            if target == oid:
                target = oid = old
                continue
            body, mark, _ = content.split(b"\n", 1)[1].partition(b"-----BEGIN PGP SIGNATURE-----")
            body, other, _ = body.partition(b"-----BEGIN SSH SIGNATURE-----")
            self.signatures += bool(mark or other)
            oid, target = old, self._write(Kind.TAG, b"object " + target.encode() + b"\n" + body)
            self.ids[old] = target
        return target

    def _unsigned(self, content: bytes, tree: Oid) -> bytes:
        """Return a commit with another tree and rewritten parents, without signatures."""
        header, _, message = content.partition(b"\n\n")
        lines: list[bytes] = []
        is_dropped = False
        for given in header.split(b"\n"):
            line = given
            if line.startswith(b" "):
                if not is_dropped:
                    lines.append(line)
                continue
            is_dropped = line.startswith(_SIGNATURES)
            self.signatures += is_dropped
            if line.startswith(b"tree "):
                line = b"tree " + tree.encode()
            elif line.startswith(b"parent "):
                parent = Oid(line.removeprefix(b"parent ").decode())
                line = b"parent " + self.ids.get(parent, parent).encode()
            if not is_dropped:
                lines.append(line)
        return b"\n".join(lines) + b"\n\n" + message

    def _root(self, root: Oid) -> Oid:
        """Return a root tree with pointers, and with the rules for them."""
        if root not in self._roots:
            tree, paths = self._tree(root)
            self._roots[root] = self._covered(tree, paths) if paths else tree
        return self._roots[root]

    def _covered(self, tree: Oid, paths: tuple[str, ...]) -> Oid:
        entries = parse_tree(self._reader.read(tree)[1])
        there = next((entry for entry in entries if entry.name == _ATTRIBUTES), None)
        if there is not None and there.mode not in _REGULAR:
            return tree
        text = self._reader.read(there.oid)[1] if there is not None else b""
        rules = Attributes.parse(text.decode("utf-8", "surrogateescape"))
        missing = [path for path in sorted(paths) if rules.is_lfs(RepoPath(path)) is not True]
        lines = [rule for path in missing if (rule := render_lfs_rule(RepoPath(path), is_anchored=True)) is not None]
        if not lines:
            return tree
        if text and not text.endswith(b"\n"):
            text += b"\n"
        blob = self._write(Kind.BLOB, text + "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
        mode = Mode.FILE if there is None else there.mode
        kept = [entry for entry in entries if entry.name != _ATTRIBUTES]
        return self._write(Kind.TREE, encode_tree([*kept, Entry(_ATTRIBUTES, mode, blob)]))

    def _tree(self, start: Oid) -> tuple[Oid, tuple[str, ...]]:
        """Return a tree with pointers, and the paths of the large files below it."""
        stack = [start]
        while stack:
            tree = stack[-1]
            if tree in self._trees:
                stack.pop()
                continue
            entries = parse_tree(self._reader.read(tree)[1])
            waiting = [entry.oid for entry in entries if entry.is_folder and entry.oid not in self._trees]
            if waiting:
                stack += waiting
            else:
                self._trees[tree] = self._rewritten(tree, entries)
        return self._trees[start]

    def _rewritten(self, tree: Oid, entries: Iterable[Entry]) -> tuple[Oid, tuple[str, ...]]:
        made: list[Entry] = []
        paths: list[str] = []
        for entry in entries:
            if entry.is_folder:
                oid, below = self._trees[entry.oid]
                paths += [f"{entry.name}/{path}" for path in below]
                made.append(Entry(entry.name, entry.mode, oid))
            elif entry.oid in self._large and entry.mode in _REGULAR:
                paths.append(entry.name)
                made.append(Entry(entry.name, entry.mode, self._pointer(entry.oid)))
            else:
                made.append(entry)
            if len(paths) > _MAX_PATHS:
                raise LimitExceeded("the number of paths of large files in one commit", _MAX_PATHS)
        return (self._write(Kind.TREE, encode_tree(made)), tuple(paths)) if paths else (tree, ())

    def _pointer(self, oid: Oid) -> Oid:
        """Return the pointer to a large file, and move its content to git-lfs's storage."""
        if oid not in self._pointers:
            draft = self._folder / "large-file"
            with draft.open("wb") as file:
                argv = processes.command(["cat-file", "blob", oid])
                environ = processes.environment({"GIT_DIR": str(self._folder)})
                subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, stdout=file, check=True)  # noqa: S603
            with draft.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            place = object_path(self._folder, sha256)
            place.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(place)
            pointer = render_pointer(Pointer(Sha256(sha256), self._large[oid]))
            self._pointers[oid] = self._write(Kind.BLOB, pointer)
            self.files += 1
        return self._pointers[oid]

    def _write(self, kind: Kind, content: bytes) -> Oid:
        """Store a loose object in git's format."""
        oid = oid_of(kind, content)
        place = self._folder / "objects" / oid[:2] / oid[2:]
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            draft = place.with_name(f"{place.name}.{os.getpid()}")
            draft.write_bytes(zlib.compress(b"%s %d\0" % (kind.value.encode(), len(content)) + content, 1))
            draft.replace(place)
        return oid
