"""Storage of git objects and large files: content in ``blobs``, metadata in ``catalog``."""

from entrepot.storage.store import CacheLimits, Store

__all__ = ["CacheLimits", "Store"]
