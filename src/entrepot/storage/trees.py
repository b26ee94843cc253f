"""Trees of a repository as lists show them: paths, folders first, LFS files with the size of their content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectSize
from entrepot.errors import EntryNotFound, ObjectMissing
from entrepot.git import Entry, Mode
from entrepot.git.tree_names import TreeNames
from entrepot.git.tree_scan import TreeScan
from entrepot.names import ROOT, Oid, RepoPath, Sha256, XetHash, name_fault
from entrepot.storage.folders import LARGE, FolderEntries, ParsedFolder, ScannedFolder, parse
from entrepot.storage.objects import content_of, find_row, tree_scanner
from entrepot.storage.store import Store

_MAX_LEFT_OUT = 100
_ENTRY_BYTES = 40


@attrs.frozen
class Node:
    """A file or folder at a path."""

    path: RepoPath
    entry: Entry

    @property
    def is_folder(self) -> bool:
        """Whether the node is a folder."""
        return self.entry.is_folder


@attrs.frozen
class LfsTarget:
    """The file that an LFS pointer refers to."""

    sha256: Sha256
    size: int


@attrs.frozen
class ListedEntry:
    """A file or folder as lists show it; ``size`` is the size of the actual content."""

    path: RepoPath
    oid: Oid
    is_folder: bool
    size: int
    pointer_size: int
    lfs: LfsTarget | None
    xet_hash: XetHash | None = None

    @property
    def etag(self) -> str:
        """The entity tag: the SHA-256 of an LFS file, else the git object id."""
        return self.lfs.sha256 if self.lfs else self.oid


class Trees:
    """The trees of one repository in one snapshot of the catalog.

    ``left_out``: paths that walks skipped because no client could use them; at
    most the first 100.
    """

    def __init__(self, store: Store, tx: Read, repo_id: int) -> None:
        self._store = store
        self._tx = tx
        self._repo_id = repo_id
        self._scan = tree_scanner(store, tx, repo_id)
        self.left_out: list[RepoPath] = []

    def read(self, tree: Oid) -> bytes:
        """Return the content of a tree.

        Raises:
            ObjectMissing, ObjectDamaged: the tree is missing or damaged.
        """
        # A caller that needs all entries parses the tree itself; the scanner is for lookups by name.
        key = (self._repo_id, tree)
        known = self._store.trees.find(key)
        content = known.content if known is not None else self._store.large_trees.find(key)
        if content is None:
            content = content_of(find_row(self._tx, self._repo_id, tree))
            if len(content) >= LARGE:  # unpacking it takes milliseconds
                self._store.large_trees.put(key, content)
        return content

    def names(self, trees: Sequence[Oid]) -> list[TreeNames]:
        """Return the searchable names of trees, in their order; trees that are not cached are read together.

        Raises:
            ObjectMissing, ObjectDamaged: a tree is missing or damaged.
        """
        known = {tree: self._store.names.find((self._repo_id, tree)) for tree in trees}
        lacking = [tree for tree, names in known.items() if names is None]
        for row in objects.find_many(self._tx, self._repo_id, lacking) if lacking else ():
            self._tx.expect(row.size >> 8)
            known[row.oid] = made = TreeNames(content_of(row))
            self._store.names.put((self._repo_id, row.oid), made)
        lost = next((tree for tree, names in known.items() if names is None), None)
        if lost is not None:
            raise ObjectMissing(lost)
        return [found for tree in trees if (found := known[tree]) is not None]

    def find(self, root: Oid, path: RepoPath) -> Entry | None:
        """Return the entry at a path, or None; the root is a folder entry without a name."""
        here = Entry("", Mode.FOLDER, root)
        if path == ROOT:
            return here
        for name in path.split("/"):
            if not here.is_folder:
                return None
            span = self._scan(here.oid).find(name.encode("utf-8", "surrogateescape"))
            if span is None:
                return None
            here = Entry(name, span.mode, span.oid)
        return here

    def find_each(self, folder: Oid, names: Sequence[str]) -> list[Entry | None]:
        """Return the entry of a tree with each name, or None; names in stored order are found fastest.

        The empty name is that of the tree itself.
        """
        spans = self._scan(folder).find_each([name.encode("utf-8", "surrogateescape") for name in names])
        entries = [
            None if span is None else Entry(name, span.mode, span.oid) for name, span in zip(names, spans, strict=True)
        ]
        return [entry if name else Entry("", Mode.FOLDER, folder) for name, entry in zip(names, entries, strict=True)]

    def folder(self, root: Oid, path: RepoPath) -> Oid:
        """Return the tree at a path.

        Raises:
            EntryNotFound: nothing is at the path, or a file.
        """
        entry = self.find(root, path)
        if entry is None or not entry.is_folder:
            raise EntryNotFound(path)
        return entry.oid

    def walk(self, folder: Oid, path: RepoPath, *, is_deep: bool, after: RepoPath | None = None) -> Iterator[Node]:
        """Yield the entries below a folder, folders before files on each level, depth first.

        Submodule links are skipped: their content belongs to another repository,
        and callers list files to download them. Entries whose name breaks a rule
        for paths are skipped with everything below them: see ``left_out``.

        Args:
            folder: the tree at ``path``.
            path: the path of the tree, prefixed to every path.
            is_deep: also yield entries of subfolders.
            after: start after this path, which an earlier walk returned.
        """
        stack = self._resume(folder, path, is_deep, after)
        while stack:
            here, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            node = Node(_below(here, entry), entry)
            if name_fault(entry.name, is_top=here == ROOT) is not None:
                if len(self.left_out) < _MAX_LEFT_OUT:
                    self.left_out.append(node.path)
                continue
            yield node
            if is_deep and entry.is_folder:
                stack.append((node.path, self._folder(entry.oid).everything()))

    def _resume(
        self, folder: Oid, path: RepoPath, is_deep: bool, after: RepoPath | None
    ) -> list[tuple[RepoPath, Iterator[Entry]]]:
        """Return the folders that a walk has entered and not left, each with its remaining entries."""
        if not after:
            return [(path, self._folder(folder).everything())]
        stack, here, oid = list[tuple[RepoPath, Iterator[Entry]]](), path, folder
        names = (after if path == ROOT else after.removeprefix(f"{path}/")).split("/")
        for depth, name in enumerate(names, start=1):
            entry, rest = self._folder(oid).after(name)
            stack.append((here, rest))
            if entry is None or not entry.is_folder or not is_deep:
                break
            here, oid = _below(here, entry), entry.oid
            if depth == len(names):
                stack.append((here, self._folder(oid).everything()))
        return stack

    def _folder(self, tree: Oid) -> FolderEntries:
        key = (self._repo_id, tree)
        entries = self._store.listings.find(key)
        if entries is None:
            content = self.read(tree)
            if len(content) >= LARGE:
                self._tx.expect(len(content) // _ENTRY_BYTES)
                scan = self._store.trees.find(key) or TreeScan(content)
                self._store.trees.put(key, scan)
                return ScannedFolder(scan, lambda found: self._store.listings.put(key, found))
            entries = parse(content)
            self._store.listings.put(key, entries)
        self._tx.expect(len(entries))
        return ParsedFolder(entries)

    def everything(self, folder: Oid, path: RepoPath) -> Iterator[ListedEntry]:
        """Yield every file below a folder with its size, in batches to limit memory."""
        batch: list[Node] = []
        for node in self.walk(folder, path, is_deep=True):
            if not node.is_folder:
                batch.append(node)
            if len(batch) >= 1000:
                yield from self.measure(batch)
                batch = []
        yield from self.measure(batch)

    def measure(self, nodes: Sequence[Node]) -> list[ListedEntry]:
        """Return the sizes and LFS metadata of the given entries, in their order.

        Raises:
            ObjectMissing: one of the objects is missing.
        """
        oids = list({node.entry.oid for node in nodes if _has_content(node.entry)})
        measures = objects.measure(self._tx, self._repo_id, oids)
        listed = [_listed(node, measures) for node in nodes]
        large = [item.lfs.sha256 for item in listed if item.lfs]
        if not large:
            return listed
        hashes = file_links.xet_hashes(self._tx, self._repo_id, large)
        return [attrs.evolve(item, xet_hash=hashes.get(item.lfs.sha256)) if item.lfs else item for item in listed]


def _below(folder: RepoPath, entry: Entry) -> RepoPath:
    return RepoPath(f"{folder}/{entry.name}" if folder else entry.name)


def _listed(node: Node, measures: dict[Oid, ObjectSize]) -> ListedEntry:
    entry = node.entry
    if not _has_content(entry):
        return ListedEntry(node.path, entry.oid, entry.is_folder, 0, 0, None)
    measure = measures.get(entry.oid)
    if measure is None:
        raise ObjectMissing(entry.oid)
    if measure.lfs_sha256 is None or measure.lfs_size is None or entry.mode == Mode.SYMLINK:
        return ListedEntry(node.path, entry.oid, False, measure.size, 0, None)
    lfs = LfsTarget(measure.lfs_sha256, measure.lfs_size)
    return ListedEntry(node.path, entry.oid, False, lfs.size, measure.size, lfs)


def _has_content(entry: Entry) -> bool:
    return not entry.is_folder and entry.mode != Mode.GITLINK
