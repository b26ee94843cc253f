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


class ImmutableCache(Generic[K, V]):
    """A bounded LRU cache of values that never change, limited by their total weight. Thread-safe."""

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
class CacheLimits:
    """The approximate size limit of each cache of a store, in bytes.

    ``trees``: scanned trees; ``large_trees``: unpacked large trees; ``names``: names of files, which searches read;
    ``listings``: sorted entries of folders; ``indexes``: those of xorbs; ``roots``: the trees of commits.
    """

    trees: int
    large_trees: int
    names: int
    listings: int
    indexes: int
    roots: int


# What Python's objects take, with a margin: an entry with its name and id 240 bytes; a key and an id as its value 340.
_ENTRY, _KEY = 300, 500


@attrs.frozen
class Store:
    """Blobs and catalog together, with caches of what never changes: the bytes under a key, git objects, indexes."""

    catalog: Catalog
    blobs: Blobs
    parts: Multipart
    drafts: Inspectable
    limits: CacheLimits
    trees: ImmutableCache[tuple[int, Oid], TreeScan] = attrs.field(
        default=attrs.Factory(
            lambda store: ImmutableCache[tuple[int, Oid], TreeScan](
                store.limits.trees, lambda scan: len(scan.content) + _KEY
            ),
            takes_self=True,
        ),
        init=False,
    )
    large_trees: ImmutableCache[tuple[int, Oid], bytes] = attrs.field(
        default=attrs.Factory(
            lambda store: ImmutableCache[tuple[int, Oid], bytes](store.limits.large_trees, len), takes_self=True
        ),
        init=False,
    )
    names: ImmutableCache[tuple[int, Oid], TreeNames] = attrs.field(
        default=attrs.Factory(
            lambda store: ImmutableCache[tuple[int, Oid], TreeNames](store.limits.names, lambda names: names.weight),
            takes_self=True,
        ),
        init=False,
    )
    listings: ImmutableCache[tuple[int, Oid], tuple[Entry, ...]] = attrs.field(
        default=attrs.Factory(
            lambda store: ImmutableCache[tuple[int, Oid], tuple[Entry, ...]](
                store.limits.listings, lambda entries: _ENTRY * len(entries) + _KEY
            ),
            takes_self=True,
        ),
        init=False,
    )
    indexes: ImmutableCache[XetHash, tuple[int, str, XorbIndex]] = attrs.field(
        default=attrs.Factory(
            lambda store: ImmutableCache[XetHash, tuple[int, str, XorbIndex]](
                store.limits.indexes, lambda known: 40 * known[2].count + _KEY
            ),
            takes_self=True,
        ),
        init=False,
    )
    roots: ImmutableCache[tuple[int, Oid], Oid] = attrs.field(
        default=attrs.Factory(
            lambda store: ImmutableCache[tuple[int, Oid], Oid](store.limits.roots, lambda _root: _KEY), takes_self=True
        ),
        init=False,
    )
