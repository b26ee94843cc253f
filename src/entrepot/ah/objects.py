"""Operations on the objects of a commit: list and download them."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from entrepot.ah.errors import missing, translated
from entrepot.ah.paths import ResourcePath
from entrepot.ah.plans import EVERYTHING, listed_paths
from entrepot.ah.properties import Row
from entrepot.ah.sessions import LOG, HubSession
from entrepot.client import user_warnings
from entrepot.client.calls import contents, trees
from entrepot.client.calls import files as calls
from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.downloads.plain_folders import PlainFolderTarget
from entrepot.client.downloads.snapshots import fetch_files, list_files
from entrepot.wire.repos.trees import TreeEntry
from entrepot.wire.times import parse_time

_BATCH_FILES = 250
_BATCH_BYTES = 4 << 20
_ATTRIBUTES = ".gitattributes"
_MAX_ATTRIBUTES = 2 << 20
_NOTE = re.compile(
    # In quotes, a backslash of the pattern is itself escaped.
    rb'(?:"(?:[^*?\[\\"]|\\"|\\\\(?:[^\\"]|\\\\))+"|(?!")(?:[^*?\[\\]|\\.)+) filter=lfs diff=lfs merge=lfs -text'
)
_KNOWN_NOTES: dict[str, bool] = {}
"""Whether a content, by its git id, is a ``.gitattributes`` of the hub; contents never change."""

_MAX_KNOWN = 1000


def list_objects(session: HubSession, path: ResourcePath, commit: str, *, checksums: bool = False) -> list[Row]:
    """Return the objects of a commit, sorted by path.

    Args:
        commit: the full id of the commit that the path names.
        checksums: also return the SHA-256 of small objects, for which their contents are read.

    Raises:
        NotFound: the asset is absent or invisible.
    """
    with translated(path.at_asset(), what=path.type.value, ref=path):
        pages = session.hub.pages(trees.page(path.repo, commit, recursive=True))
        files = (entry for entry in pages if entry.type == "file")
        entries = sorted(
            (item for item in files if not _is_note(session, path, commit, item.path, item.oid, item.size)),
            key=lambda entry: entry.path,
        )
        times = _times(session, path, commit, [entry.path for entry in entries])
        small = [entry for entry in entries if entry.lfs is None] if checksums else []
        digests = _digests(session, path, commit, small)
    return [_object_row(entry, times.get(entry.path), digests.get(entry.path)) for entry in entries]


def _is_note(session: HubSession, path: ResourcePath, commit: str, name: str, oid: str, size: int | None) -> bool:
    """Return whether a file is the ``.gitattributes`` in which the hub notes large files for git.

    It has only lines that name one file each. No user put it there, so it is no object.
    """
    if name != _ATTRIBUTES or len(oid) != 40 or not size or size > _MAX_ATTRIBUTES:
        return False
    if oid not in _KNOWN_NOTES:
        content = session.hub.send(calls.content(path.repo, commit, name))
        if len(_KNOWN_NOTES) >= _MAX_KNOWN:
            _KNOWN_NOTES.clear()
        _KNOWN_NOTES[oid] = all(_NOTE.fullmatch(line) for line in content.splitlines())
    return _KNOWN_NOTES[oid]


def _object_row(entry: TreeEntry, mtime: int | None, sha256: str | None) -> Row:
    checksum = entry.lfs.oid if entry.lfs is not None else sha256
    return {
        "path": entry.path,
        "path_type": "object",
        "size_bytes": entry.lfs.size if entry.lfs is not None else entry.size,
        "checksum": checksum,
        "checksum_type": "sha256",
        "mtime": mtime,
        "content_type": mimetypes.guess_type(entry.path)[0] or "application/octet-stream",
        "physical_address": f"sha256:{checksum}" if checksum is not None else None,
    }


def _times(session: HubSession, path: ResourcePath, commit: str, names: Sequence[str]) -> dict[str, int]:
    """Return for each object the time of the last commit that changed it, in seconds."""
    found: dict[str, int] = {}
    for at in range(0, len(names), trees.MAX_PATHS):
        batch = names[at : at + trees.MAX_PATHS]
        for entry in session.hub.send(trees.describe(path.repo, commit, batch, expand=True)):
            if entry.last_commit is not None:
                found[entry.path] = parse_time(entry.last_commit.date) // 1000
    return found


def _digests(session: HubSession, path: ResourcePath, commit: str, entries: Sequence[TreeEntry]) -> dict[str, str]:
    """Return the SHA-256 of small objects, whose contents are read in groups."""
    found: dict[str, str] = {}
    for group in _groups(entries):
        call = contents.bulk_download(path.repo, commit, [entry.path for entry in group])
        found.update((file.path, hashlib.sha256(data).hexdigest()) for file, data in session.hub.send(call))
    for entry in entries:
        if entry.path not in found:
            digest = hashlib.sha256()
            with session.hub.transport.stream(calls.content(path.repo, commit, entry.path)) as stream:
                for piece in stream.chunks():
                    digest.update(piece)
            found[entry.path] = digest.hexdigest()
    return found


def _groups(entries: Iterable[TreeEntry]) -> Iterable[list[TreeEntry]]:
    group: list[TreeEntry] = []
    size = 0
    for entry in entries:
        if group and (len(group) == _BATCH_FILES or size + entry.size > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.size
    if group:
        yield group


def download_objects(
    session: HubSession, path: ResourcePath, commit: str, objects: Sequence[str] | None = None, save_dir: str = "."
) -> None:
    """Download objects of a commit below a folder; those that are there with the same content stay untouched.

    Args:
        commit: the full id of the commit that the path names.
        objects: ``a/b`` is an object, ``a/b/`` all objects of a folder, ``/`` and None are everything.

    Raises:
        NotFound: an object is absent; nothing was written.
        InvalidPath: an object would leave the folder.
        DownloadDamaged, DiskFull, CannotWrite: as the client raises them.
    """
    wanted = None if objects is None else listed_paths(objects, "objects")
    with translated(path.at_asset(), what=path.type.value, ref=path):
        found = list_files(session.hub, path.repo, commit)
        objects_only = [item for item in found if not _is_note(session, path, commit, item.path, item.etag, item.size)]
        chosen = objects_only if wanted is None else _chosen(found, objects_only, wanted, path)
        if not chosen:
            if not objects_only:
                user_warnings.warn(f"{path} has no objects: nothing to download")
            return
        if LOG.isEnabledFor(20):
            for number, item in enumerate(chosen, 1):
                LOG.info("Downloading object %d/%d %s", number, len(chosen), item.path)
        target = PlainFolderTarget(Path(os.path.abspath(os.path.expanduser(save_dir))))
        fetch_files(session.hub, target, chosen, progress=session.progress)


def _chosen(
    found: Sequence[WantedFile], objects_only: Sequence[WantedFile], wanted: Sequence[str], path: ResourcePath
) -> list[WantedFile]:
    """Return the files that the items name, each once, in the order of the commit."""
    by_path = {item.path: item for item in found}
    chosen: dict[str, WantedFile] = {}
    for item in wanted:
        name = item.removeprefix("/").removeprefix("./")
        if item == EVERYTHING:
            chosen.update((file.path, file) for file in objects_only)
        elif name.endswith("/"):
            inside = {key: file for key, file in by_path.items() if key.startswith(name)}
            if not inside:
                raise missing("object", f"{path}: {item}")
            chosen.update(inside)
        elif name in by_path:
            chosen[name] = by_path[name]
        else:
            raise missing("object", f"{path}: {item}")
    return [item for item in found if item.path in chosen]
