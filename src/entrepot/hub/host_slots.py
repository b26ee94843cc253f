"""Count the requests of this process to each host."""

from __future__ import annotations

import threading

PER_HOST = 2
"""Concurrent requests to one host: a host that does not respond blocks at most this many senders."""


class HostSlots:
    """Counts the requests to each host. Thread-safe."""

    def __init__(self) -> None:
        """Start with no requests."""
        self._guard = threading.Lock()
        self._used: dict[str, int] = {}

    def take(self, host: str) -> bool:
        """Count a new request to a host; return False, without counting it, if there are :data:`PER_HOST` already."""
        with self._guard:
            used = self._used.get(host, 0)
            if used >= PER_HOST:
                return False
            self._used[host] = used + 1
            return True

    def release(self, host: str) -> None:
        """Count a finished request, after :meth:`take` returned True."""
        with self._guard:
            left = self._used.pop(host) - 1
            if left:
                self._used[host] = left
