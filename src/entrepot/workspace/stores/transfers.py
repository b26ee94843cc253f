"""Transfers of many objects in parallel, and what all publications do with one object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import attrs

from entrepot.errors import EntrepotError
from entrepot.workspace.stores.buckets import Bucket, Data
from entrepot.workspace.stores.formats.index_objects import MAX_INDEX_BYTES

T = TypeVar("T")


@attrs.define
class SentObjects:
    """Counts the objects that were written; safe to use from several threads."""

    objects: int = 0
    bytes: int = 0
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False, eq=False)

    def add(self, size: int) -> None:
        """Count one object."""
        with self._lock:
            self.objects += 1
            self.bytes += size


def put_content(bucket: Bucket, key: str, data: Data, sent: SentObjects) -> None:
    """Write an object whose key depends on its bytes, and count it, unless it is there.

    One of another length is replaced: it is what a storage has kept of a write that it did not complete.
    """
    is_new = bucket.put_new(key, data)
    if not is_new:
        found = bucket.stat(key)
        if found is not None and found.size != len(data):
            damaged = bucket.get(key, MAX_INDEX_BYTES)
            is_new = damaged is not None and bucket.replace(key, data, damaged.version)
    if is_new:
        sent.add(len(data))


def put_again(bucket: Bucket, key: str, data: Data) -> None:
    """Write an object whose key depends on its bytes, also over damaged bytes."""
    while not bucket.put_new(key, data):
        found = bucket.get(key, MAX_INDEX_BYTES)
        if found is not None and bucket.replace(key, data, found.version):
            return


def run_all(function: Callable[[T], None], items: Iterable[T], threads: int, *, failures: int | None) -> None:
    """Call a function for every item, in several threads.

    Args:
        failures: how many calls may fail before no more are begun; None: all are.

    Raises:
        the first error of a call, after all running calls have ended.
    """
    waiting = iter(items)
    first: EntrepotError | None = None
    failed = 0
    with ThreadPoolExecutor(max(threads, 1), thread_name_prefix="entrepot") as pool:
        running: set[Future[None]] = set()
        is_open = True
        try:
            while running or is_open:
                while is_open and len(running) < 2 * threads:
                    item = next(waiting, _END)
                    if isinstance(item, _End):
                        is_open = False
                    else:
                        running.add(pool.submit(function, item))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        future.result()
                    except EntrepotError as error:
                        first, failed = first or error, failed + 1
                if failures is not None and failed > failures:
                    is_open = False
                    running = {future for future in running if not future.cancel()}
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if first is not None:
        raise first


class _End:
    """Stands after the last item."""


_END = _End()
