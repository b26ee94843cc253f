"""Doing something to many things at the same time, and stopping at the first failure."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

DOWNLOADS = 8
"""How many files of a repository are on their way at once, unless somebody says otherwise."""

T = TypeVar("T")
R = TypeVar("R")


def run_parallel(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """What a function gives for each item, in their order, computed by several threads.

    Items are taken only a little ahead of the results, so that any number of
    them needs little memory. When the interpreter is shutting down, and gives
    out no threads any more, the items are done one after the other.

    Raises:
        Whatever ``function`` or ``items`` raise, at once: nothing new is begun
        then, what is running comes to its end in the background.
    """
    waiting = iter(items)
    first = list(_take(waiting, 2))
    if len(first) < 2 or threads < 2 or not _gives_threads():
        yield from map(function, first)
        yield from map(function, waiting)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="entrepot")
    running: deque[Future[R]] = deque()
    try:
        running.extend(pool.submit(function, item) for item in first)
        while running:
            running.extend(pool.submit(function, item) for item in _take(waiting, 2 * threads - len(running)))
            yield running.popleft().result()
    finally:
        # After a failure nobody waits for a transfer of an hour that is still running.
        pool.shutdown(wait=False, cancel_futures=True)


def _take(items: Iterator[T], most: int) -> Iterator[T]:
    for _, item in zip(range(most), items, strict=False):
        yield item


def _gives_threads() -> bool:
    # At exit an executor takes no more work, and newer versions start no thread any more.
    return threading.main_thread().is_alive()
