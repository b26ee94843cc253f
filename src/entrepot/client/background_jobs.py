"""Background jobs, run one after the other in the order in which they were submitted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class BackgroundJobs:
    """A queue with one worker thread, which starts with the first job. Safe to use from several threads.

    When the program ends, waiting jobs are still run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Queue a call and return a future of its result; it runs after all earlier jobs, even if they failed."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="entrepot-jobs")
            return self._pool.submit(function, *args, **kwargs)
