"""How many requests of this process are under way to each host."""

from __future__ import annotations

import threading

PER_HOST = 2
"""Requests to one host at the same time: a host that does not answer holds no more senders than these."""


class HostSlots:
    """Counts the requests to each host; safe for threads."""

    def __init__(self) -> None:
        """Start with no request under way."""
        self._guard = threading.Lock()
        self._used: dict[str, int] = {}

    def take(self, host: str) -> bool:
        """Count one more request to a host; False, and not counted, if there are :data:`PER_HOST` already."""
        with self._guard:
            used = self._used.get(host, 0)
            if used >= PER_HOST:
                return False
            self._used[host] = used + 1
            return True

    def release(self, host: str) -> None:
        """Count one request less, after :meth:`take` returned True."""
        with self._guard:
            left = self._used.pop(host) - 1
            if left:
                self._used[host] = left
