"""The contents that are scanned: what names one, which scanners it needs, and how it is read.

A result belongs to a content and to the owner of the repositories that have it. It is found for
a file only if the repository itself stores this content: a pointer to it, or a claimed digest, is not
enough. Results are not shared between owners, so none of them reveals what others store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks
from entrepot.hub.files.flagged_files import name_large, name_small
from entrepot.names import Oid, RepoPath, Sha256
from entrepot.storage.contents import Content, PackedContent
from entrepot.storage.trees import ListedEntry

PICKLES, COMMAND, SERVICE = "pickles", "command", "service"
"""The scanners: the one for imports of pickles; a command, and a service over HTTP, that an administrator has set."""

PICKLE_VERSION = "2"
"""Changes whenever the same file may be judged differently; all files are then scanned again."""

PICKLE_ENDINGS = (
    *(".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".dill", ".npy", ".npz", ".p", ".pk", ".pyt"),
    *(".zip", ".nemo", ".model", ".dat", ".data", ".sav", ".pck", ".pkg"),
)
"""Ends of the names of files that programs load as pickles, or as archives of pickles."""


@attrs.frozen
class NamedContent:
    """A file of a repository with the name of its content; ``sha256`` for a large one."""

    path: RepoPath
    content: str
    oid: Oid
    size: int
    sha256: Sha256 | None


def needs_pickle_scan(path: str) -> bool:
    """Return whether a file is scanned for the imports of pickles, by its name."""
    return path.lower().endswith(PICKLE_ENDINGS)


def scanners_for(hub: HubContext, path: str) -> list[tuple[str, str]]:
    """Return name and version of the scanners that a file needs; none if scanning is off."""
    if hub.settings.scanning == "off":
        return []
    found = [(PICKLES, PICKLE_VERSION)] if needs_pickle_scan(path) else []
    if hub.settings.scan_command:
        found.append((COMMAND, version_of(hub.settings.scan_command)))
    if hub.settings.scan_url:
        found.append((SERVICE, version_of([hub.settings.scan_url])))
    return found


def version_of(command: Sequence[str]) -> str:
    """Return a text that changes with a command, or with the address of a service."""
    return hashlib.sha256("\0".join(command).encode()).hexdigest()[:16]


def name_contents(tx: Read, row: RepoRow, entries: Sequence[ListedEntry]) -> list[NamedContent]:
    """Return the files among these entries whose content the repository stores, with its name."""
    files = [entry for entry in entries if not entry.is_folder]
    large = [entry.lfs.sha256 for entry in files if entry.lfs is not None]
    stored = file_links.usable(tx, row.id, large) if large else {}
    owner = accounts.by_ids(tx, [row.owner_id])[row.owner_id].uid
    found = []
    for entry in files:
        if entry.lfs is None:
            found.append(NamedContent(entry.path, name_small(row, entry.oid), entry.oid, entry.size, None))
        elif entry.lfs.sha256 in stored:
            name = name_large(owner, entry.lfs.sha256, entry.xet_hash)
            found.append(NamedContent(entry.path, name, entry.oid, entry.size, entry.lfs.sha256))
    return found


def open_content(hub: HubContext, row: RepoRow, file: NamedContent) -> Content | None:
    """Return the content of a file, to be closed; None if it was deleted in the meantime.

    Raises:
        BlobMissing, BlobUnreadable, XorbDamaged: the store has lost it, or a part of it.
    """
    with hub.read() as tx:
        if file.sha256 is not None:
            kept = file_links.stored_form(tx, row.id, file.sha256)
            found = None
        else:
            kept, found = None, objects.find(tx, row.id, file.oid)
    if kept is not None and file.sha256 is not None:
        if kept.file is not None:
            return chunks.open_file(hub, kept.file)
        return chunks.open_linked(hub, row.id, file.sha256, kept.size)
    if found is None:
        return None
    if found.data is not None:
        return PackedContent(found.oid, found.size, found.data)
    return None if found.sha256 is None else chunks.open_linked(hub, row.id, found.sha256, found.size)
