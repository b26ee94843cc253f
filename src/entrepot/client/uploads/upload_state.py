"""The state of a long upload, stored in the folder that is uploaded.

The state file has one line for each large file that was read: path,
size, modification time, inode, SHA-256. Lines are only appended, and a line
truncated by a crash is ignored. The hub alone decides which contents it
has; the state file avoids reading hundreds of gigabytes to ask it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from entrepot.client.digests import Digests
from entrepot.client.sources import PathSource, Source, Stamp
from entrepot.names import Sha256

NAME = Path(".cache", "entrepot", "uploads-1.jsonl")
"""Path of the state file in the folder; never uploaded."""


class _Line(msgspec.Struct, frozen=True, array_like=True):
    path: str
    size: int
    mtime_ns: int
    inode: int
    sha256: str


_LINES = msgspec.json.Decoder(_Line)


class UploadState:
    """The state of a folder's upload; a context manager. Safe to use from several threads.

    If the folder is not writable, the state is kept in memory only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Stamp, Sha256]] = {}
        self._descriptor: int | None = None

    def __enter__(self) -> UploadState:
        file = self._folder / NAME
        lines = 0
        with contextlib.suppress(OSError):
            for line in _read(file):
                lines += 1
                self._known[line.path] = (Stamp(line.size, line.mtime_ns, line.inode), Sha256(line.sha256))
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            ignores = file.parent / ".gitignore"
            if not ignores.exists():
                ignores.write_text("*\n")
            if lines > 2 * len(self._known) + 1000:
                self._rewrite(file)
            self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(self._descriptor, b"\n")  # ends a truncated line
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def find(self, source: PathSource) -> Sha256 | None:
        """Return the SHA-256 of a file if it was read before and has not changed since."""
        with self._lock:
            stamp, sha256 = self._known.get(self._name(source), (None, None))
        return sha256 if stamp == source.stamp else None

    def note(self, source: PathSource, sha256: Sha256) -> None:
        """Record the SHA-256 of a file; when this returns, a crash of the program does not lose it."""
        stamp, name = source.stamp, self._name(source)
        line = msgspec.json.encode(_Line(name, stamp.size, stamp.mtime_ns, stamp.inode, sha256)) + b"\n"
        with self._lock:
            if self._known.get(name) == (stamp, sha256):
                return
            self._known[name] = (stamp, sha256)
            if self._descriptor is not None:
                with contextlib.suppress(OSError):  # a full disk does not stop the upload
                    os.write(self._descriptor, line)

    def _name(self, source: PathSource) -> str:
        return os.path.relpath(source.file_path, self._folder)

    def _rewrite(self, file: Path) -> None:
        fresh = file.with_suffix(f".{os.getpid()}")
        with fresh.open("wb") as out:
            for name, (stamp, sha256) in self._known.items():
                out.write(msgspec.json.encode(_Line(name, stamp.size, stamp.mtime_ns, stamp.inode, sha256)) + b"\n")
        fresh.replace(file)


class RememberedDigests(Digests):
    """Digests that also look up and record SHA-256 in an upload state."""

    def __init__(self, file: Path | None, state: UploadState) -> None:
        super().__init__(file)
        self._state = state

    def find_sha256(self, source: Source) -> Sha256 | None:
        """See :class:`Digests`."""
        known = super().find_sha256(source)
        if known is None and isinstance(source, PathSource):
            known = self._state.find(source)
        return known

    def learn(self, source: Source, sha256: Sha256) -> None:
        """See :class:`Digests`; the state file is written before this returns."""
        super().learn(source, sha256)
        if isinstance(source, PathSource):
            self._state.note(source, sha256)


def _read(file: Path) -> Iterator[_Line]:
    with file.open("rb") as lines:
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                yield _LINES.decode(line)
