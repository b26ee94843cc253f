"""The objects of a chunk store: their keys, index objects, root records, and records of garbage collections."""
