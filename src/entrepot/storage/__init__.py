"""The engine: git objects and large files, kept in ``blobs`` and found through ``catalog``."""

from entrepot.storage.store import Store

__all__ = ["Store"]
