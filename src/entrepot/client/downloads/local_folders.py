"""Downloads into a folder of the user's, with notes beside them, so that nothing is fetched again for nothing.

    <folder>/<path>                                    the file
    <folder>/.cache/entrepot/download/<path>.metadata  commit, tag and time of writing, a line each
    <folder>/.cache/entrepot/download/<...>            drafts and locks
    <folder>/.cache/entrepot/drafts/                   drafts of small files

A file counts as the one of its note while it has not been written to since.
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

from entrepot.client.cache.caches import RepoCache, checked_path, is_commit, write_file, writing
from entrepot.client.cache.file_locks import locked
from entrepot.client.cache.partial_files import sweep_drafts
from entrepot.client.downloads.download_targets import draft_beside
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.hubs import Hub
from entrepot.client.integrity import etag_of, names_content
from entrepot.client.progress import Meter
from entrepot.errors import InvalidPath

NOTES = ".cache/entrepot"
_LONGEST_NAME = 255  # bytes, on all common file systems
_SLACK_S = 1.0  # clocks of file systems tick in seconds at worst


@attrs.frozen
class FileMetadata:
    """What was known of a file when it was written."""

    commit: str
    etag: str
    time_s: float


@attrs.frozen
class FolderTarget:
    """A folder that holds one state of a repository at a time.

    Args:
        cache: of the same repository; what is there is copied, not fetched.
    """

    root: Path
    cache: RepoCache

    def folder(self, commit: str) -> Path:
        """The folder itself, whatever the commit."""
        return self.root

    def find(self, commit: str, path: str) -> Path | None:
        """The file if it was written for this commit and is unchanged since."""
        note = self._note(path)
        return self._place(path) if note is not None and note.commit == commit else None

    def adopt(self, wanted: WantedFile) -> Path | None:
        """The file if it is here with the right content, or can be copied out of the cache."""
        place = self._place(wanted.path)
        if self._is_current(wanted):
            self._write_note(wanted)
            return place
        blob = self.cache.blob(wanted.etag)
        if not names_content(wanted.etag) or not blob.is_file():
            return None
        with self._draft(wanted) as draft:
            shutil.copyfile(blob, draft)
            self._finish(draft, place, wanted)
        self._write_note(wanted)
        return place

    def holds(self, wanted: WantedFile) -> bool:
        """Whether nothing has to be fetched for it."""
        return self._is_current(wanted) or (names_content(wanted.etag) and self.cache.blob(wanted.etag).is_file())

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Keep small content that was checked."""
        place = self._place(wanted.path)
        with writing(place):
            _check_inside(self.root, place)
        write_file(place, data, self._drafts)
        self._write_note(wanted)
        return place

    def sweep(self) -> None:
        """Remove what killed processes have begun to write and nothing will go on with."""
        sweep_drafts(self._drafts)
        self.cache.sweep()

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Fetch the file, or what is missing of it, while nobody else writes to the same place."""
        place = self._place(wanted.path)
        with self._draft(wanted) as draft:
            if not is_forced and self._is_current(wanted):
                meter.advance(wanted.size or 0)
                return place
            fetch(hub, wanted, draft, meter)
            self._finish(draft, place, wanted)
            self._write_note(wanted)
        return place

    @contextlib.contextmanager
    def _draft(self, wanted: WantedFile) -> Iterator[Path]:
        """Yield a name for what shall become the file, while no other process writes to the same place."""
        beside = self._beside(wanted.path)
        # A name of its own for each content, so that no draft is continued with other bytes.
        tag = hashlib.sha256(f"{beside.name}\n{wanted.etag}".encode()).hexdigest()[:32]
        with (
            writing(beside),
            locked(beside.with_name(f"{tag}.lock")) as is_held,
            draft_beside(beside.with_name(tag), is_held=is_held) as draft,
        ):
            yield draft

    def _finish(self, draft: Path, place: Path, wanted: WantedFile) -> None:
        with writing(place, wanted.size or 0):
            _check_inside(self.root, place)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(draft, place)

    @property
    def _drafts(self) -> Path:
        return self.root / NOTES / "drafts"

    def _place(self, path: str) -> Path:
        checked = checked_path(path)
        if checked == NOTES or checked.startswith(f"{NOTES}/"):
            raise InvalidPath(path, f"{NOTES} is where downloads keep their notes; download into the cache instead")
        return self.root / checked

    def _beside(self, path: str) -> Path:
        return self.root / NOTES / "download" / checked_path(path)

    def _note(self, path: str) -> FileMetadata | None:
        """The note on a file that is as it was written; None: nothing is known of it."""
        beside = self._beside(path)
        try:
            lines = _note_file(beside).read_text("utf-8").splitlines()
            note = FileMetadata(lines[0], lines[1], float(lines[2]))
            written = self._place(path).stat()
        except (OSError, ValueError, IndexError):
            return None
        return note if is_commit(note.commit) and written.st_mtime <= note.time_s + _SLACK_S else None

    def _is_current(self, wanted: WantedFile) -> bool:
        note, place = self._note(wanted.path), self._place(wanted.path)
        if note is not None:
            return note.etag == wanted.etag
        # Somebody put it there by other means; it may well be the same.
        try:
            if not names_content(wanted.etag) or wanted.size is None or place.stat().st_size != wanted.size:
                return False
            return etag_of(place, wanted.etag) == wanted.etag
        except OSError:
            return False

    def _write_note(self, wanted: WantedFile) -> None:
        ignore = self.root / NOTES / ".gitignore"
        if not ignore.exists():
            write_file(ignore, b"*\n", self._drafts)
        beside = self._beside(wanted.path)
        text = f"{wanted.commit}\n{wanted.etag}\n{time.time()}\n"
        write_file(_note_file(beside), text.encode("utf-8"), self._drafts)


def _note_file(beside: Path) -> Path:
    """Return where the note on a file is; names that leave no room for an ending are replaced by their digest."""
    name = f"{beside.name}.metadata"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{hashlib.sha256(os.fsencode(beside.name)).hexdigest()}.metadata"
    return beside.with_name(name)


def _check_inside(root: Path, place: Path) -> None:
    """Make sure that no link in a folder leads out of it: what a hub calls its files is decided by strangers.

    Raises:
        InvalidPath: the folder that the file shall be in lies outside.
    """
    if not Path(os.path.realpath(place.parent)).is_relative_to(os.path.realpath(root)):
        reason = "a link in the folder leads out of it, and nothing is written there; remove the link"
        raise InvalidPath(str(place.relative_to(root)), reason)
