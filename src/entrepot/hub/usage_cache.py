"""A cache of the bytes that namespaces use, for namespaces whose sum takes long to compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import attrs

KEPT_MS = 30_000
"""How long a sum is cached that took long to compute, in milliseconds."""

# CPU time of this thread: on a busy machine every query takes long by the wall clock.
_LONG_S = 0.01
_LONG_WAIT_S = 0.1
"""The same by the wall clock, for databases that add up on their own processors."""


@attrs.define
class _Entry:
    used: int
    until_ms: int
    shared: int | None = None
    """What all processes together had added when this one last looked; None: it has not looked yet."""


class UsageCache:
    """Used bytes by namespace. Thread-safe.

    Bytes that this process adds count immediately. Bytes that other processes add count when
    the processes share what they have added, and deletions when the sum is computed again.
    """

    def __init__(self, seconds: Callable[[], float] = time.thread_time) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds
        self._known: dict[int, _Entry] = {}
        self._unsent: dict[int, int] = {}

    def used(self, namespace_id: int, now_ms: int, add_up: Callable[[], int]) -> int:
        """Return the bytes that a namespace uses; call ``add_up`` unless a cached sum is still fresh."""
        with self._lock:
            known = self._known.get(namespace_id)
            if known is not None and now_ms < known.until_ms:
                return known.used
        begun, began = self._seconds(), time.monotonic()
        used = add_up()
        is_long = self._seconds() - begun > _LONG_S or time.monotonic() - began > _LONG_WAIT_S
        with self._lock:
            if is_long:
                self._known[namespace_id] = _Entry(used, now_ms + KEPT_MS)
            else:
                self._known.pop(namespace_id, None)
        return used

    def add(self, namespace_id: int, size: int) -> object:
        """Count bytes that were just accepted; return the sum that they were added to, None if none is cached."""
        with self._lock:
            self._unsent[namespace_id] = self._unsent.get(namespace_id, 0) + size
            known = self._known.get(namespace_id)
            if known is not None:
                known.used += size
            return known

    def take_back(self, namespace_id: int, size: int, added_to: object) -> None:
        """Count bytes no longer that were added to a sum, unless another one has replaced it, which may lack them."""
        with self._lock:
            known = self._known.get(namespace_id)
            if known is not None and known is added_to:
                known.used -= size
                self._unsent[namespace_id] = self._unsent.get(namespace_id, 0) - size

    def take_unsent(self, now_ms: int) -> dict[int, int]:
        """Return the bytes added since the last call, by namespace; 0 for those whose cached sum is in use."""
        with self._lock:
            self._known = {key: entry for key, entry in self._known.items() if now_ms < entry.until_ms}
            unsent, self._unsent = self._unsent, {}
            return {**dict.fromkeys(self._known, 0), **unsent}

    def put_back(self, unsent: Mapping[int, int]) -> None:
        """Add bytes that could not be shared to the next result of :meth:`take_unsent`."""
        with self._lock:
            for namespace_id, size in unsent.items():
                self._unsent[namespace_id] = self._unsent.get(namespace_id, 0) + size

    def learn(self, sent: Mapping[int, int], totals: Mapping[int, int]) -> None:
        """Add the bytes that other processes have counted.

        Args:
            sent: what :meth:`take_unsent` returned.
            totals: what all processes have added, with that.
        """
        with self._lock:
            for namespace_id, total in totals.items():
                known = self._known.get(namespace_id)
                if known is None:
                    continue
                if known.shared is not None:
                    known.used += max(0, total - known.shared - sent.get(namespace_id, 0))
                known.shared = total
