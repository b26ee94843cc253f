"""Read repositories: trees, paths, and the content behind a path."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import commits
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Damaged, EntrepotError, EntryNotFound, NotAllowed, Unavailable
from entrepot.git import Mode
from entrepot.hub import access, revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks, file_scrubbing, flagged_files
from entrepot.hub.jobs.indexing import index_briefly
from entrepot.hub.revisions import ReadableTree
from entrepot.hub.versioned_cache import Version
from entrepot.names import ROOT, Oid, RepoPath, RepoRef, Sha256, XetFileId, XetHash
from entrepot.storage import histories
from entrepot.storage import objects as stored
from entrepot.storage.contents import Content, PackedContent
from entrepot.storage.histories import LoggedCommit
from entrepot.storage.trees import LfsTarget, ListedEntry, Node, Trees

_LONGEST_REVISION = 256
_MAX_COMPARED = 20_000
"""Commits that are not indexed yet, times paths: with more, last commits are those of the index."""
_MAX_WALKED = 2_000
"""Commits that are not indexed yet, which a request reads, for however few paths; that takes about a second."""
_TREE_BYTES = 8 * 1024
"""What a remembered row of a repository takes, with its settings and description."""


@attrs.frozen
class LocatedFile:
    """A file at a revision, to be described or read."""

    repo: RepoRow
    commit: Oid
    path: RepoPath
    oid: Oid
    size: int
    lfs: LfsTarget | None
    _data: bytes | None = attrs.field(repr=False)
    _sha256: Sha256 | None
    xet_hash: XetHash | None = None
    file: XetFileId | None = None

    @property
    def etag(self) -> str:
        """Etag derived from the content: SHA-256 of LFS files, else the git object id."""
        return self.lfs.sha256 if self.lfs else self.oid

    @property
    def content_key(self) -> str:
        """What names these bytes within this repository, for caches.

        Only within it: elsewhere the same digest may be the claim of an uploader, which is not verified yet.
        """
        return f"{self.repo.id}:{self.etag}:{self.file or ''}"

    @property
    def is_loaded(self) -> bool:
        """Whether the bytes came with the row, so that opening the file reads nothing more."""
        return self._data is not None

    @property
    def is_chunked(self) -> bool:
        """Whether the bytes are stored as chunks only."""
        return self._data is None and self._sha256 is None

    def open(self, hub: HubContext) -> Content:
        """Return the content; the caller closes it.

        Raises:
            BlobMissing, BlobUnreadable: the store has lost it, or a part of it.
        """
        if self._data is not None:
            return PackedContent(self.oid, self.size, self._data)
        hub.catalog.check_may_wait()
        if self._sha256 is None:
            assert self.file is not None
            return chunks.open_file(hub, self.file)
        return chunks.open_linked(hub, self.repo.id, self._sha256, self.size)


@attrs.frozen
class DescribedEntry:
    """One entry of a listing, with its last commit if requested."""

    listed: ListedEntry
    last_commit: LoggedCommit | None = None


@attrs.frozen
class TreePage:
    """A page of the entries of a tree; ``after``: start of the next page, None at the end.

    ``left_out``: paths among them that break the rules of names.
    """

    commit: Oid
    entries: Sequence[DescribedEntry]
    after: RepoPath | None
    left_out: Sequence[RepoPath] = ()


def locate(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    path: RepoPath,
    *,
    is_raw: bool = False,
    version: Version | None = None,
) -> LocatedFile:
    """Return the file at a path; an LFS pointer stands for its large file.

    Args:
        is_raw: return the file as git stores it: an LFS pointer is a text file.
        version: of the database, asked for after the request has arrived. While it stands, further files of the
            revision are found without checking the rights of the caller and resolving the revision again; the row
            of the repository is then without its card and configuration.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: the revision does not exist.
        EntryNotFound: the path is not a file; ``commit`` is set.
        NotAllowed: a scanner has flagged the file, and it is hidden from the caller.
    """
    who = None if caller is None else (caller.account.id, caller.token.uid, caller.token.secret_hash)
    key = (who, ref, revision)
    known = None if version is None else hub.known_trees.find(version, key)
    with hub.read() as tx:
        if known is not None:
            # What has changed since the version was read shows as an error; the rows then say what it is now.
            with contextlib.suppress(EntrepotError):
                return _locate_in(hub, tx, caller, known, path, is_raw=is_raw)
        revisions.lookups(ref, revision)(tx)
        row = access.readable(tx, caller, ref)
        commit, root = revisions.tree_of(hub.store, tx, row.id, revision)
        found = ReadableTree(row, commit, root)
        located = _locate_in(hub, tx, caller, found, path, is_raw=is_raw)
    if version is not None and len(revision) <= _LONGEST_REVISION:
        lean = attrs.evolve(row, card=None, config=None, file_metadata=None)
        hub.known_trees.put(version, key, attrs.evolve(found, repo=lean), _TREE_BYTES)
    return located


def _locate_in(
    hub: HubContext, tx: Read, caller: MaybeCaller, tree: ReadableTree, path: RepoPath, *, is_raw: bool
) -> LocatedFile:
    row = tree.repo
    entry = Trees(hub.store, tx, row.id).find(tree.root, path)
    if entry is None or entry.is_folder or entry.mode == Mode.GITLINK:
        raise EntryNotFound(path, tree.commit)
    located = _located(tx, row, tree.commit, path, stored.find_row(tx, row.id, entry.oid), is_raw=is_raw)
    _check_served(hub, tx, caller, located)
    return located


def _check_served(hub: HubContext, tx: Read, caller: MaybeCaller, located: LocatedFile) -> None:
    """Raise if a scanner has flagged the file, and the caller may not read it therefore."""
    oid, sha256 = (None, located.lfs.sha256) if located.lfs is not None else (located.oid, None)
    flagged_files.check_served(hub, tx, caller, located.repo, oid=oid, sha256=sha256, xet_hash=located.xet_hash)


def _located(tx: Read, row: RepoRow, commit: Oid, path: RepoPath, found: ObjectRow, *, is_raw: bool) -> LocatedFile:
    if found.data is None:
        if found.sha256 is not None:
            file_scrubbing.check_served(tx, found.sha256)
        return LocatedFile(row, commit, path, found.oid, found.size, None, None, found.sha256)
    if is_raw or found.sha256 is None or found.pointer_size is None:
        return LocatedFile(row, commit, path, found.oid, found.size, None, found.data, None)
    # A pointer gives no access to bytes that the repository may not use, or that were deleted permanently.
    kept = file_links.stored_form(tx, row.id, found.sha256)
    if kept is None:
        raise EntryNotFound(path, commit, "The large file behind this pointer is not stored in this repository")
    if kept.is_damaged:
        file_scrubbing.check_served(tx, found.sha256)
    lfs = LfsTarget(found.sha256, found.pointer_size)
    raw = lfs.sha256 if kept.is_raw else None
    return LocatedFile(row, commit, path, found.oid, lfs.size, lfs, None, raw, kept.xet_hash, kept.file)


@attrs.frozen
class SmallFile:
    """A small file with its content."""

    path: RepoPath
    etag: str
    data: bytes = attrs.field(repr=False)


@attrs.frozen
class SmallFiles:
    """Some of the requested files; the others must be fetched one by one."""

    repo: RepoRow
    commit: Oid
    files: Sequence[SmallFile]


def read_small_files(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    paths: Sequence[RepoPath],
    *,
    most_each: int,
    most_bytes: int,
) -> SmallFiles:
    """Return the contents of many small files in one call; LFS pointers stand for their large files.

    Paths that are not files, are too large or cannot be read now are left out:
    requesting one alone returns the reason.

    Args:
        most_each: size of the largest file, in bytes.
        most_bytes: total size in bytes; a file that exceeds it is left out.

    Raises:
        as :func:`locate`, except for errors of single paths.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        commit, root = revisions.tree_of(hub.store, tx, row.id, revision)
        trees = Trees(hub.store, tx, row.id)
        small = _small(trees, root, paths, most_each, most_bytes)
        rows = {found.oid: found for found in objects.find_many(tx, row.id, list({item.oid for item in small}))}
        located = []
        for item in small:
            with contextlib.suppress(EntryNotFound, KeyError, NotAllowed):
                one = _located(tx, row, commit, item.path, rows[item.oid], is_raw=False)
                _check_served(hub, tx, caller, one)
                located.append(one)
    opened = chunks.open_files(hub, [item.file for item in located if item.file is not None and item.is_chunked])
    return SmallFiles(row, commit, [found for item in located if (found := _read_small(hub, item, opened)) is not None])


def _small(trees: Trees, root: Oid, paths: Sequence[RepoPath], most_each: int, most_bytes: int) -> list[ListedEntry]:
    """Return the files that fit into one response."""
    nodes = [Node(path, entry) for path in paths if path and (entry := trees.find(root, path))]
    chosen, total = [], 0
    for item in trees.measure([node for node in nodes if not node.is_folder and node.entry.mode != Mode.GITLINK]):
        if item.size <= min(most_each, most_bytes - total):
            chosen.append(item)
            total += item.size
    return chosen


def _read_small(hub: HubContext, located: LocatedFile, opened: Mapping[XetFileId, Content]) -> SmallFile | None:
    try:
        known = opened.get(located.file) if located.file is not None and located.is_chunked else None
        with contextlib.closing(known or located.open(hub)) as content:
            data = content.read_at(0, located.size)
    except (Damaged, Unavailable):
        return None
    return SmallFile(located.path, located.etag, data) if len(data) == located.size else None


def list_tree(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    path: RepoPath,
    *,
    is_deep: bool,
    with_commits: bool,
    limit: int,
    after: RepoPath | None = None,
) -> TreePage:
    """Return a page of the entries of a folder, folders before files on each level.

    Args:
        is_deep: also return the contents of sub-folders, depth first.
        with_commits: also return the last commit of each entry.
        limit: entries of a page, >= 1.
        after: ``after`` of the previous page.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the path does not exist, or is a file.
        HistoryBeingIndexed: with last commits, if too many commits are new.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        commit, trees, folder = open_folder(hub, tx, row, revision, path)
        nodes: list[Node] = []
        for node in trees.walk(folder, path, is_deep=is_deep, after=after):
            nodes.append(node)
            if len(nodes) > limit:
                break
        rest = nodes[limit - 1].path if len(nodes) > limit else None
        listed = trees.measure(nodes[:limit])
    described = _described(hub, row.id, commit, listed, with_commits=with_commits)
    return TreePage(commit, described, rest, tuple(trees.left_out))


def open_folder(hub: HubContext, tx: Read, row: RepoRow, revision: str, path: RepoPath) -> tuple[Oid, Trees, Oid]:
    """Return the commit of a revision, its trees, and the tree at a path.

    Raises:
        RevisionNotFound, EntryNotFound: the path does not exist, or is a file; the error names the commit.
    """
    commit, root = revisions.tree_of(hub.store, tx, row.id, revision)
    trees = Trees(hub.store, tx, row.id)
    try:
        return commit, trees, trees.folder(root, path)
    except EntryNotFound as error:
        raise EntryNotFound(path, commit) from error


def paths_info(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, paths: Sequence[RepoPath], *, with_commits: bool
) -> list[DescribedEntry]:
    """Return the entry at each path, in this order, without missing ones.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
        HistoryBeingIndexed: as :func:`list_tree`.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        commit, root = revisions.tree_of(hub.store, tx, row.id, revision)
        trees = Trees(hub.store, tx, row.id)
        nodes = [
            Node(path, entry)
            for path in paths
            if path and (entry := trees.find(root, path)) and entry.mode != Mode.GITLINK
        ]
        listed = trees.measure(nodes)
    return _described(hub, row.id, commit, listed, with_commits=with_commits)


def tree_size(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> int:
    """Return the size of all files below a folder in bytes; large files count with their real size.

    Raises:
        as :func:`list_tree`.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        _, trees, folder = open_folder(hub, tx, row, revision, path)
        return sum(item.size for item in trees.everything(folder, path))


def files_of(
    hub: HubContext, tx: Read, row: RepoRow, commit: Oid, *, most: int | None = None, trees: Trees | None = None
) -> list[Node]:
    """Return every file of a commit, without folders, by its path; an empty result if there are more than ``most``.

    Args:
        trees: reader of the trees; it records the paths that were left out.
    """
    trees = trees or Trees(hub.store, tx, row.id)
    root = stored.root_of(hub.store, tx, row.id, commit)
    walk = (node for node in trees.walk(root, ROOT, is_deep=True) if not node.is_folder)
    nodes = list(walk if most is None else itertools.islice(walk, most + 1))
    if most is not None and len(nodes) > most:
        return []
    return sorted(nodes, key=lambda node: node.path)


def _described(
    hub: HubContext, repo_id: int, commit: Oid, listed: Sequence[ListedEntry], *, with_commits: bool
) -> list[DescribedEntry]:
    if not with_commits:
        return [DescribedEntry(item) for item in listed]
    paths = [item.path for item in listed]
    with hub.read() as tx:
        count = commits.count_unindexed(tx, repo_id, commit, most=_MAX_WALKED + 1)
        is_short = count <= _MAX_WALKED and count * len(paths) <= _MAX_COMPARED
        waiting = commits.unindexed(tx, repo_id, commit) if is_short else []
        newest = histories.last_commits(hub.store, tx, repo_id, commit, paths, waiting) if is_short else {}
    if not is_short:
        index_briefly(hub, repo_id, commit)
        with hub.read() as tx:
            newest = histories.last_commits(hub.store, tx, repo_id, commit, paths)
    return [DescribedEntry(item, newest.get(item.path)) for item in listed]
