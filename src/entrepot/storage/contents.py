"""Content of files, readable at any offset in any stored form."""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

from entrepot.blobs import Reader, file_key
from entrepot.blobs.local_files import LocalReader
from entrepot.errors import BlobUnreadable, ObjectDamaged
from entrepot.names import Oid, Sha256
from entrepot.storage.store import Store


class Content(Protocol):
    """The bytes of one file. Thread-safe; callers must close it."""

    @property
    def size(self) -> int:
        """The number of bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end."""
        ...

    def close(self) -> None:
        """Release the resources of the content."""
        ...


def fill(content: Content, offset: int, buffer: memoryview) -> None:
    """Fill a buffer with the bytes from ``offset``, without a copy where the content allows it.

    Raises:
        BlobUnreadable: the content ends before the buffer is full.
    """
    if isinstance(content, LocalReader):
        content.read_into(offset, buffer)
        return
    data = content.read_at(offset, len(buffer))
    if len(data) != len(buffer):
        raise BlobUnreadable("a file", f"it ends at {offset + len(data):,}, before {offset + len(buffer):,}")
    buffer[:] = data


class PackedContent:
    """The content of a small file object: the zlib bytes of its row, decompressed at the first read."""

    def __init__(self, oid: Oid, size: int, data: bytes) -> None:
        self.size = size
        self._oid = oid
        self._data: bytes | None = data
        self._content: bytes | None = None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``.

        Raises:
            ObjectDamaged: the stored bytes cannot be decompressed.
        """
        if self._content is None:
            try:
                self._content = zlib.decompress(self._data or b"", bufsize=max(self.size, 1))
            except zlib.error as error:
                raise ObjectDamaged(self._oid, str(error)) from error
        return self._content[offset : offset + length]

    def close(self) -> None:
        """Release the bytes."""
        self._data = self._content = None


class EmptyContent:
    """The content of an empty file, for which nothing is stored."""

    size = 0

    def read_at(self, _offset: int, _length: int) -> bytes:
        """Return no bytes."""
        return b""

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def open_file(store: Store, sha256: Sha256, size: int | None = None) -> Reader:
    """Open the bytes of a large file for reading.

    Args:
        size: how many there must be, where that is known: a file that the disk has cut
            short must not pass for the whole one.

    Raises:
        BlobMissing: they are missing from the store.
        BlobUnreadable: there are more or fewer than ``size``.
    """
    key = file_key(sha256)
    reader = store.blobs.open(key)
    if size is not None and reader.size != size:
        found = reader.size
        reader.close()
        raise BlobUnreadable(key, f"there are {found} bytes instead of {size}")
    return reader


def sha256_of(data: bytes) -> Sha256:
    """Return the SHA-256 of some bytes."""
    return Sha256(hashlib.sha256(data).hexdigest())
