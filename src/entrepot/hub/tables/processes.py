"""The processes that read tables: few, started when or shortly before they are needed, used again, and replaced."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from entrepot.errors import StoreUnavailable
from entrepot.hub.tables.exchanges import (
    Exchange,
    KeepIndex,
    ProcessEnded,
    ReadRange,
    end_process,
    killed_after,
    start_process,
)

MAX_PROCESSES = 3
"""Processes of one server process."""

_WAIT_S = 20.0
_MODULE = "entrepot.hub.tables.sandbox"


class TableProcesses:
    """Processes of ``hub/tables/sandbox.py``. Thread-safe.

    Guarantees: a request that ends one is not repeated; the next gets another. A process ends when this one does,
    however that ends: its input is closed then.
    """

    def __init__(
        self, most: int = MAX_PROCESSES, start: Callable[[str], subprocess.Popen[bytes]] = start_process
    ) -> None:
        """Start none yet.

        Args:
            most: processes at a time.
        """
        self._free = threading.BoundedSemaphore(most)
        self._guard = threading.Lock()
        self._start = start
        self._idle: list[subprocess.Popen[bytes]] = []
        self._busy: set[subprocess.Popen[bytes]] = set()
        self._closed = threading.Event()

    def run(
        self,
        request: Mapping[str, Any],
        read: ReadRange,
        *,
        most: int,
        wall_s: float,
        keep: KeepIndex = lambda _number, _index: None,
    ) -> tuple[bytes, bytes]:
        """Return the type (one letter) and the bytes of the result of a request.

        Args:
            read: serves the ranges of its files.
            most: bytes of a result.
            wall_s: seconds after which the process is killed.
            keep: is given the indexes that it makes of the files.

        Raises:
            ProcessEnded: the process ended, or was killed, while it worked on the request.
            StoreUnavailable: too many requests are running, or no process starts.
            EntrepotError: the error of ``read``.
        """
        with self._place():
            while True:
                process, is_new = self._taken()
                is_fit = False
                try:
                    exchange = Exchange(process, read, most, keep)
                    with killed_after(process, wall_s):
                        found = exchange.run(request)
                    is_fit = True
                except ProcessEnded as error:
                    if not error.is_idle:
                        raise
                    if is_new:
                        raise StoreUnavailable("the table reader", "its process cannot be started") from None
                    continue  # it had ended before, as idle ones do
                finally:
                    self._put_back(process, is_fit=is_fit)
                if exchange.failure is not None:
                    raise exchange.failure
                return found

    def prepare(self) -> None:
        """Start a process if there is none, so that the next request need not wait for its start.

        Guarantees: no more processes than requests may have, and at most one idle process.
        """
        if not self._free.acquire(blocking=False):
            return  # every process is used
        try:
            with self._guard:
                ended = [process for process in self._idle if process.poll() is not None]
                self._idle = [process for process in self._idle if process not in ended]
                is_wanted = not (self._idle or self._busy or self._closed.is_set())
            for process in ended:
                end_process(process)
            if is_wanted:
                with contextlib.suppress(OSError):  # a request that needs one will say so
                    self._put_back(self._start(_MODULE), is_fit=True)
        finally:
            self._free.release()

    def close(self) -> None:
        """End all processes; requests that run end with an error."""
        with self._guard:
            self._closed.set()
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        for process in busy:
            process.kill()
        for process in idle:
            end_process(process)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if not self._free.acquire(timeout=_WAIT_S):
            raise StoreUnavailable("the table reader", "it is reading other tables; try again later")
        try:
            yield
        finally:
            self._free.release()

    def _taken(self) -> tuple[subprocess.Popen[bytes], bool]:
        """Return a process, the one used last if there are several, and whether it is new."""
        with self._guard:
            if self._closed.is_set():
                raise StoreUnavailable("the table reader", "the server is stopping")
            if self._idle:
                process = self._idle.pop()
                self._busy.add(process)
                return process, False
        process = self._start(_MODULE)
        with self._guard:
            self._busy.add(process)
            if not self._closed.is_set():
                return process, True
        self._put_back(process, is_fit=False)
        raise StoreUnavailable("the table reader", "the server is stopping")

    def _put_back(self, process: subprocess.Popen[bytes], *, is_fit: bool) -> None:
        with self._guard:
            self._busy.discard(process)
            if is_fit and not self._closed.is_set():
                self._idle.append(process)
                return
        end_process(process)
