"""The clock of a database server, which all processes that share the database use.

Leases, tokens and signed URLs of several machines depend on one clock, and not on the clocks of the
machines. Between two readings of it, a machine adds the time that it has measured since the last one.
"""

from __future__ import annotations

import threading
import time

from entrepot.catalog.database import Catalog


class DatabaseClock:
    """Milliseconds since 1970 (UTC) by the clock of the database; by that of the machine with SQLite. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        """Read the clock of the database for the first time.

        Raises:
            DatabaseUnavailable, Busy: the database cannot be reached.
        """
        self._catalog = catalog
        self._lock = threading.Lock()
        self._ahead_ms: float | None = None
        """How far the database's clock is ahead of the counter of this machine, which is never set."""
        self.adjust()

    def __call__(self) -> int:
        """Return the time."""
        if self._ahead_ms is None:
            return time.time_ns() // 1_000_000
        return int(self._ahead_ms + _counted_ms())

    def adjust(self) -> None:
        """Read the clock of the database again; a difference within the duration of the reading changes nothing.

        Raises:
            DatabaseUnavailable, Busy: it cannot be reached; the clock continues as before.
        """
        with self._lock:
            begun = _counted_ms()
            found = self._catalog.clock_ms()
            ended = _counted_ms()
            if found is None:
                return
            ahead, doubt = found - (begun + ended) / 2, (ended - begun) / 2 + 1
            if self._ahead_ms is None or abs(ahead - self._ahead_ms) > doubt:
                self._ahead_ms = ahead


def _counted_ms() -> float:
    return time.monotonic_ns() / 1_000_000
