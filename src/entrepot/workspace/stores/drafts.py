"""Drafts: contents on the local disk while they are put together, and when they are complete."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from entrepot.workspace.manifests import DescriptorHasher, ManifestEntry

PART = ".part"
_PIECE = 1 << 20
_MAX_VECTORS = 512
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def draft_path(drafts: Path, entry: ManifestEntry) -> Path:
    """Return where a fetched content is: one draft for all files with this content."""
    return drafts / entry.content


class Draft:
    """A content that is being received, in pieces in any order; safe to use from several threads.

    Args:
        path: where the content is when it is complete.
        size: its size.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._part = path.with_name(path.name + PART)
        self._left = size
        self._lock = threading.Lock()

    def is_complete(self) -> bool:
        """Return whether an earlier fetch has stored and verified the content."""
        try:
            return self.path.stat().st_size == self.size
        except FileNotFoundError:
            return False

    def has_part(self) -> bool:
        """Return whether an earlier fetch has left a part."""
        return self._part.exists()

    def read(self, offset: int, length: int) -> bytes:
        """Return received bytes of the part; fewer if there are fewer. Raises OSError."""
        with self._part.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def write(self, views: Sequence[memoryview | bytes], offset: int) -> bool:
        """Write a piece; return whether it was the last one. Raises OSError."""
        length = sum(map(len, views))
        descriptor = os.open(self._part, _FLAGS, 0o644)
        try:
            _write_at(descriptor, views, offset)
        finally:
            os.close(descriptor)
        return self.skip(length)

    def skip(self, length: int) -> bool:
        """Count bytes that are there already; return whether the draft is complete."""
        with self._lock:
            self._left -= length
            return self._left == 0

    def accept(self, sha256: str = "", cid: str = "") -> bool:
        """Give the draft its final name if the part has this identity; otherwise remove it and return False.

        Raises:
            OSError: the part cannot be read or renamed.
        """
        if self.size == 0:
            os.close(os.open(self._part, _FLAGS, 0o644))
        digest, hasher = hashlib.sha256(), DescriptorHasher()
        with self._part.open("rb") as file:
            if os.fstat(file.fileno()).st_size > self.size:
                os.truncate(self._part, self.size)
            while piece := file.read(_PIECE):
                if sha256:
                    digest.update(piece)
                if cid:
                    hasher.update(piece)
        if (sha256 and digest.hexdigest() != sha256) or (cid and hasher.cid() != cid):
            self.discard()
            return False
        os.replace(self._part, self.path)
        return True

    def discard(self) -> None:
        """Remove the part if there is one."""
        with contextlib.suppress(FileNotFoundError):
            self._part.unlink()


def _write_at(descriptor: int, views: Sequence[memoryview | bytes], offset: int) -> None:
    if not hasattr(os, "pwritev"):
        os.lseek(descriptor, offset, os.SEEK_SET)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.writelines(views)
        return
    for first in range(0, len(views), _MAX_VECTORS):
        group = views[first : first + _MAX_VECTORS]
        expected = sum(map(len, group))
        written = os.pwritev(descriptor, group, offset)
        if written < expected:  # rare: a signal, or a disk that has just become full
            rest = memoryview(b"".join(group))[written:]
            at = offset + written
            while len(rest):
                done = os.pwrite(descriptor, rest, at)
                rest, at = rest[done:], at + done
        offset += expected
