"""Use cases that compare two revisions: which files differ and how much of them is new, and how one file differs."""

from __future__ import annotations

import contextlib
import itertools
import posixpath
from collections.abc import Iterator, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import file_links
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntryNotFound, RevisionNotFound
from entrepot.git import Change, Mode, diff_trees
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons.rows import RowsDiff, compare_tables
from entrepot.hub.comparisons.sides import ComparedFile, ReadBudget, chunks_of, chunks_of_file
from entrepot.hub.comparisons.tensors import TensorsDiff, compare_gguf, compare_safetensors
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents, diffs, histories
from entrepot.hub.repos.contents import LocatedFile
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.previews.table_formats import ENDINGS
from entrepot.storage import objects
from entrepot.storage.contents import Content
from entrepot.storage.trees import ListedEntry, Node, Trees
from entrepot.xet.chunk_maps import ChunkMap, new_bytes

MAX_FILES = 1_000
"""Files of a comparison that are listed."""

MAX_MEASURED = 100
"""Files of a comparison whose chunks are compared."""

FORMATS = {
    **ENDINGS,
    ".safetensors": "safetensors",
    ".gguf": "gguf",
}
"""How files are compared, by their endings: as tables of a format, or as models."""


@attrs.frozen
class FileDifference:
    """A file that differs. ``content``: how it can be compared, of :data:`FORMATS`, else None.

    ``new_bytes``: bytes of chunks that no changed file had before; None if the file is not stored as chunks.
    """

    path: RepoPath
    old: ListedEntry | None
    new: ListedEntry | None
    content: str | None
    new_bytes: int | None = None

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if self.old is None else "removed" if self.new is None else "changed"


@attrs.frozen
class RevisionDiff:
    """The files in which two commits differ; ``old`` is None for the parent of a root commit.

    ``text``: the same files in git's format, with the lines of the first ones, if they were asked for.
    """

    repo: RepoRow
    old: Oid | None
    new: Oid
    files: Sequence[FileDifference]
    is_complete: bool
    text: str = ""


@attrs.frozen
class ContentDiff:
    """The difference of one file. ``details`` is None if its kind is not compared, or it was added or removed.

    ``text``: its lines in git's format, if it is not compared otherwise.
    """

    repo: RepoRow
    old: Oid | None
    new: Oid
    file: FileDifference
    details: RowsDiff | TensorsDiff | None
    bytes_read: int
    text: str = ""


@attrs.frozen
class _Sides:
    """Two commits of a repository."""

    repo: RepoRow
    old: Oid | None
    new: Oid


def list_changes(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str, *, most_files: int = MAX_FILES, most_texts: int = 0
) -> RevisionDiff:
    """Return the files in which two revisions differ, with their sizes and the bytes that are new.

    Args:
        spec: ``a..b`` (from a to b), ``a...b`` (from their common ancestor to b); ``x^`` is the first parent of x.
        most_files: files that are listed; the trees are not read beyond them.
        most_texts: files whose lines are in the text; 0: no text.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        Malformed, RevisionNotFound: the specification cannot be read, or a side does not exist.
    """
    with hub.read() as tx:
        sides = _sides(tx, caller, ref, spec)
        changes = list(itertools.islice(_changes(hub, tx, sides), most_files + 1))
        files = _measured(hub, tx, sides.repo, changes[:most_files])
        text = diffs.render(hub, tx, caller, sides.repo, changes, most_files, most_texts) if most_texts else ""
    return RevisionDiff(sides.repo, sides.old, sides.new, files, len(changes) <= most_files, text)


def compare_file(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, spec: str, path: RepoPath, key: Sequence[str] = ()
) -> ContentDiff:
    """Return how one file differs between two revisions, by its content.

    Args:
        spec: as for :func:`list_changes`.
        key: columns that identify a row of a table.

    Raises:
        as :func:`list_changes`; EntryNotFound: neither revision has the file.
        InvalidParameter: a key column is missing, or not unique.
        UnsupportedDataset, ExtraNotInstalled, Malformed: the file cannot be read as what its name says.
        LimitExceeded: too much would have to be read.
    """
    with hub.read() as tx:
        sides = _sides(tx, caller, ref, spec)
        change = _change_of(hub, tx, sides, path)
        [file] = _measured(hub, tx, sides.repo, [change])
        if file.content is None or file.old is None or file.new is None or sides.old is None:
            text = diffs.render(hub, tx, caller, sides.repo, [change], 1)
            return ContentDiff(sides.repo, sides.old, sides.new, file, None, 0, text)
    if file.old.etag == file.new.etag:
        return ContentDiff(sides.repo, sides.old, sides.new, file, None, 0)
    old, new = (contents.locate(hub, caller, sides.repo.ref, oid, path) for oid in (sides.old, sides.new))
    budget = ReadBudget()
    with _opened(hub, old) as before, _opened(hub, new) as after:
        with hub.read() as tx:
            maps = chunks_of(hub, tx, old), chunks_of(hub, tx, new)
        pair = ComparedFile(before, maps[0], budget), ComparedFile(after, maps[1], budget)
        details = _details(hub, file.content, path, *pair, key)
    return ContentDiff(sides.repo, sides.old, sides.new, file, details, budget.used)


def _details(
    hub: HubContext, form: str, path: str, old: ComparedFile, new: ComparedFile, key: Sequence[str]
) -> RowsDiff | TensorsDiff:
    if form == "safetensors":
        return compare_safetensors(old, new)
    if form == "gguf":
        return compare_gguf(old, new)
    return compare_tables(hub.tables, form, path, old, new, key)


@contextlib.contextmanager
def _opened(hub: HubContext, located: LocatedFile) -> Iterator[Content]:
    with contextlib.closing(located.open(hub)) as content:
        yield content


def _sides(tx: Read, caller: MaybeCaller, ref: RepoRef, spec: str) -> _Sides:
    row = access.readable(tx, caller, ref)
    old, new = histories.resolve_sides(tx, row.id, spec)
    if new is None:
        raise RevisionNotFound(spec)
    return _Sides(row, old, new)


def _changes(hub: HubContext, tx: Read, sides: _Sides) -> Iterator[Change]:
    before, after = (
        objects.root_of(hub.store, tx, sides.repo.id, side) if side else None for side in (sides.old, sides.new)
    )
    return diff_trees(before, after, Trees(hub.store, tx, sides.repo.id).read)


def _change_of(hub: HubContext, tx: Read, sides: _Sides, path: RepoPath) -> Change:
    trees = Trees(hub.store, tx, sides.repo.id)
    found = []
    for side in (sides.old, sides.new):
        entry = None if side is None else trees.find(objects.root_of(hub.store, tx, sides.repo.id, side), path)
        found.append(None if entry is None or entry.is_folder or entry.mode == Mode.GITLINK else entry)
    if found == [None, None]:
        raise EntryNotFound(path, sides.new)
    return Change(path, *found)


def _measured(hub: HubContext, tx: Read, repo: RepoRow, changes: Sequence[Change]) -> list[FileDifference]:
    trees = Trees(hub.store, tx, repo.id)
    listed = []
    for side in ("old", "new"):
        entries = [(change.path, getattr(change, side)) for change in changes]
        nodes = [Node(path, entry) for path, entry in entries if entry and entry.mode != Mode.GITLINK]
        listed.append({item.path: item for item in trees.measure(nodes)})
    pairs = [(change.path, listed[0].get(change.path), listed[1].get(change.path)) for change in changes]
    large = [pair for pair in pairs if any(item and item.lfs for item in pair[1:])][:MAX_MEASURED]
    known = {
        digest
        for _, old, _ in large
        for chunks in [_chunks(hub, tx, repo, old)]
        if chunks is not None
        for digest in chunks.hashes
    }
    fresh = {path: _fresh(hub, tx, repo, new, known) for path, _, new in large}
    return [
        FileDifference(path, old, new, FORMATS.get(posixpath.splitext(path)[1].lower()), fresh.get(path))
        for path, old, new in pairs
    ]


def _fresh(hub: HubContext, tx: Read, repo: RepoRow, new: ListedEntry | None, known: set[bytes]) -> int | None:
    chunks = _chunks(hub, tx, repo, new)
    return None if chunks is None else new_bytes(chunks, known)


def _chunks(hub: HubContext, tx: Read, repo: RepoRow, item: ListedEntry | None) -> ChunkMap | None:
    if item is None or item.lfs is None:
        return None
    kept = file_links.stored_form(tx, repo.id, item.lfs.sha256)
    return None if kept is None or kept.file is None else chunks_of_file(hub, tx, kept.file)
