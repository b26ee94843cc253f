"""A signal between threads that a job may be due."""

from __future__ import annotations

import threading


class JobSignal:
    """Counts its calls, so that a thread misses none between its check for jobs and :meth:`wait`."""

    def __init__(self) -> None:
        """Start at zero."""
        self._changed = threading.Condition()
        self._count = 0
        self._added = 0

    @property
    def count(self) -> int:
        """Number of calls of :meth:`set` and :meth:`wake`."""
        return self._count

    @property
    def added(self) -> int:
        """Number of calls of :meth:`set`, which other processes have to learn of."""
        return self._added

    def set(self) -> None:
        """Wake every waiting thread, because this process has added a job."""
        with self._changed:
            self._added += 1
            self._count += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Wake every waiting thread of this process only."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return if the count is no longer ``seen``, or after the timeout."""
        with self._changed:
            if self._count == seen:
                self._changed.wait(timeout_s)

    def wait_for_added(self, seen: int, timeout_s: float) -> None:
        """Return if :attr:`added` is no longer ``seen``, at any other call, or after the timeout."""
        with self._changed:
            if self._added == seen:
                self._changed.wait(timeout_s)
