"""A bounded cache of blocks of objects on the local disk, shared by the processes of a machine.

A block is a file with a checksum for each of its slices, and is read only as far as needed.
Everything here may be deleted at any time. The age of a file is the time of its last use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
import zlib
from pathlib import Path

BLOCK = 8 << 20
_SLICE = 256 << 10
_SUM = 4
_FRESH_S = 60.0
"""How old the recorded time of the last use may be."""


class BlockCache:
    """Blocks in the files of a folder. Thread-safe; failures of the disk only mean that less is cached.

    Args:
        folder: created if absent.
        limit: how many bytes it holds at most; 0 caches nothing.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._size: int | None = None

    def find(self, name: str, start: int, stop: int) -> bytes | None:
        """Return the bytes ``start … stop`` of a block, or None if it is absent or damaged."""
        path = self._path(name)
        try:
            with path.open("rb", buffering=0) as file:
                found = _read(file.fileno(), start, stop)
                if found is not None:
                    _touch(file.fileno())
        except OSError:
            return None
        if found is None:
            with contextlib.suppress(OSError):
                path.unlink()
        return found

    def put(self, name: str, data: memoryview) -> None:
        """Cache a block, and delete those that were not used for the longest time."""
        if len(data) > self._limit:
            return
        path = self._path(name)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
                file.write(_sums(data))
                file.write(data)
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            return
        self._count(len(data))

    def _path(self, name: str) -> Path:
        digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
        return self._folder / digest[:2] / digest

    def _count(self, size: int) -> None:
        with self._lock:
            if self._size is not None:
                self._size += size
            if self._size is None or self._size > self._limit:
                self._size = self._evict()

    def _evict(self) -> int:
        """Delete the oldest files if there are too many bytes; return how many remain."""
        found = []
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self._limit:
            return total
        for _, size, path in sorted(found, key=lambda item: item[0]):
            if total <= self._limit * 9 // 10:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
        return total


def _sums(data: memoryview) -> bytes:
    """Return the length of a block and the checksums of its slices."""
    sums = b"".join(zlib.crc32(data[at : at + _SLICE]).to_bytes(_SUM, "big") for at in range(0, len(data), _SLICE))
    return len(data).to_bytes(_SUM, "big") + sums


def _read(fd: int, start: int, stop: int) -> bytes | None:
    size = int.from_bytes(os.pread(fd, _SUM, 0), "big")
    count = -(-size // _SLICE)
    begin = _SUM + _SUM * count
    if stop > size or os.fstat(fd).st_size != begin + size:
        return None
    first, last = start // _SLICE, -(-stop // _SLICE)
    sums = os.pread(fd, _SUM * (last - first), _SUM + _SUM * first)
    data = os.pread(fd, min(last * _SLICE, size) - first * _SLICE, begin + first * _SLICE)
    if len(data) < stop - first * _SLICE or sums != _sums(memoryview(data))[_SUM:]:
        return None
    return data[start - first * _SLICE : stop - first * _SLICE]


def _touch(fd: int) -> None:
    if time.time() - os.fstat(fd).st_mtime > _FRESH_S:
        os.utime(fd)
