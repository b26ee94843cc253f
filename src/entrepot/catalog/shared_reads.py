"""Transactions that the reads of one thread share: beginning and ending one costs as much as two statements."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

from entrepot.catalog.dialects.interfaces import OpenSnapshot


class SharedReads:
    """The transactions that threads share among their reads. Thread-safe; each thread has its own."""

    def __init__(self, begin: Callable[[], AbstractContextManager[OpenSnapshot]]) -> None:
        """Prepare.

        Args:
            begin: begins a transaction that reads one snapshot.
        """
        self._begin = begin
        self._local = threading.local()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Let the reads that this thread begins in the block see one snapshot, until it writes or waits."""
        assert self.present is None, "this thread shares a transaction already"
        self._local.present = shared = SharedTransaction(self._begin)
        try:
            yield
        finally:
            self._local.present = None
            shared.end()

    @property
    def present(self) -> SharedTransaction | None:
        """The transaction of this thread; None outside of :meth:`together`, and after the thread wrote or waited."""
        return getattr(self._local, "present", None)

    def end_before_waiting(self) -> None:
        """End the transaction of this thread if no read is open, so that it does not last while the thread waits.

        Later reads begin transactions of their own: what they look for may have changed in the meantime.
        """
        shared = self.present
        if shared is not None and not shared.readers:
            self._local.present = None
            shared.end()


class SharedTransaction:
    """A transaction that begins with the first read."""

    def __init__(self, begin: Callable[[], AbstractContextManager[OpenSnapshot]]) -> None:
        self.readers = 0
        self._begin = begin
        self._open = ExitStack()
        self._snapshot: OpenSnapshot | None = None

    @contextlib.contextmanager
    def read(self) -> Iterator[OpenSnapshot]:
        """Return the snapshot; the next read sees the same one unless this one fails."""
        if self._snapshot is None:
            self._snapshot = self._open.enter_context(self._begin())
        self.readers += 1
        try:
            yield self._snapshot
        except BaseException:
            if self.readers == 1:
                self.end()
            raise
        finally:
            self.readers -= 1

    def end(self) -> None:
        """End the transaction, if it has begun; the next read begins another one."""
        self._snapshot = None
        self._open.close()
