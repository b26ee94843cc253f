"""Parallel processing that stops at the first failure."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

DOWNLOADS = 8
"""Default number of files that are transferred at the same time."""

T = TypeVar("T")
R = TypeVar("R")


def run_parallel(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Yield the results of a function for each item, in order, computed by several threads.

    Items are read only slightly ahead of the results, so memory use does not grow
    with their number. During interpreter shutdown, when no threads can be
    started, the items are processed one after the other.

    Raises:
        any error of ``function`` or ``items``, immediately: no further calls start,
        and running calls finish in the background.
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
        # After a failure, do not wait for running transfers, which may take an hour.
        pool.shutdown(wait=False, cancel_futures=True)


def _take(items: Iterator[T], most: int) -> Iterator[T]:
    for _, item in zip(range(most), items, strict=False):
        yield item


def _gives_threads() -> bool:
    # During shutdown, executors refuse work, and newer Python versions start no threads.
    return threading.main_thread().is_alive()
