"""The first half of a commit: check operations, make their bytes durable, and return edits of a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from entrepot.blobs import file_key
from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import file_checks, file_links, files, linked_forms, xet_files
from entrepot.catalog.files.file_links import READER, LinkUser
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, EntryNotFound, InvalidOperation, InvalidPath, LargeFileMissing, LimitExceeded
from entrepot.git import EMPTY_TREE, Entry, Kind, Mode, Pointer, TreeEditor, render_pointer
from entrepot.hub import access, revisions
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller, MaybeCaller, read_by
from entrepot.hub.context import HubContext
from entrepot.hub.files import file_scrubbing, rechunking
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder, Operation
from entrepot.hub.files.unpublished import Unpublished
from entrepot.hub.revisions import BranchHead
from entrepot.names import Oid, RepoPath, Sha256, check_extent, name_fault, parse_folder
from entrepot.storage import objects
from entrepot.storage.contents import sha256_of
from entrepot.storage.trees import Node, Trees

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 2000
_JOINED_BYTES, _JOINED_ROWS = 256 << 10, 32
"""Most bytes and rows that the publishing transaction stores itself, so that a small commit needs no other transaction;
more would hold the lock of the repository for too long."""
_MAX_COPIED = 200_000
"""Maximum number of entries in the folders that one commit copies. Copies of copies double a tree each time: without
a limit, a kilobyte of requests could create more files than any listing can hold."""


@attrs.frozen
class Put:
    """Write an entry whose object is durable."""

    path: RepoPath
    mode: int
    oid: Oid

    def apply(self, editor: TreeEditor) -> None:
        """Write the entry; a file that was executable stays executable."""
        there = editor.find(self.path) if self.mode == Mode.FILE else None
        is_kept = there is not None and there.mode == Mode.EXECUTABLE
        editor.put(self.path, Mode.EXECUTABLE if is_kept else self.mode, self.oid)


@attrs.frozen
class Remove:
    """Remove a file or folder; with ``is_lenient``, one that may be absent."""

    path: RepoPath
    is_folder: bool = False
    is_lenient: bool = False

    def apply(self, editor: TreeEditor) -> None:
        """Remove the entry.

        Raises (unless it is lenient):
            EntryNotFound: the path does not exist.
            InvalidPath: it does not exist and breaks the rules; only existing entries may have such a path.
        """
        try:
            if self.is_folder:
                editor.remove_folder(self.path)
            else:
                editor.remove(self.path)
        except EntryNotFound:
            if not self.is_lenient:
                parse_folder(self.path)
                raise


@attrs.frozen
class PreparedCommit:
    """A commit without its parent: edits for the tree of any head.

    ``large``: its large files, all of them durable; ``touched``: the
    paths it writes, removes or copies from on the same branch; ``pointers``:
    ids of the pointers of large files by the paths at which they were written;
    ``rows``: objects that are not stored yet, because they are few and small: the
    transaction that publishes the commit stores them.
    """

    edits: tuple[Put | Remove, ...]
    large: tuple[tuple[Sha256, RepoPath], ...]
    touched: frozenset[RepoPath]
    pointers: Mapping[RepoPath, Oid] = attrs.field(factory=dict)
    rows: tuple[ObjectRow, ...] = ()

    @property
    def objects(self) -> frozenset[Oid]:
        """The objects that the edits name and that are stored already."""
        puts = (edit for edit in self.edits if isinstance(edit, Put))
        named = frozenset(put.oid for put in puts if put.mode != Mode.GITLINK)
        return named.difference(row.oid for row in self.rows)


def prepare(
    hub: HubContext,
    author: Caller,
    row: RepoRow,
    branch: BranchHead,
    operations: Iterable[Operation],
    quota: Allowance,
    *,
    fresh: Unpublished,
    inline_bytes: int = 0,
) -> PreparedCommit:
    """Check operations one by one and make their bytes durable; the publication stores those of a small commit.

    Args:
        operations: read once; only one content is held in memory at a time.
        quota: what the namespace may still store.
        fresh: notes the new objects that are stored, so that they can be deleted if the commit is refused.
        inline_bytes: approximate size of the content in them.

    Raises:
        InvalidOperation, EntryNotFound, LargeFileMissing, LimitExceeded: an
            operation cannot be applied; no ref was changed.
        QuotaExceeded: they exceed the quota of the namespace.
    """
    # Checked before storing: bytes of a refused commit would count against the quota until they are swept.
    fresh.expect(inline_bytes)
    prepared = _Preparation(hub, author, row, branch, quota, fresh)
    for operation in operations:
        prepared.take(operation)
    return prepared.finish()


def stored(hub: HubContext, repo_id: int, prepared: PreparedCommit, fresh: Unpublished) -> PreparedCommit:
    """Store all objects of a commit, for code that reads them before it is published; return it without ``rows``."""
    if prepared.rows:
        store_rows(hub, repo_id, prepared.rows, fresh)
    return attrs.evolve(prepared, rows=())


class _Preparation:
    def __init__(
        self,
        hub: HubContext,
        author: Caller,
        row: RepoRow,
        branch: BranchHead,
        quota: Allowance,
        fresh: Unpublished,
    ) -> None:
        self._hub = hub
        self._fresh = fresh
        self._quota = quota
        self._author = author
        self._row = row
        self._branch = branch
        self._waiting: list[ObjectRow] = []
        self._waiting_bytes = 0
        self._edits: list[Put | Remove] = []
        self._large: list[tuple[Sha256, RepoPath]] = []
        self._sizes: dict[Sha256, int] = {}
        self._unsized: list[tuple[int, AddLarge]] = []
        self._pointers: list[tuple[RepoPath, Pointer]] = []
        self._touched: set[RepoPath] = set()
        self._written: dict[RepoPath, Oid] = {}
        self._copied = 0

    def take(self, operation: Operation) -> None:
        """Prepare one operation."""
        self._touched.add(operation.path)
        match operation:
            case AddFile():
                self._add_file(operation)
            case AddLarge():
                self._move_away(operation.moved_from)
                self._unsized.append((len(self._edits), operation))
                self._edits.append(Put(operation.path, Mode.FILE, EMPTY_TREE))
                self._large.append((operation.sha256, operation.path))
            case Copy():
                self._copy(operation)
            case Delete():
                self._edits.append(Remove(operation.path))
            case DeleteFolder():
                self._edits.append(Remove(operation.path, is_folder=True))

    def finish(self) -> PreparedCommit:
        """Write the remaining objects, after checking that every large file exists."""
        self._check_large()
        for path, claimed in self._pointers:
            self._check_size(path, claimed.sha256, claimed.size)
        for position, operation in self._unsized:
            size = self._sizes[operation.sha256]
            self._check_size(operation.path, operation.sha256, operation.size)
            pointer = objects.of(Kind.BLOB, render_pointer(Pointer(operation.sha256, size)))
            self._edits[position] = Put(operation.path, Mode.FILE, pointer.oid)
            self._written[operation.path] = pointer.oid
            self._hold(objects.row_of(pointer))
        if not self._may_wait():
            self._flush()
        return PreparedCommit(
            tuple(self._edits), tuple(self._large), frozenset(self._touched), self._written, tuple(self._waiting)
        )

    def _may_wait(self) -> bool:
        """Return whether the publication may store what is left.

        It may not if bytes of a row are in ``blobs``, because such rows are stored under the locks of those bytes, or
        if there are large files, because the rules for these are read from stored objects.
        """
        is_small = self._waiting_bytes <= _JOINED_BYTES and len(self._waiting) <= _JOINED_ROWS
        return is_small and not self._large and all(row.data is not None for row in self._waiting)

    def _add_file(self, operation: AddFile) -> None:
        limit = self._hub.settings.max_inline_file
        if len(operation.content) > limit:
            raise LimitExceeded(f"the regular file '{operation.path}'", limit, "upload files of this size through LFS")
        self._quota.check_file(f"the regular file '{operation.path}'", len(operation.content))
        self._move_away(operation.moved_from)
        kept = self._keep(operation.content)
        if kept.pointer_size is not None and kept.sha256 is not None:
            self._large.append((kept.sha256, operation.path))
            self._pointers.append((operation.path, Pointer(kept.sha256, kept.pointer_size)))
            self._written[operation.path] = kept.oid
        self._edits.append(Put(operation.path, Mode.FILE, kept.oid))
        self._hold(kept)

    def _keep(self, content: bytes) -> ObjectRow:
        blob = objects.of(Kind.BLOB, content)
        if not objects.is_large(blob):
            return objects.row_of(blob)
        sha256 = sha256_of(content)
        with self._hub.write(Lock.file(sha256)) as tx:
            files.reserve(tx, sha256, len(content), self._hub.now_ms())
        file_scrubbing.delete_damaged(self._hub, sha256)
        return objects.keep_large(self._hub.store, blob, sha256)

    def _move_away(self, path: RepoPath | None) -> None:
        if path is not None:
            self._touched.add(path)
            self._edits.append(Remove(path))

    def _copy(self, operation: Copy) -> None:
        with self._hub.read() as tx:
            source = access.readable(tx, self._author, operation.repo) if operation.repo else self._row
            if operation.revision is None and source.id == self._row.id:
                commit = self._branch.head
                self._touched.add(operation.source)
            else:
                commit = revisions.resolve(tx, source.id, operation.revision or "main")
            trees = Trees(self._hub.store, tx, source.id)
            entry = trees.find(objects.root_of(self._hub.store, tx, source.id, commit), operation.source)
            if entry is None:
                raise EntryNotFound(operation.source, commit)
            nodes = _below(trees, entry, operation, _MAX_COPIED - self._copied)
            self._copied += len(nodes) - 1
            needed, named = _closure(trees, nodes)
        if entry.is_folder and not operation.source:
            raise InvalidOperation(operation.path, "a whole repository cannot be copied into a folder of itself")
        judged = None if operation.repo is None else self._author  # the source has been read for some time
        with self._hub.write(Lock.repo(source.id), Lock.repo(self._row.id), by=judged) as tx:
            if operation.repo is not None and access.readable(tx, self._author, operation.repo).id != source.id:
                raise Busy("the source of the copy")
            if source.id != self._row.id:
                self._quota.spend(object_rows.missing_bytes(tx, source.id, self._row.id, needed), tx)
                there = object_rows.copy(tx, source.id, self._row.id, needed, self._hub.now_ms())
            else:
                there = object_rows.touch(tx, source.id, needed, self._hub.now_ms())
            if there != len(needed):
                raise Busy("the source of the copy")  # a sweep has run: the revision no longer exists
        self._large.extend((sha256, path) for sha256, path, _ in named)
        self._written.update({path: oid for _, path, oid in named})
        self._edits.append(Put(operation.path, entry.mode, entry.oid))

    def _check_large(self) -> None:
        wanted = [sha256 for sha256, _ in self._large]
        if not wanted:
            return
        rechunking.verify_readable(self._hub, self._author, self._row, wanted)
        # Looked up, linked and touched in one transaction: no sweep can run in between.
        with self._hub.write(Lock.repo(self._row.id), *map(Lock.file, wanted)) as tx:
            self._sizes = admit(tx, self._author, self._row, wanted, self._quota, self._hub.now_ms())
            files.touch(tx, list(self._sizes), self._hub.now_ms())
        for sha256, path in self._large:
            if sha256 not in self._sizes:
                raise LargeFileMissing(path, sha256)

    def _check_size(self, path: RepoPath, sha256: Sha256, size: int | None) -> None:
        stored = self._sizes[sha256]
        if size is not None and size != stored:
            raise InvalidOperation(path, f"the stored object {sha256} has {stored} bytes, not {size}")

    def _hold(self, row: ObjectRow) -> None:
        self._waiting.append(row)
        self._waiting_bytes += len(row.data or b"")
        if self._waiting_bytes > _BATCH_BYTES or len(self._waiting) >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        store_rows(self._hub, self._row.id, self._waiting, self._fresh)
        self._waiting, self._waiting_bytes = [], 0


def store_rows(hub: HubContext, repo_id: int, rows: Sequence[ObjectRow], fresh: Unpublished) -> None:
    """Store rows of objects that no ref names yet; large ones must be reserved and published before.

    Raises:
        Busy: the bytes of a large one are gone; repeat everything.
    """
    with hub.write(Lock.repo(repo_id), *(Lock.file(row.sha256) for row in rows if row.sha256 is not None)) as tx:
        fresh.put(tx, rows)
        for row in rows:
            if row.data is None and row.sha256 is not None and not files.confirm(tx, row.sha256, row.size):
                raise Busy("this file")  # a sweep with a very short grace period deleted it first
    for row in rows:
        if row.data is None and row.sha256 is not None and hub.store.blobs.stat(file_key(row.sha256)) is None:
            raise Busy("this file")  # chunks have just replaced these bytes


def present_sizes(tx: Read, caller: MaybeCaller, row: RepoRow, wanted: Sequence[Sha256]) -> dict[Sha256, int]:
    """Sizes of those large files of a repository that the caller may use there.

    What no commit names yet is for the account that sent it, whatever its
    token, and for those who may write to the repository.
    """
    return file_links.usable(tx, row.id, wanted, link_user(tx, caller, row))


def link_user(tx: Read, caller: MaybeCaller, row: RepoRow) -> LinkUser:
    """Return the caller as a user of the uploads to a repository."""
    if caller is None:
        return READER
    return LinkUser(caller.account.id, access.may_commit(tx, caller, row))


def damaged(tx: Read, caller: MaybeCaller, row: RepoRow, sha256s: Sequence[Sha256]) -> set[Sha256]:
    """Return those large files of a repository whose stored bytes are damaged, so that they must be sent again."""
    user = link_user(tx, caller, row)

    def is_raw(sha256: Sha256) -> bool:
        kept = file_links.stored_form(tx, row.id, sha256, user)
        return kept is None or kept.is_raw

    lost = {sha256 for sha256 in file_checks.damaged(tx, sha256s) if is_raw(sha256)}
    return lost | linked_forms.damaged_forms(tx, row.id, sha256s)


def usable_sizes(tx: Read, caller: Caller, row: RepoRow, wanted: Sequence[Sha256]) -> dict[Sha256, int]:
    """Return the sizes of those large files that the caller may commit to a repository.

    These are files that commits of the repository name, files that the caller
    has uploaded to it (for writers: that anyone has), files of any repository
    whose content the caller may read, and chunks that were registered for it
    under this sha256, also by the caller. Knowing a digest alone gives no
    access to its bytes.
    """
    found = present_sizes(tx, caller, row, wanted)
    missing = [sha256 for sha256 in wanted if sha256 not in found]
    if missing:
        readable = linked_forms.readable_elsewhere(tx, read_by(caller), missing)
        found |= {sha256: form.size for sha256, form in readable.items()}
        missing = [sha256 for sha256 in missing if sha256 not in found]
    if missing:
        claims = xet_files.claimed(tx, row.id, missing, link_user(tx, caller, row))
        found |= {sha256: claim.size for sha256, claim in claims.items()}
    return found


def admit(
    tx: Write, caller: Caller, row: RepoRow, wanted: Sequence[Sha256], quota: Allowance, now_ms: int
) -> dict[Sha256, int]:
    """Let a repository use those large files that the caller may commit to it; return their sizes.

    Each is linked by the right that the caller has: a claim leads to the claimed
    chunks only, even if the hub has other content under the same sha256.

    Raises:
        QuotaExceeded: files that are new to the repository exceed the quota of
            the namespace; roll the transaction back.
    """
    usable = present_sizes(tx, caller, row, wanted)
    missing = [sha256 for sha256 in dict.fromkeys(wanted) if sha256 not in usable]
    if missing:
        readable = linked_forms.readable_elsewhere(tx, read_by(caller), missing)
        file_links.link_forms(tx, row.id, readable, caller.account.id, now_ms)
        left = [sha256 for sha256 in missing if sha256 not in readable]
        claimed = xet_files.claimed(tx, row.id, left, link_user(tx, caller, row))
        xet_files.link_claimed(tx, row.id, claimed, caller.account.id, now_ms)
        fresh = present_sizes(tx, caller, row, missing)
        quota.spend(sum(fresh.values()), tx)
        usable |= fresh
    file_links.renew(tx, row.id, list(usable), now_ms)
    return usable


def _below(trees: Trees, entry: Entry, operation: Copy, most: int) -> list[Node]:
    """Return a copied entry and all those below it, by their new paths.

    Raises:
        InvalidPath: below the target, a path would be too long or too deep, or breaks the rules of names.
        LimitExceeded: there are more than ``most`` entries below it, those that the commit may still copy.
    """
    nodes = [Node(operation.path, entry)]
    for node in trees.walk(entry.oid, operation.path, is_deep=True) if entry.is_folder else ():
        check_extent(node.path)
        if len(nodes) > most:
            what = f"the number of entries of '{operation.source}' and of the folders copied before it in this commit"
            raise LimitExceeded(what, _MAX_COPIED, "copy parts of it, or in several commits")
        nodes.append(node)
    if trees.left_out:
        path = trees.left_out[0]
        fault = name_fault(path.rpartition("/")[2], is_top=False)
        raise InvalidPath(path, f"{fault or 'it breaks a rule'}; rename it in the source first")
    return nodes


def _closure(trees: Trees, nodes: Sequence[Node]) -> tuple[list[Oid], list[tuple[Sha256, RepoPath, Oid]]]:
    """Return every object of some entries without duplicates, their large files by path, and the ids of pointers."""
    named = [(item.lfs.sha256, item.path, item.oid) for item in trees.measure(nodes) if item.lfs]
    return list({node.entry.oid for node in nodes if node.entry.mode != Mode.GITLINK}), named
