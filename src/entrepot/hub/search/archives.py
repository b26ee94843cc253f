"""The files of a folder at a revision, one after the other, for archives; rights are judged while they are read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.files import file_links
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntryNotFound, LimitExceeded, NotAllowed, ObjectDamaged
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import flagged_files
from entrepot.hub.repos import contents
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage import histories
from entrepot.storage.trees import ListedEntry

MAX_FILES = 20_000
"""Maximum number of files in an archive."""

MAX_BYTES = 100 * 10**9
"""Maximum size of the files in an archive together, in bytes."""

JUDGED_EVERY_MS = 10_000
"""How long a file is read at most before rights are judged again."""

PIECE = 1 << 20
"""Bytes of one read."""

_SMALL, _TOGETHER, _MAX_TOGETHER = 256 << 10, 2 << 20, 100
_CHECKED = 500
_CURE = "download a folder of it, or all with 'hf download' or 'entrepot download', which continue where they stopped"


Identify = Callable[[], MaybeCaller]
"""Returns the caller by the credentials of the request as they are now; raises if they are no longer valid."""


@attrs.frozen
class ArchivedFile:
    """A file of an archive: its path in the repository, and its size in bytes."""

    path: RepoPath
    size: int


@attrs.frozen
class ArchiveListing:
    """What an archive has: the files below ``folder`` at a commit, and the time of this commit.

    ``left_out``: the first paths that break the rules of names, which are not among the files.
    """

    repo: RepoRow
    commit: Oid
    folder: RepoPath
    time_s: int
    files: Sequence[ArchivedFile]
    left_out: Sequence[RepoPath]


@attrs.frozen
class ArchivePiece:
    """Bytes of a file, in order; every file has a last piece, which may be empty."""

    file: ArchivedFile
    data: bytes = attrs.field(repr=False)
    is_last: bool


def describe(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, folder: RepoPath) -> ArchiveListing:
    """Return the files below a folder with their real sizes, after checking that the caller may read each of them.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the path does not exist, or is a file; or a large file is not stored here.
        NotAllowed: a scanner has flagged one of the files, and it is hidden from the caller.
        LimitExceeded: the files are more than 20,000, or have more than 100 GB.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        commit, trees, tree = contents.open_folder(hub, tx, row, revision, folder)
        found, total = list[ListedEntry](), 0
        for item in trees.everything(tree, folder):
            found.append(item)
            total += item.size
            if len(found) > MAX_FILES:
                raise LimitExceeded("the number of files in an archive", MAX_FILES, _CURE)
            if total > MAX_BYTES:
                raise LimitExceeded("the number of bytes in an archive", MAX_BYTES, _CURE)
        for at in range(0, len(found), _CHECKED):
            _check(hub, tx, caller, row, commit, found[at : at + _CHECKED])
        [newest] = histories.log_of(tx, row.id, [commit])
    files = tuple(ArchivedFile(item.path, item.size) for item in found)
    return ArchiveListing(row, commit, folder, newest.commit.committer.time_s, files, tuple(trees.left_out))


def read(hub: HubContext, identify: Identify, listing: ArchiveListing) -> Generator[ArchivePiece, None, None]:
    """Yield the bytes of all files in their order, in pieces of up to 1 MiB. Blocks.

    Small files are read together, up to 2 MiB. Rights are judged for each group of these and for each other file,
    and of a file that takes longer every ten seconds.

    Raises:
        InvalidCredentials, RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: access has ended.
        NotAllowed: a scanner has flagged a file meanwhile.
        EntryNotFound, ObjectDamaged, BlobMissing, BlobUnreadable: a file is gone or damaged.
    """
    for group in _groups(listing.files):
        known = _read_together(hub, identify, listing, group) if group[0].size <= _SMALL else {}
        for file in group:
            data = known.get(file.path)
            if data is not None and len(data) == file.size:
                yield ArchivePiece(file, data, is_last=True)
            else:  # alone, it is read or says why it cannot be
                yield from _read_alone(hub, identify, listing, file)


def _check(
    hub: HubContext, tx: Read, caller: MaybeCaller, row: RepoRow, commit: Oid, found: Sequence[ListedEntry]
) -> None:
    """Raise if one of the files is hidden from the caller, or is large and not stored for this repository."""
    large = list({item.lfs.sha256 for item in found if item.lfs is not None})
    usable = file_links.usable(tx, row.id, large)
    for item in found:
        if item.lfs is not None and item.lfs.sha256 not in usable:
            raise EntryNotFound(item.path, commit, f"The large file {item.path} is not stored in this repository")
    if not flagged_files.hides(hub.settings) or (caller is not None and access.may_manage(tx, caller, row)):
        return
    owner = accounts.by_ids(tx, [row.owner_id])[row.owner_id].uid
    names = {name: item.path for item in found for name in _names_of(row, owner, item)}
    for name in flagged_files.flagged_of(hub, tx, list(names)):
        raise NotAllowed(
            f"A scanner has found that loading {names[name]} is unsafe, so this hub serves no archive with it; "
            "download the other files one by one"
        )


def _names_of(row: RepoRow, owner: str, item: ListedEntry) -> list[str]:
    """Return the names under which scanners know the content of a file."""
    if item.lfs is None:
        return [flagged_files.name_small(row, item.oid)]
    names = [flagged_files.name_large(owner, item.lfs.sha256, None)]
    return names if item.xet_hash is None else [*names, flagged_files.name_large(owner, None, item.xet_hash)]


def _groups(files: Sequence[ArchivedFile]) -> Iterator[Sequence[ArchivedFile]]:
    """Yield the files in order: neighbours that are small together, others alone."""
    group, size = list[ArchivedFile](), 0
    for file in files:
        if group and (file.size > _SMALL or size + file.size > _TOGETHER or len(group) >= _MAX_TOGETHER):
            yield group
            group, size = [], 0
        if file.size > _SMALL:
            yield [file]
        else:
            group.append(file)
            size += file.size
    if group:
        yield group


def _read_together(
    hub: HubContext, identify: Identify, listing: ArchiveListing, group: Sequence[ArchivedFile]
) -> dict[RepoPath, bytes]:
    paths = [file.path for file in group]
    found = contents.read_small_files(
        hub, identify(), listing.repo.ref, listing.commit, paths, most_each=_SMALL, most_bytes=_TOGETHER
    )
    return {file.path: file.data for file in found.files}


def _read_alone(
    hub: HubContext, identify: Identify, listing: ArchiveListing, file: ArchivedFile
) -> Iterator[ArchivePiece]:
    ref, commit, path = listing.repo.ref, listing.commit, file.path
    located = contents.locate(hub, identify(), ref, commit, path)
    if located.size != file.size:
        raise ObjectDamaged(located.etag, f"{file.size:,} bytes expected, {located.size:,} found")
    judged_ms, at = hub.now_ms(), 0
    with contextlib.closing(located.open(hub)) as content:
        while True:
            if hub.now_ms() - judged_ms >= JUDGED_EVERY_MS:
                contents.locate(hub, identify(), ref, commit, path)
                judged_ms = hub.now_ms()
            length = min(PIECE, file.size - at)
            data = content.read_at(at, length)
            if len(data) != length:
                raise ObjectDamaged(located.etag, f"{length:,} bytes expected at {at:,}, {len(data):,} found")
            at += length
            yield ArchivePiece(file, data, is_last=at == file.size)
            if at == file.size:
                return
