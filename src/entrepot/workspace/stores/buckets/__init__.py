"""Buckets: the few operations that a chunk store needs of a storage, for each kind of storage."""

from entrepot.workspace.stores.buckets.interfaces import Bucket, Data, LargeObjects, ObjectStat, StoredObject
from entrepot.workspace.stores.buckets.prefixed import PrefixedBucket

__all__ = ["Bucket", "Data", "LargeObjects", "ObjectStat", "PrefixedBucket", "StoredObject"]
