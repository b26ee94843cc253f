"""A cache of the bytes that namespaces use, for namespaces whose sum takes long to compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import attrs

KEPT_MS = 30_000
"""How long a sum is cached that took long to compute, in milliseconds."""

# CPU time of this thread: on a busy machine every query takes long by the wall clock.
_LONG_S = 0.01


@attrs.define
class _Entry:
    used: int
    until_ms: int


class UsageCache:
    """Used bytes by namespace. Thread-safe.

    Bytes that this process adds count immediately. Bytes that other processes add,
    and deletions, count when the sum is computed again.
    """

    def __init__(self, seconds: Callable[[], float] = time.thread_time) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds
        self._known: dict[int, _Entry] = {}

    def used(self, namespace_id: int, now_ms: int, add_up: Callable[[], int]) -> int:
        """Return the bytes that a namespace uses; call ``add_up`` unless a cached sum is still fresh."""
        with self._lock:
            known = self._known.get(namespace_id)
            if known is not None and now_ms < known.until_ms:
                return known.used
        begun = self._seconds()
        used = add_up()
        is_long = self._seconds() - begun > _LONG_S
        with self._lock:
            if is_long:
                self._known[namespace_id] = _Entry(used, now_ms + KEPT_MS)
            else:
                self._known.pop(namespace_id, None)
        return used

    def add(self, namespace_id: int, size: int) -> None:
        """Count bytes that were just accepted."""
        with self._lock:
            known = self._known.get(namespace_id)
            if known is not None:
                known.used += size
