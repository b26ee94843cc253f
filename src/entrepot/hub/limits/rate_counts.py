"""Counts the requests of each sender in the current time window, shared by all servers of a hub.

Every process counts in memory and adds its counts to rows about once a second, in one transaction,
which returns the counts of the others. Within that second, the processes together may let a few more requests
through than the limit.
"""

from __future__ import annotations

import hashlib
import itertools
import threading

from entrepot.catalog import Lock, limit_counts
from entrepot.hub.context import HubContext

MAX_SENDERS = 100_000
"""Maximum number of senders that a process keeps in one window; beyond it, it learns their totals again."""

_BATCH = 500
_LOCK = "rates"


class RateCounts:
    """The counts of one process, and the last known counts of the others. Thread-safe.

    Args:
        window_ms: the length of a window; windows begin at multiples of it.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._lock = threading.Lock()
        self._window = -1
        self._totals: dict[str, int] = {}
        self._unsent: dict[str, int] = {}

    def count(self, kind: str, sender: bytes, now_ms: int) -> tuple[int, int]:
        """Count one request; return the number in this window, and the milliseconds until the next window."""
        window = now_ms // self._window_ms
        key = hashlib.blake2b(f"rate {kind} {window}\0".encode() + sender, digest_size=16).hexdigest()
        with self._lock:
            if window > self._window:
                self._window = window
                self._totals.clear()
                self._unsent.clear()
            for counts in (self._totals, self._unsent):
                if len(counts) >= MAX_SENDERS and key not in counts:
                    counts.clear()
            self._unsent[key] = self._unsent.get(key, 0) + 1
            self._totals[key] = total = self._totals.get(key, 0) + 1
        return total, (window + 1) * self._window_ms - now_ms

    def flush(self, hub: HubContext) -> None:
        """Add the counts of this process to the rows, and read the sums; keep counts that cannot be written now."""
        with self._lock:
            window, unsent, self._unsent = self._window, self._unsent, {}
        now, left = hub.now_ms(), dict(unsent)
        try:
            while left:
                batch = dict(itertools.islice(left.items(), _BATCH))
                with hub.write(Lock.job(_LOCK)) as tx:
                    totals = limit_counts.add(tx, batch, now, (window + 2) * self._window_ms)
                    limit_counts.forget(tx, now)
                for key in batch:
                    del left[key]
                self._learn(window, totals)
        finally:
            self._keep(window, left)

    def _learn(self, window: int, totals: dict[str, int]) -> None:
        with self._lock:
            if window == self._window:
                for key, total in totals.items():
                    self._totals[key] = total + self._unsent.get(key, 0)

    def _keep(self, window: int, left: dict[str, int]) -> None:
        with self._lock:
            if window == self._window:
                for key, count in itertools.islice(left.items(), MAX_SENDERS - len(self._unsent)):
                    self._unsent[key] = self._unsent.get(key, 0) + count
