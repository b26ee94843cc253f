"""The store: both cellars, and what is remembered of their immutable contents."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import attrs

from entrepot.blobs import Blobs, Inspectable, Multipart
from entrepot.catalog import Catalog
from entrepot.git import Entry
from entrepot.git.tree_scan import TreeScan
from entrepot.names import Oid, XetHash
from entrepot.xet import XorbIndex

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ValueCache(Generic[K, V]):
    """The most recently used of some immutable values, bounded by their weight. Thread-safe."""

    def __init__(self, limit: int, weigh: Callable[[V], int]) -> None:
        """Hold values of at most ``limit`` in sum; ``weigh`` tells the weight of one."""
        self._limit = limit
        self._weigh = weigh
        self._held: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def find(self, key: K) -> V | None:
        """The value under a key, if it is still held."""
        with self._lock:
            value = self._held.get(key)
            if value is not None:
                self._held.move_to_end(key)
            return value

    def drop(self, key: K) -> None:
        """Let a value go whose key now means something else, or nothing."""
        with self._lock:
            old = self._held.pop(key, None)
            if old is not None:
                self._weight -= self._weigh(old)

    def put(self, key: K, value: V) -> None:
        """Hold a value, letting the least recently used ones go; one that is too heavy is not held."""
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
    """Blobs and catalog together. ``blobs`` never changes what a key holds."""

    catalog: Catalog
    blobs: Blobs
    parts: Multipart
    drafts: Inspectable
    trees: ValueCache[tuple[int, Oid], TreeScan] = attrs.field(
        factory=lambda: ValueCache[tuple[int, Oid], TreeScan](32 << 20, lambda scan: len(scan.content))
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
