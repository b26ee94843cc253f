"""Targets of downloads: a protocol, and its implementation for the cache.

``local_folders.py`` contains the implementation for a folder of the user.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import attrs

from entrepot.client.cache.caches import RepoCache, writing
from entrepot.client.cache.partial_files import INCOMPLETE
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.hubs import Hub
from entrepot.client.progress import Meter


class DownloadTarget(Protocol):
    """Storage for the downloaded files of one repository. Safe to use from several threads and processes."""

    def folder(self, commit: str) -> Path:
        """Return the folder that contains the files of a commit under their paths."""

    def find(self, commit: str, path: str) -> Path | None:
        """Return the file of this commit if it exists locally, without asking the hub."""

    def adopt(self, wanted: WantedFile) -> Path | None:
        """Return the file if its content exists locally, adding it to this commit; None if it must be downloaded."""

    def holds(self, wanted: WantedFile) -> bool:
        """Return whether :meth:`adopt` would return a file; changes nothing."""

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Store a small, verified content."""

    def sweep(self) -> None:
        """Remove temporary files of killed processes that no download will resume."""

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Download the file, resuming a partial download; raises as :func:`~entrepot.client.downloads.fetching.fetch`.

        Args:
            is_forced: download the file even if it exists locally.
        """


@attrs.frozen
class CacheTarget:
    """The cache, which stores each content once and links to it from each commit."""

    cache: RepoCache

    def folder(self, commit: str) -> Path:
        """Return the folder that contains the files of a commit under their paths."""
        return self.cache.snapshot(commit)

    def find(self, commit: str, path: str) -> Path | None:
        """Return the file of this commit if it is cached, without asking the hub."""
        pointer = self.cache.pointer(commit, path)
        return pointer if pointer.is_file() else None

    def adopt(self, wanted: WantedFile) -> Path | None:
        """Return the file if its content is cached, linking it into this commit; None if it must be downloaded."""
        if not self.holds(wanted):
            return None
        found = self.find(wanted.commit, wanted.path)
        if found is not None and has_size(found, wanted):
            return found
        return self.cache.link(wanted.commit, wanted.path, wanted.etag)

    def holds(self, wanted: WantedFile) -> bool:
        """Return whether the content is cached with the right size."""
        blob = self.cache.blob(wanted.etag)
        if blob.is_file():
            return has_size(blob, wanted)
        # Without permission for links, the content may exist only in the snapshot.
        return (found := self.find(wanted.commit, wanted.path)) is not None and has_size(found, wanted)

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Store a small, verified content."""
        self.cache.put(wanted.etag, data)
        return self.cache.link(wanted.commit, wanted.path, wanted.etag)

    def sweep(self) -> None:
        """Remove temporary files of killed processes that no download will resume."""
        self.cache.sweep()

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Download the file, resuming a partial download, while holding the lock for its content."""
        blob = self.cache.blob(wanted.etag)
        with self.cache.lock(wanted.etag) as is_held:
            if not is_forced and (found := self.adopt(wanted)) is not None:
                meter.advance(wanted.size or 0)  # another process has downloaded it
                return found
            with draft_beside(blob, is_held=is_held) as draft:
                fetch(hub, wanted, draft, meter)
                with writing(blob):
                    os.replace(draft, blob)
        return self.cache.link(wanted.commit, wanted.path, wanted.etag)


def has_size(file: Path, wanted: WantedFile) -> bool:
    """Return whether a file has the size of the wanted one; True if the hub does not send it."""
    try:
        return wanted.size is None or file.stat().st_size == wanted.size
    except OSError:
        return False


@contextlib.contextmanager
def draft_beside(path: Path, *, is_held: bool) -> Iterator[Path]:
    """Yield a path for the draft of ``path``: resumable if a lock guards it, else with a random name."""
    if is_held:
        yield path.with_name(path.name + INCOMPLETE)
        return
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}{INCOMPLETE}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)
