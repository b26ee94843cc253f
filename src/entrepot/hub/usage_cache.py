"""What namespaces use, remembered for a while where adding it up takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import attrs

KEPT_MS = 30_000
"""How long a sum is kept that took long to make."""

# Of this thread: on a busy machine everything takes long.
_LONG_S = 0.01


@attrs.define
class _Entry:
    used: int
    until_ms: int


class UsageCache:
    """Bytes by namespace. Thread-safe.

    What this process adds meanwhile is counted at once; what others add, or
    anybody takes away, when the sum is made again.
    """

    def __init__(self, seconds: Callable[[], float] = time.thread_time) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds
        self._known: dict[int, _Entry] = {}

    def used(self, namespace_id: int, now_ms: int, add_up: Callable[[], int]) -> int:
        """The bytes that a namespace uses; ``add_up`` is called unless it took long the last time."""
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
        """Count bytes that were just let in."""
        with self._lock:
            known = self._known.get(namespace_id)
            if known is not None:
                known.used += size
