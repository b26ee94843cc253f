"""Downloads to a folder of the user that leave nothing there but the files.

There is no metadata: a file is up to date if its content is the wanted one, which
is found by hashing it. Drafts stand beside their files and are removed when a
download fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from entrepot.client.cache.caches import checked_path, write_file, writing
from entrepot.client.cache.partial_files import exclusive_draft
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.downloads.local_folders import check_inside
from entrepot.client.hubs import Hub
from entrepot.client.integrity import etag_of, names_content
from entrepot.client.progress import Meter


@attrs.frozen
class PlainFolderTarget:
    """A folder into which files are downloaded under their paths; other files in it stay as they are."""

    root: Path

    def folder(self, commit: str) -> Path:
        """Return the folder itself, for every commit."""
        return self.root

    def find(self, commit: str, path: str) -> Path | None:
        """Return None: without metadata it is unknown which commit a file is of."""
        return None

    def adopt(self, wanted: WantedFile) -> Path | None:
        """Return the file if it has the right content, and leave it untouched."""
        return self._path_of(wanted.path) if self.holds(wanted) else None

    def holds(self, wanted: WantedFile) -> bool:
        """Return whether the file has the right size and content."""
        file = self._path_of(wanted.path)
        try:
            if not names_content(wanted.etag) or not file.is_file() or file.stat().st_size != wanted.size:
                return False
            return etag_of(file, wanted.etag) == wanted.etag
        except OSError:
            return False

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Store a small, verified content; a reader of the file sees the old or the new one."""
        file = self._checked(wanted.path)
        write_file(file, data)
        return file

    def sweep(self) -> None:
        """Do nothing: drafts are removed by the download that made them."""

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Download the file to a draft beside it, and put it in place."""
        file = self._checked(wanted.path)
        with writing(file, wanted.size or 0), exclusive_draft(file) as (draft, _):
            fetch(hub, wanted, draft, meter)
            os.replace(draft, file)
        return file

    def _path_of(self, path: str) -> Path:
        return self.root / checked_path(path)

    def _checked(self, path: str) -> Path:
        """Return where a file goes; no link in the folder may lead it outside."""
        file = self._path_of(path)
        with writing(file):
            check_inside(self.root, file)
        return file
