"""Tree entries in the format of fsspec, and translation of errors to OSError."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Any

from entrepot.client.calls import Call, ResultPage, trees
from entrepot.errors import EntryNotFound, Forbidden, RepoNotFound, RevisionNotFound
from entrepot.fs.paths import FsPath
from entrepot.names import RepoPath
from entrepot.wire.repos.trees import TreeEntry

Entry = dict[str, Any]
"""A file or folder in the format of fsspec: ``name``, ``size``, ``type`` and further fields."""


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Translate errors of the hub to the exceptions that users of file systems catch."""
    try:
        yield
    except (EntryNotFound, RepoNotFound, RevisionNotFound) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
    except Forbidden as error:
        raise PermissionError(errno.EACCES, str(error), path) from error


def page(fs_path: FsPath, *, is_deep: bool) -> Call[ResultPage[TreeEntry]]:
    """Return the call that lists a folder; with ``is_deep``, including all subfolders."""
    return trees.page(fs_path.ref, fs_path.revision, fs_path.path, recursive=is_deep)


def folder_at(fs_path: FsPath, path: RepoPath) -> Entry:
    """Return the entry of a folder in the same revision."""
    return {"name": fs_path.name(path), "size": 0, "type": "directory"}


def entry_at(fs_path: FsPath, entry: TreeEntry) -> Entry:
    """Convert a tree entry of the same revision."""
    found = {"name": fs_path.name(entry.path), "size": entry.size, "type": entry.type, "oid": entry.oid}
    if entry.lfs is not None:
        found |= {"sha256": entry.lfs.oid, "size": entry.lfs.size}
    if entry.xet_hash is not None:
        found["xet_hash"] = entry.xet_hash
    return found
