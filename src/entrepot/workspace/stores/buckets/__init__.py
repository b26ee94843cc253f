"""Buckets: the few operations that a chunk store needs of a storage, for each kind of storage."""
