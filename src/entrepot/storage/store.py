"""The store: blobs, catalog, and caches of their immutable content."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import attrs

from entrepot.blobs import Blobs, Inspectable, Multipart
from entrepot.catalog import Catalog
from entrepot.git import Entry
from entrepot.git.tree_names import TreeNames
from entrepot.git.tree_scan import TreeScan
from entrepot.names import Oid, XetHash
from entrepot.xet import XorbIndex

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ValueCache(Generic[K, V]):
    """A bounded LRU cache of immutable values, limited by their total weight. Thread-safe."""

    def __init__(self, limit: int, weigh: Callable[[V], int]) -> None:
        """Create a cache of at most ``limit`` total weight; ``weigh`` returns the weight of a value."""
        self._limit = limit
        self._weigh = weigh
        self._held: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def find(self, key: K) -> V | None:
        """Return the value of a key if it is cached, else None."""
        with self._lock:
            value = self._held.get(key)
            if value is not None:
                self._held.move_to_end(key)
            return value

    def drop(self, key: K) -> None:
        """Remove the value of a key that has changed or no longer exists."""
        with self._lock:
            old = self._held.pop(key, None)
            if old is not None:
                self._weight -= self._weigh(old)

    def put(self, key: K, value: V) -> None:
        """Cache a value and evict the least recently used ones; a value above the limit is not cached."""
        weight = self._weigh(value)
        if weight * 2 > self._limit:
            return
        with self._lock:
            if key in self._held:
                return
            self._held[key] = value
            self._weight += weight
            while self._weight > self._limit:
                _, old = self._held.popitem(last=False)
                self._weight -= self._weigh(old)


@attrs.frozen
class Store:
    """Blobs and catalog together. The bytes under a key of ``blobs`` never change.

    Args:
        large_tree_bytes: size of the cache of unpacked large trees, in bytes.
        tree_name_bytes: size of the cache of names of files that searches read, in bytes.
    """

    catalog: Catalog
    blobs: Blobs
    parts: Multipart
    drafts: Inspectable
    large_tree_bytes: int
    tree_name_bytes: int
    trees: ValueCache[tuple[int, Oid], TreeScan] = attrs.field(
        factory=lambda: ValueCache[tuple[int, Oid], TreeScan](32 << 20, lambda scan: len(scan.content))
    )
    large_trees: ValueCache[tuple[int, Oid], bytes] = attrs.field(
        default=attrs.Factory(
            lambda store: ValueCache[tuple[int, Oid], bytes](store.large_tree_bytes, len), takes_self=True
        ),
        init=False,
    )
    names: ValueCache[tuple[int, Oid], TreeNames] = attrs.field(
        default=attrs.Factory(
            lambda store: ValueCache[tuple[int, Oid], TreeNames](store.tree_name_bytes, lambda names: names.weight),
            takes_self=True,
        ),
        init=False,
    )
    listings: ValueCache[tuple[int, Oid], tuple[Entry, ...]] = attrs.field(
        factory=lambda: ValueCache[tuple[int, Oid], tuple[Entry, ...]](300_000, lambda entries: len(entries) + 1)
    )
    indexes: ValueCache[XetHash, tuple[int, str, XorbIndex]] = attrs.field(
        factory=lambda: ValueCache[XetHash, tuple[int, str, XorbIndex]](64 << 20, lambda known: 40 * known[2].count)
    )
    roots: ValueCache[tuple[int, Oid], Oid] = attrs.field(
        factory=lambda: ValueCache[tuple[int, Oid], Oid](20_000, lambda _root: 1)
    )
