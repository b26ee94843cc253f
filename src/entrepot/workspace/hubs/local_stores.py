"""A store without a bucket: it has only what is in the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from entrepot.errors import InvalidArgument
from entrepot.workspace.stores.buckets import Data, ObjectStat, StoredObject
from entrepot.workspace.stores.chunk_stores import ChunkStore


class NoBucket:
    """A bucket that has nothing and takes nothing."""

    def put_new(self, key: str, data: Data) -> bool:
        """Raise InvalidArgument: nothing can be stored."""
        raise InvalidArgument(f"{key} cannot be stored: an entity on a hub has no bucket")

    def replace(self, key: str, data: Data, version: str) -> bool:
        """Return False: there is no object."""
        return False

    def get(self, key: str, limit: int) -> StoredObject | None:
        """Return None: there is no object."""
        return None

    def read(self, key: str, start: int, end: int) -> Data | None:
        """Return None: there is no object."""
        return None

    def stat(self, key: str) -> ObjectStat | None:
        """Return None: there is no object."""
        return None

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Return nothing."""
        return iter(())

    def delete(self, key: str) -> None:
        """Do nothing."""


def local_store(indexes: Path, threads: int) -> ChunkStore:
    """Return a store in which only the outbox has something."""
    bucket = NoBucket()
    return ChunkStore(bucket, bucket, storage="the outbox", indexes=indexes, threads=threads)
