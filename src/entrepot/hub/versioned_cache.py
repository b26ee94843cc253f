"""A cache of values that were read from the database, valid until something is written to it.

Every commit of any process changes the version of the database (:mod:`entrepot.catalog.versions`).
Every request asks for the version before it uses the cache, and values of another version are
forgotten, so a revoked token or a repository made private takes effect on the very next request, on
every server. Anything that depends on the clock has to be checked at each use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Generic, TypeVar

from entrepot.catalog.versions import Version as Version
from entrepot.catalog.versions import VersionWatch as VersionWatch

Value = TypeVar("Value")

_OVERHEAD = 1024
"""Approximate memory of an entry in addition to its bytes: the key and small objects."""


class Share(Enum):
    """The shares of the setting ``remembered_bytes``: in MiB, if it has its default value, which is their sum."""

    ANSWERS = ("answers", 8)
    FILE_LISTS = ("lists of files", 5)
    CALLERS = ("owners of tokens", 2)
    TREES = ("trees of revisions", 1)
    LARGE_TREES = ("unpacked large trees", 16)
    TREE_NAMES = ("names of files", 24)
    QUERY_RESULTS = ("results of queries", 4)
    FIRST_ROWS = ("first rows of datasets", 4)
    SCANNED_TREES = ("trees of folders", 15)
    LISTINGS = ("sorted entries of folders", 14)
    XORB_INDEXES = ("indexes of xorbs", 23)
    ROOTS = ("trees of commits", 3)
    LAYOUTS = ("splits of datasets", 32)
    TABLE_FACTS = ("facts about tables", 16)
    TABLE_INDEXES = ("indexes of tables", 8)

    @property
    def mib(self) -> int:
        """The share of the default, in MiB."""
        return self.value[1]

    def of(self, remembered_bytes: int, *, least: int = 0) -> int:
        """Return the share in bytes, rounded down, but not less than ``least``."""
        return max(remembered_bytes * self.mib // sum(share.mib for share in Share), least)


class VersionedCache(Generic[Value]):
    """A bounded LRU cache of values that were read from one version of the database. Thread-safe.

    Values that never change are in a :class:`~entrepot.storage.store.ImmutableCache`, which outlives versions.
    """

    def __init__(self, most_bytes: int) -> None:
        """Start empty.

        Args:
            most_bytes: size of all values together at most; 0 caches nothing.
        """
        self._most = most_bytes
        self._lock = threading.Lock()
        self._version: Version | None = None
        self._held: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """The size of all values together, in bytes."""
        return self._bytes

    def find(self, version: Version | None, key: Hashable) -> Value | None:
        """Return the value with this key if it is cached for this version.

        Args:
            version: asked for after the request that needs the value has arrived; None finds nothing.
        """
        with self._lock:
            if version is None or version != self._version:
                self._start(version)
                return None
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, version: Version | None, key: Hashable, value: Value, size: int = 0) -> None:
        """Cache a value, unless the database has changed since it was read.

        Args:
            version: asked for before the first row for the value was read.
            size: bytes of the value.
        """
        cost = size + _OVERHEAD
        if version is None or cost > self._most:
            return
        with self._lock:
            if version != self._version:
                return
            self._remove(key)
            self._held[key] = (value, cost)
            self._bytes += cost
            while self._bytes > self._most:
                self._remove(next(iter(self._held)))

    def forget(self, key: Hashable) -> None:
        """Remove a value, if it is cached."""
        with self._lock:
            self._remove(key)

    def _remove(self, key: Hashable) -> None:
        found = self._held.pop(key, None)
        if found is not None:
            self._bytes -= found[1]

    def _start(self, version: Version | None) -> None:
        self._version = version
        self._held.clear()
        self._bytes = 0
