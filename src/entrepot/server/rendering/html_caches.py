"""Recently rendered HTML, kept by a hash of what it was made of."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict


class HtmlCache:
    """Cache of recently rendered HTML, bounded by size; thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._size = 0
        self._kept: OrderedDict[bytes, str] = OrderedDict()
        self._guard = threading.Lock()

    def find(self, key: bytes) -> str | None:
        """Return the value of a key and mark it as recently used."""
        with self._guard:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: bytes, made: str) -> None:
        """Store a value, evicting the least recently used ones."""
        with self._guard:
            if key in self._kept:
                return
            self._kept[key] = made
            self._size += _size_of(made)
            while self._size > self._max:
                _, dropped = self._kept.popitem(last=False)
                self._size -= _size_of(dropped)


def key_of(kind: str, text: str) -> bytes:
    """Return the key of a text that is rendered in one of several ways."""
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "surrogatepass")).digest()


def _size_of(made: str) -> int:
    return 4 * len(made) if not made.isascii() else len(made) + 200
