"""Entries of trees as fsspec describes them, and errors as its users catch them."""

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
"""A file or folder as fsspec describes it: ``name``, ``size``, ``type`` and what else is known."""


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Errors of the hub as those that users of file systems catch."""
    try:
        yield
    except (EntryNotFound, RepoNotFound, RevisionNotFound) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
    except Forbidden as error:
        raise PermissionError(errno.EACCES, str(error), path) from error


def page(place: FsPath, *, is_deep: bool) -> Call[ResultPage[TreeEntry]]:
    """The call that lists a folder; ``is_deep``: and all folders in it."""
    return trees.page(place.ref, place.revision, place.path, recursive=is_deep)


def folder_at(place: FsPath, path: RepoPath) -> Entry:
    """A folder of the same revision."""
    return {"name": place.name(path), "size": 0, "type": "directory"}


def entry_at(place: FsPath, entry: TreeEntry) -> Entry:
    """What a hub listed at the same revision."""
    found = {"name": place.name(entry.path), "size": entry.size, "type": entry.type, "oid": entry.oid}
    if entry.lfs is not None:
        found |= {"sha256": entry.lfs.oid, "size": entry.lfs.size}
    if entry.xet_hash is not None:
        found["xet_hash"] = entry.xet_hash
    return found
