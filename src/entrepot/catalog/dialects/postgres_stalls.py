"""Servers of PostgreSQL that hang: after a while, nothing waits for them any more.

A server that stops or crashes closes its connections. One that hangs, or whose machine was lost without a word, does
not, and libpq waits for it without a limit. A slow statement and a lock look the same on their connection, so another
connection decides: if a server does not even accept that one, all connections to it are cut. Who waits on them gets the
error of a lost connection, and who comes later the same one at once, until the server responds again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import attrs
import psycopg

_log = logging.getLogger("entrepot.catalog")

_SUSPECT_S = 2.0
"""How long someone waits on a connection before the server is asked whether it responds."""
_EVERY_S = 0.5
_STALLED = "the server of the database does not respond"

Connection = psycopg.Connection[Any]


@attrs.define(eq=False)
class _Watched:
    """A connection. ``place``: which socket it had, to find out whether its number has become that of another one."""

    place: tuple[int, int]
    since_s: float | None


class StallGuard:
    """Watches the connections of one engine, in a thread of its own while it has any. Thread-safe."""

    def __init__(self, patience_s: float) -> None:
        """Prepare; the first connection starts the thread.

        Args:
            patience_s: how long a new connection or its first answer may take.
        """
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._watched: WeakKeyDictionary[Connection, _Watched] = WeakKeyDictionary()
        self._connect: Callable[[], Connection] | None = None
        self._closing: threading.Event | None = None
        self._is_stalled = False

    def check(self) -> None:
        """Raise if the server does not respond now.

        Raises:
            psycopg.OperationalError: it does not.
        """
        if self._is_stalled:
            raise psycopg.OperationalError(_STALLED)

    def check_may_connect(self, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Raise as :meth:`check`, before a connection is made with these arguments of the driver."""
        self._connect = lambda: psycopg.connect(*args, **options)
        self.check()

    def add(self, connection: Connection) -> None:
        """Watch a new connection, on which someone waits."""
        with self._lock:
            self._watched[connection] = _Watched(_place_of(connection.fileno()), time.monotonic())
            if self._closing is None:
                self._closing = threading.Event()
                threading.Thread(target=self._work, args=(self._closing,), name="database-stalls", daemon=True).start()

    def begin(self, connection: Connection) -> None:
        """Note that someone uses a connection, and may wait for an answer.

        Raises:
            psycopg.OperationalError: the server does not respond now.
        """
        self.check()
        if (found := self._watched.get(connection)) is not None:
            found.since_s = time.monotonic()

    def end(self, connection: Connection | None) -> None:
        """Note that nobody uses a connection; None is one that is lost."""
        if connection is not None and (found := self._watched.get(connection)) is not None:
            found.since_s = None

    @contextlib.contextmanager
    def waiting(self, connection: Connection) -> Iterator[None]:
        """Note that someone waits on a connection for the duration of the block; errors as :meth:`begin`."""
        self.begin(connection)
        try:
            yield
        finally:
            self.end(connection)

    def close(self) -> None:
        """End the thread; a new connection starts it again."""
        with self._lock:
            if self._closing is not None:
                self._closing.set()
                self._closing = None
            self._is_stalled = False

    def _work(self, closing: threading.Event) -> None:
        while not closing.wait(_EVERY_S):
            if self._is_stalled or self._is_suspect():
                self._judge(closing)

    def _is_suspect(self) -> bool:
        limit = time.monotonic() - _SUSPECT_S
        with self._lock:
            watched = list(self._watched.items())
        return any(w.since_s is not None and w.since_s < limit and not used.closed for used, w in watched)

    def _judge(self, closing: threading.Event) -> None:
        """Ask the server on a new connection; if it does not respond, cut the others."""
        responds = self._responds()
        if closing.is_set():
            return
        was_stalled, self._is_stalled = self._is_stalled, not responds
        if responds:
            if was_stalled:
                _log.info("database.responds")
            return
        if not was_stalled:
            _log.warning("database.stalled waited_s=%.0f", self._patience_s)
        with self._lock:
            watched = list(self._watched.items())
        for connection, found in watched:
            _cut(connection, found.place)

    def _responds(self) -> bool:
        """Return whether the server accepts a connection and answers on it; a refusal is a response."""
        assert self._connect is not None
        begun = time.monotonic()
        try:
            connection = self._connect()
        except psycopg.Error:
            return time.monotonic() - begun < self._patience_s
        with contextlib.closing(connection):
            connection.pgconn.send_query(b"SELECT 1")
            arrivals = select.poll()
            arrivals.register(connection.fileno(), select.POLLIN)
            return bool(arrivals.poll(self._patience_s * 1000))


def _cut(connection: Connection, place: tuple[int, int]) -> None:
    """Let every use of a connection fail, also one that waits in another thread; nothing if it has been closed."""
    with contextlib.suppress(OSError, psycopg.Error):
        number = os.dup(connection.fileno())
        if _place_of(number) != place:  # asked of the copy, which nothing else closes
            os.close(number)
            return
        with socket.socket(fileno=number) as copied:
            copied.shutdown(socket.SHUT_RDWR)


def _place_of(number: int) -> tuple[int, int]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino
