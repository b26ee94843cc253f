"""A signal between threads that a job may be due."""

from __future__ import annotations

import threading


class JobSignal:
    """Counts calls of :meth:`set`, so that a thread misses no call between its check for jobs and :meth:`wait`."""

    def __init__(self) -> None:
        """Start at zero."""
        self._changed = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """Number of calls of :meth:`set`."""
        return self._count

    def set(self) -> None:
        """Wake every waiting thread."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return if the count is no longer ``seen``, or after the timeout."""
        with self._changed:
            if self._count == seen:
                self._changed.wait(timeout_s)
