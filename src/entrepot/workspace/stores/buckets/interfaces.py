"""What a chunk store needs of a storage: seven operations on objects under keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import attrs

Data = bytes | bytearray | memoryview


@attrs.frozen
class ObjectStat:
    """The metadata of an object; ``modified`` is in seconds since 1970, by the storage's clock."""

    key: str
    size: int
    modified: float


@attrs.frozen
class StoredObject:
    """The bytes of an object, and a token that :meth:`Bucket.replace` compares."""

    data: Data
    version: str


class Bucket(Protocol):
    """Objects under keys (see ``blobs.keys.check_key``); safe to use from several threads.

    Every method may raise StorageRefused (credentials), BucketMissing, or StorageUnreachable after some attempts.
    """

    def put_new(self, key: str, data: Data) -> bool:
        """Store an object, all of it or nothing; return False if the key has one, which is kept.

        Of several callers at the same time, one gets True. Storages without conditional writes may replace an
        object by equal bytes and return True.
        """
        ...

    def replace(self, key: str, data: Data, version: str) -> bool:
        """Replace an object if it still has this version; return False if it does not."""
        ...

    def get(self, key: str, limit: int) -> StoredObject | None:
        """Return an object of at most ``limit`` bytes, or None if there is none.

        Raises:
            LimitExceeded: it is longer.
        """
        ...

    def read(self, key: str, start: int, end: int) -> Data | None:
        """Return the bytes ``start`` to ``end`` (exclusive), fewer at the end of the object; None if there is none."""
        ...

    def stat(self, key: str) -> ObjectStat | None:
        """Return the metadata of an object, or None if there is none, or if the credentials may not know."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Yield every object whose key begins with the text ``prefix``, in no particular order."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object if it exists."""
        ...


@runtime_checkable
class LargeObjects(Protocol):
    """A bucket that takes objects of any size from files."""

    def put_large(self, key: str, path: Path) -> None:
        """Store the content of a file in parts, and replace the object that the key has.

        Raises:
            FileNotFoundError, PermissionError: the file cannot be read.
        """
        ...
