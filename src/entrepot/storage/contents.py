"""Content of files, readable at any offset, wherever it is kept."""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

from entrepot.blobs import Reader, file_key
from entrepot.errors import BlobUnreadable, ObjectDamaged
from entrepot.names import Oid, Sha256
from entrepot.storage.store import Store


class Content(Protocol):
    """Bytes of one file. Thread-safe; close it when done."""

    @property
    def size(self) -> int:
        """Number of bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end."""
        ...

    def close(self) -> None:
        """Release what the content holds."""
        ...


class PackedContent:
    """A small file object: zlib bytes of its row, unpacked at the first read."""

    def __init__(self, oid: Oid, size: int, data: bytes) -> None:
        self.size = size
        self._oid = oid
        self._data: bytes | None = data
        self._content: bytes | None = None

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``.

        Raises:
            ObjectDamaged: the stored bytes do not unpack.
        """
        if self._content is None:
            try:
                self._content = zlib.decompress(self._data or b"", bufsize=max(self.size, 1))
            except zlib.error as error:
                raise ObjectDamaged(self._oid, str(error)) from error
        return self._content[offset : offset + length]

    def close(self) -> None:
        """Forget the bytes."""
        self._data = self._content = None


def open_file(store: Store, sha256: Sha256, size: int | None = None) -> Reader:
    """The bytes of a large file.

    Args:
        size: how many there must be, where that is known: a file that the disk has cut
            short must not pass for the whole one.

    Raises:
        BlobMissing: the store has lost them.
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
    """The SHA-256 of some bytes."""
    return Sha256(hashlib.sha256(data).hexdigest())
