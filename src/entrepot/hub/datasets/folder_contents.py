"""The rows of a folder of media as a file for the process that reads tables: paths, and metadata."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable

from entrepot.errors import UnsupportedDataset
from entrepot.hub.context import HubContext
from entrepot.hub.repos.contents import LocatedFile
from entrepot.previews.folders import MediaFolder, pack_folder
from entrepot.previews.table_formats import MAX_TEXT
from entrepot.storage.contents import Content

MAX_METADATA = 1_000
"""Files of metadata of a folder that are read."""


class FolderContent:
    """What :func:`entrepot.previews.tables.media_folders.open_folder` reads; metadata are read when they are needed.

    ``content_key`` names these bytes within one repository.

    Args:
        split: the one whose rows are read.
        locate: finds a file, if the caller may read it.

    Raises:
        UnsupportedDataset: the metadata are too large, or too many files.
        of ``locate``.
    """

    def __init__(self, hub: HubContext, folder: MediaFolder, split: str, locate: Callable[[str], LocatedFile]) -> None:
        self._hub, self._stack = hub, contextlib.ExitStack()
        self._open: dict[str, Content] = {}
        paths = [path for one in folder.splits.values() for path in dict.fromkeys(one.metadata)]
        if len(paths) > MAX_METADATA:  # each is found in the database, at every request
            reason = (
                f"its metadata are {len(paths):,} files; {MAX_METADATA:,} are read unless it was converted to Parquet"
            )
            raise UnsupportedDataset("the folder", reason)
        located = [locate(path) for path in paths]
        size = sum(file.size for file in located)
        if size > MAX_TEXT:
            reason = f"its metadata have {size:,} bytes; {MAX_TEXT:,} are read unless it was converted to Parquet"
            raise UnsupportedDataset("the folder", reason)
        self._head = pack_folder(folder.reduced(split), split, [(str(file.path), file.size) for file in located])
        self._parts, at = list[tuple[int, LocatedFile]](), len(self._head)
        for file in located:
            self._parts.append((at, file))
            at += file.size
        self.size = at
        keys = [file.content_key for file in located]
        self.content_key = hashlib.sha256(json.dumps([self._head.hex(), *keys]).encode()).hexdigest()

    def __enter__(self) -> FolderContent:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        end, found = offset + length, self._head[offset : offset + length]
        for at, file in self._parts:
            if at < end and at + file.size > offset:
                found += self._content(file).read_at(
                    max(offset - at, 0), min(end - at, file.size) - max(offset - at, 0)
                )
        return found

    def _content(self, file: LocatedFile) -> Content:
        if file.path not in self._open:
            self._open[file.path] = self._stack.enter_context(contextlib.closing(file.open(self._hub)))
        return self._open[file.path]
