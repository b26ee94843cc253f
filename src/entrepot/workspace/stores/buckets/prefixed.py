"""Buckets whose keys all begin with a prefix, so that several tenants can share one."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from entrepot.workspace.stores.buckets.interfaces import Bucket, Data, ObjectStat, StoredObject


@attrs.frozen
class PrefixedBucket:
    """A part of a bucket. ``prefix`` is put before every key, as it is: it ends in ``/``."""

    bucket: Bucket
    prefix: str

    def put_new(self, key: str, data: Data) -> bool:
        """See :class:`Bucket`."""
        return self.bucket.put_new(self.prefix + key, data)

    def replace(self, key: str, data: Data, version: str) -> bool:
        """See :class:`Bucket`."""
        return self.bucket.replace(self.prefix + key, data, version)

    def get(self, key: str, limit: int) -> StoredObject | None:
        """See :class:`Bucket`."""
        return self.bucket.get(self.prefix + key, limit)

    def read(self, key: str, start: int, end: int) -> Data | None:
        """See :class:`Bucket`."""
        return self.bucket.read(self.prefix + key, start, end)

    def stat(self, key: str) -> ObjectStat | None:
        """See :class:`Bucket`."""
        found = self.bucket.stat(self.prefix + key)
        return found and attrs.evolve(found, key=key)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See :class:`Bucket`."""
        for found in self.bucket.list(self.prefix + prefix):
            yield attrs.evolve(found, key=found.key[len(self.prefix) :])

    def delete(self, key: str) -> None:
        """See :class:`Bucket`."""
        self.bucket.delete(self.prefix + key)
