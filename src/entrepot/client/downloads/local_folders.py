"""Downloads to a folder of the user, with metadata files that prevent repeated downloads.

    <folder>/<path>                                    the file
    <folder>/.cache/entrepot/download/<path>.metadata  commit, etag and time of writing, one per line
    <folder>/.cache/entrepot/download/<...>            drafts and locks
    <folder>/.cache/entrepot/drafts/                   drafts of small files

The metadata of a file is valid as long as the file is not modified.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from entrepot.client.cache.caches import RepoCache, checked_path, write_file, writing
from entrepot.client.cache.file_locks import locked
from entrepot.client.cache.partial_files import sweep_drafts
from entrepot.client.downloads.download_targets import draft_beside
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.hubs import Hub
from entrepot.client.integrity import etag_of, names_content
from entrepot.client.progress import Meter
from entrepot.errors import InvalidPath
from entrepot.names import is_oid

METADATA_FOLDER = ".cache/entrepot"
_LONGEST_NAME = 255  # bytes; the limit of all common file systems
_SLACK_S = 1.0  # resolution of file timestamps, in the worst case


@attrs.frozen
class FileMetadata:
    """The commit, etag and time recorded when a file was written."""

    commit: str
    etag: str
    time_s: float


@attrs.frozen
class FolderTarget:
    """A folder that contains one revision of a repository at a time.

    Args:
        cache: cache of the same repository; cached contents are copied instead of downloaded.
    """

    root: Path
    cache: RepoCache

    def folder(self, commit: str) -> Path:
        """Return the folder itself, for every commit."""
        return self.root

    def find(self, commit: str, path: str) -> Path | None:
        """Return the file if it was written for this commit and not modified since."""
        known = self._metadata(path)
        return self._path_of(path) if known is not None and known.commit == commit else None

    def adopt(self, wanted: WantedFile) -> Path | None:
        """Return the file if it has the right content, or can be copied from the cache."""
        file = self._path_of(wanted.path)
        if self._is_current(wanted):
            self._write_metadata(wanted)
            return file
        blob = self.cache.blob(wanted.etag)
        if not names_content(wanted.etag) or not blob.is_file():
            return None
        with self._draft(wanted) as draft:
            shutil.copyfile(blob, draft)
            self._finish(draft, file, wanted)
        self._write_metadata(wanted)
        return file

    def holds(self, wanted: WantedFile) -> bool:
        """Return whether the file can be provided without a download."""
        return self._is_current(wanted) or (names_content(wanted.etag) and self.cache.blob(wanted.etag).is_file())

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Store a small, verified content."""
        file = self._path_of(wanted.path)
        with writing(file):
            check_inside(self.root, file)
        write_file(file, data, self._drafts)
        self._write_metadata(wanted)
        return file

    def sweep(self) -> None:
        """Remove temporary files of killed processes that no download will resume."""
        sweep_drafts(self._drafts)
        self.cache.sweep()

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Download the file, resuming a partial download, while no other process writes to the same path."""
        file = self._path_of(wanted.path)
        with self._draft(wanted) as draft:
            if not is_forced and self._is_current(wanted):
                meter.advance(wanted.size or 0)
                return file
            fetch(hub, wanted, draft, meter)
            self._finish(draft, file, wanted)
            self._write_metadata(wanted)
        return file

    @contextlib.contextmanager
    def _draft(self, wanted: WantedFile) -> Iterator[Path]:
        """Yield the draft for the file while no other process writes to the same path."""
        beside = self._beside(wanted.path)
        # Name drafts after the content, so that none is resumed with different bytes.
        tag = hashlib.sha256(f"{beside.name}\n{wanted.etag}".encode()).hexdigest()[:32]
        with (
            writing(beside),
            locked(beside.with_name(f"{tag}.lock")) as is_held,
            draft_beside(beside.with_name(tag), is_held=is_held) as draft,
        ):
            yield draft

    def _finish(self, draft: Path, file: Path, wanted: WantedFile) -> None:
        with writing(file, wanted.size or 0):
            check_inside(self.root, file)
            file.parent.mkdir(parents=True, exist_ok=True)
            os.replace(draft, file)

    @property
    def _drafts(self) -> Path:
        return self.root / METADATA_FOLDER / "drafts"

    def _path_of(self, path: str) -> Path:
        checked = checked_path(path)
        if checked == METADATA_FOLDER or checked.startswith(f"{METADATA_FOLDER}/"):
            raise InvalidPath(
                path, f"{METADATA_FOLDER} is reserved for the metadata of downloads; download to the cache instead"
            )
        return self.root / checked

    def _beside(self, path: str) -> Path:
        return self.root / METADATA_FOLDER / "download" / checked_path(path)

    def _metadata(self, path: str) -> FileMetadata | None:
        """Return the metadata of a file that is unmodified since it was written, else None."""
        beside = self._beside(path)
        try:
            lines = _metadata_file(beside).read_text("utf-8").splitlines()
            known = FileMetadata(lines[0], lines[1], float(lines[2]))
            written = self._path_of(path).stat()
        except (OSError, ValueError, IndexError):
            return None
        return known if is_oid(known.commit) and written.st_mtime <= known.time_s + _SLACK_S else None

    def _is_current(self, wanted: WantedFile) -> bool:
        known, file = self._metadata(wanted.path), self._path_of(wanted.path)
        if known is not None:
            return known.etag == wanted.etag
        # The file was not written by a download, but may have the same content.
        try:
            if not names_content(wanted.etag) or wanted.size is None or file.stat().st_size != wanted.size:
                return False
            return etag_of(file, wanted.etag) == wanted.etag
        except OSError:
            return False

    def _write_metadata(self, wanted: WantedFile) -> None:
        ignore = self.root / METADATA_FOLDER / ".gitignore"
        if not ignore.exists():
            write_file(ignore, b"*\n", self._drafts)
        beside = self._beside(wanted.path)
        text = f"{wanted.commit}\n{wanted.etag}\n{time.time()}\n"
        write_file(_metadata_file(beside), text.encode("utf-8"), self._drafts)


def _metadata_file(beside: Path) -> Path:
    """Return the path of the metadata of a file; a name too long for the ending is replaced by its digest."""
    name = f"{beside.name}.metadata"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{hashlib.sha256(os.fsencode(beside.name)).hexdigest()}.metadata"
    return beside.with_name(name)


def check_inside(root: Path, file: Path) -> None:
    """Check that no link in the folder leads outside of it; the names of files in a repository are untrusted.

    Raises:
        InvalidPath: the folder of the file is outside.
    """
    if not Path(os.path.realpath(file.parent)).is_relative_to(os.path.realpath(root)):
        reason = "a link in the folder leads outside of it, where nothing is written; remove the link"
        raise InvalidPath(str(file.relative_to(root)), reason)
