"""Jobs in the background: one after the other, in the order in which they were given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class BackgroundJobs:
    """A queue with one worker thread, which is started with the first job. Safe to use from many threads.

    When the program ends, jobs that are waiting are still done.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """The future result of a call that is made after those of all earlier jobs, whether they failed or not."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="entrepot-jobs")
            return self._pool.submit(function, *args, **kwargs)
