"""A cache of contents on the local disk, with which a version can be checked out again without its storage.

Other projects and other users may share it, so nothing in it is trusted: a content is copied first, and the copy is
verified. It is never linked into a workspace, where an edit would change it for everyone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from entrepot.workspace.manifests import UNKNOWN_SIZE, DescriptorHasher, ManifestEntry
from entrepot.workspace.stores import draft_path

_PIECE = 1 << 20
_CONTENTS = "contents"
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@attrs.frozen
class ContentCache:
    """The cache in a folder, safe to use from several processes. Its failures are never errors of the caller.

    Attributes:
        most_bytes: above this size, the oldest contents are removed; 0: no limit.
        is_shared: whether other projects may use the folder.
    """

    folder: Path
    most_bytes: int = 0
    is_shared: bool = False

    def make_drafts(self, entries: Iterable[ManifestEntry], drafts: Path) -> int:
        """Make verified drafts of the contents that are in the cache; return how many."""
        count = 0
        for entry in entries:
            with contextlib.suppress(OSError):
                count += self._give(entry, drafts)
        return count

    def add(self, contents: Iterable[tuple[ManifestEntry, Path]]) -> None:
        """Copy contents into the cache, then remove the oldest ones above the limit."""
        is_new = False
        for entry, source in contents:
            with contextlib.suppress(OSError):
                is_new |= self._take(entry, source)
        if is_new and self.most_bytes:
            self._trim()

    def paths(self) -> dict[str, str]:
        """Return the paths of all contents by their identity; readers must verify them."""
        return {path.name: str(path) for path in self._files()}

    def verify(self) -> list[str]:
        """Read all contents, remove those whose bytes do not match their name, and return their names."""
        damaged = []
        for path in list(self._files()):
            with contextlib.suppress(OSError), self._opened(path) as file:
                is_right = file is not None and _identity(file, is_legacy=path.name.startswith("z")) == path.name
                if not is_right:
                    damaged.append(path.name)
                    path.unlink(missing_ok=True)
        return damaged

    def _give(self, entry: ManifestEntry, drafts: Path) -> bool:
        path, draft = self._place(entry), draft_path(drafts, entry)
        with self._opened(path) as file:
            if file is None or draft.exists():
                return False
            size = os.fstat(file.fileno()).st_size
            if entry.size not in (size, UNKNOWN_SIZE):
                return False
            drafts.mkdir(parents=True, exist_ok=True)
            copy = draft.with_name(f"{draft.name}.cached")
            try:
                with copy.open("wb") as target:
                    shutil.copyfileobj(file, target, _PIECE)
                with copy.open("rb") as target:
                    if _identity(target, is_legacy=bool(entry.cid)) != entry.content:
                        path.unlink(missing_ok=True)
                        return False
                copy.replace(draft)
            finally:
                copy.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.utime(path)
        return True

    def _take(self, entry: ManifestEntry, source: Path) -> bool:
        path = self._place(entry)
        size = source.stat().st_size
        if path.exists() or entry.size not in (size, UNKNOWN_SIZE) or (self.most_bytes and size > self.most_bytes):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w+b") as target, source.open("rb") as file:
                shutil.copyfileobj(file, target, _PIECE)
                target.seek(0)
                if _identity(target, is_legacy=bool(entry.cid)) != entry.content:
                    os.unlink(temporary)
                    return False
            os.chmod(temporary, 0o444)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        return True

    def _trim(self) -> None:
        states = []
        for path in self._files():
            with contextlib.suppress(OSError):
                state = path.lstat()
                states.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in states)
        for _, size, path in sorted(states):
            if total <= self.most_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size

    def _files(self) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            for group in os.scandir(self.folder / _CONTENTS):
                with contextlib.suppress(OSError):
                    entries = [entry for entry in os.scandir(group.path) if not entry.name.startswith(".")]
                    # Someone else may have put a pipe there, which would hold its reader.
                    yield from (Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))

    def _place(self, entry: ManifestEntry) -> Path:
        name = entry.content
        return self.folder / _CONTENTS / name[-2:] / name

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[BinaryIO | None]:
        """Open a file of the cache; None if it is absent or no plain file: someone else may have put it there."""
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError:
            yield None
            return
        with os.fdopen(descriptor, "rb") as file:
            yield file if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _identity(file: BinaryIO, *, is_legacy: bool) -> str:
    if not is_legacy:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # a file of bytes
    hasher = DescriptorHasher()
    while piece := file.read(_PIECE):
        hasher.update(piece)
    return hasher.cid()
