"""Where downloaded files are put: a protocol, and the cache as one of its kinds.

The other kind is a folder of the user's (``local_folders.py``).
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
    """A place for the files of one repository. Safe to use from many threads and processes at once."""

    def folder(self, commit: str) -> Path:
        """Where all files of a commit are, under their paths."""

    def find(self, commit: str, path: str) -> Path | None:
        """The file of this commit if it is here, without asking anybody."""

    def adopt(self, wanted: WantedFile) -> Path | None:
        """The file if its content is here, given its place at this commit; None: it has to be fetched."""

    def holds(self, wanted: WantedFile) -> bool:
        """Whether :meth:`adopt` would find it; nothing is changed."""

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Keep small content that was checked."""

    def sweep(self) -> None:
        """Remove what killed processes have begun to write and nothing will go on with."""

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Fetch the file, or what is missing of it; raises as :func:`~entrepot.client.downloads.fetching.fetch`.

        Args:
            is_forced: fetch all of it even if it is here.
        """


@attrs.frozen
class CacheTarget:
    """The cache: content once, links to it for each commit."""

    cache: RepoCache

    def folder(self, commit: str) -> Path:
        """Where all files of a commit are, under their paths."""
        return self.cache.snapshot(commit)

    def find(self, commit: str, path: str) -> Path | None:
        """The file of this commit if it is here, without asking anybody."""
        pointer = self.cache.pointer(commit, path)
        return pointer if pointer.is_file() else None

    def adopt(self, wanted: WantedFile) -> Path | None:
        """The file if its content is here, linked at this commit; None: it has to be fetched."""
        if not self.holds(wanted):
            return None
        return self.find(wanted.commit, wanted.path) or self.cache.link(wanted.commit, wanted.path, wanted.etag)

    def holds(self, wanted: WantedFile) -> bool:
        """Whether its content is here, of the right length."""
        try:
            size = os.stat(self.cache.blob(wanted.etag)).st_size
        except OSError:
            # Where links are not allowed, the content may only be at its place in the snapshot.
            return self.find(wanted.commit, wanted.path) is not None
        return wanted.size is None or size == wanted.size

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Keep small content that was checked."""
        self.cache.put(wanted.etag, data)
        return self.cache.link(wanted.commit, wanted.path, wanted.etag)

    def sweep(self) -> None:
        """Remove what killed processes have begun to write and nothing will go on with."""
        self.cache.sweep()

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Fetch the file, or what is missing of it, while nobody else fetches the same bytes."""
        blob = self.cache.blob(wanted.etag)
        with self.cache.turn(wanted.etag) as is_held:
            if not is_forced and (found := self.adopt(wanted)) is not None:
                meter.advance(wanted.size or 0)  # somebody else was faster
                return found
            with draft_beside(blob, is_held=is_held) as draft:
                fetch(hub, wanted, draft, meter)
                with writing(blob):
                    os.replace(draft, blob)
        return self.cache.link(wanted.commit, wanted.path, wanted.etag)


@contextlib.contextmanager
def draft_beside(path: Path, *, is_held: bool) -> Iterator[Path]:
    """A name for what shall become ``path``: the same at the next try if a lock guards it, else one of one's own."""
    if is_held:
        yield path.with_name(path.name + INCOMPLETE)
        return
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}{INCOMPLETE}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)
