"""Locks that serialise the writers of one branch within this process, to avoid retries.

Correctness never depends on them: refs move by compare-and-swap. Without the locks,
all but one of N concurrent writers would redo their work after every commit.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator

from entrepot.errors import Busy


class BranchLocks:
    """One lock for each key that a thread holds or waits for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queues: dict[Hashable, tuple[threading.Lock, int]] = {}

    @contextlib.contextmanager
    def take(
        self, key: Hashable, timeout_s: float = 60.0, *, before_waiting: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Hold the lock of a key inside the ``with``; wait while another thread of this process holds it.

        Args:
            before_waiting: called if the lock is not free.

        Raises:
            Busy: the lock was not free within the time.
        """
        with self._guard:
            lock, waiting = self._queues.get(key, (threading.Lock(), 0))
            self._queues[key] = (lock, waiting + 1)
        taken = False
        try:
            taken = lock.acquire(blocking=False)
            if not taken:
                before_waiting()
                taken = lock.acquire(timeout=timeout_s)
            if not taken:
                raise Busy("the branch")
            yield
        finally:
            if taken:
                lock.release()
            with self._guard:
                lock, waiting = self._queues[key]
                if waiting == 1:
                    del self._queues[key]
                else:
                    self._queues[key] = (lock, waiting - 1)
