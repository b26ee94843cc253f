"""A signal between threads that says that a job may be due."""

from __future__ import annotations

import threading


class JobSignal:
    """Counts calls of :meth:`set`; a thread that remembers the count misses none between its look and its wait."""

    def __init__(self) -> None:
        """Start at zero."""
        self._changed = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often the signal was set."""
        return self._count

    def set(self) -> None:
        """Wake every thread that waits."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return when the signal has been set since its count was ``seen``, or after the time."""
        with self._changed:
            if self._count == seen:
                self._changed.wait(timeout_s)
