"""A pool whose callers wait for one of its connections if PostgreSQL refuses to open more.

A server accepts ``max_connections``, which several processes share, so a pool may get fewer connections than it is
configured for. It is then as large as the server lets it be: callers wait for a connection that is returned, as they do
if the pool is full, and one of them at a time asks for a new one, with pauses.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.util.queue import Empty

_log = logging.getLogger("entrepot.catalog")

_REFUSED = re.compile(
    "too many clients|connection slots are reserved|too many connections for|no more connections allowed"
)
"""What servers say that accept no more connections; libpq does not tell the state of a failure to connect.

Source: PostgreSQL, ``storage/lmgr/proc.c`` and ``utils/init/postinit.c``; PgBouncer, ``max_client_conn``.
"""
_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
_CURE = (
    "lower database_connections in the settings of the processes that share the server, or raise its max_connections"
)


def is_refusal(error: BaseException) -> bool:
    """Return whether a server has answered that it accepts no more connections.

    Texts in other languages than English are not recognised.
    """
    return isinstance(error, psycopg.OperationalError) and bool(_REFUSED.search(str(error)))


def watch_successes(engine: sa.Engine) -> None:
    """Tell the pool of an engine about connections that the server accepts."""

    def note(_connection: object, _record: object) -> None:
        if isinstance(pool := engine.pool, RefusalPool):
            pool.note_success()

    sa.event.listen(engine, "connect", note)


class Pauses:
    """When the server may be asked for a connection after it has refused one. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pause_s = 0.0
        self._next_s = self._refused_s = float("-inf")

    def wait_s(self) -> float:
        """Return how long to wait before asking, in seconds; 0 lets the caller ask, and after a refusal only it."""
        now = time.monotonic()
        with self._lock:
            if not self._pause_s:
                return 0.0
            if now < self._next_s:
                return self._next_s - now
            self._next_s = now + self._pause_s
            return 0.0

    def note_refusal(self, begun_s: float) -> None:
        """Pause after a refusal, twice as long as before it.

        Args:
            begun_s: when the server was asked; refusals of requests that overlap count once.
        """
        with self._lock:
            now = time.monotonic()
            if begun_s >= self._refused_s:
                self._pause_s = min(2 * self._pause_s or _PAUSE_S, _MAX_PAUSE_S)
                self._refused_s = now
            self._next_s = now + self._pause_s

    def note_success(self) -> None:
        """End the pauses: the server accepts connections."""
        with self._lock:
            self._pause_s = 0.0


class RefusalPool(sa.pool.QueuePool):
    """A queue of connections that is as long as the server allows, and no longer than configured."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- those of its base class
        """Prepare; connections are opened when they are needed."""
        super().__init__(*args, **options)
        self._pauses = Pauses()
        self._local = threading.local()
        self._is_logged = False

    def connect(self) -> sa.PoolProxiedConnection:
        """Return a connection, if necessary one that another thread returns within the time limit of the pool.

        Raises:
            sqlalchemy.exc.TimeoutError: none was returned in time.
            psycopg.OperationalError: the server refuses connections, and the pool has none to wait for; or the server
            cannot be reached.
        """
        self._local.until_s = time.monotonic() + self._timeout
        while True:
            begun_s = time.monotonic()
            try:
                return super().connect()
            except psycopg.OperationalError as error:
                if not is_refusal(error):
                    raise
                if not self._has_connections():
                    raise
                self._pauses.note_refusal(begun_s)
                self._log_once(error)

    def note_success(self) -> None:
        """Ask without pauses from now on: the server has accepted a connection."""
        self._pauses.note_success()

    def _do_get(self) -> sa.pool.ConnectionPoolEntry:
        while pause_s := self._pause_s():
            left_s = self._local.until_s - time.monotonic()
            if left_s <= 0:
                raise sa.exc.TimeoutError("no connection was returned in time, and no other one can be opened")
            try:
                record = self._pool.get(True, min(pause_s, left_s))
            except Empty:
                continue
            if record.dbapi_connection is not None:
                return record
            self._dec_overflow()  # the connection was lost; the next caller that may open one replaces it
        with contextlib.suppress(Empty):
            return self._pool.get(False)
        if not self._inc_overflow():
            return self._do_get()
        try:
            return self._create_connection()
        except BaseException:
            self._dec_overflow()
            raise

    def _pause_s(self) -> float:
        """Return how long to wait for a connection before looking again, in seconds; 0 lets the caller open one."""
        if self._overflow >= self._max_overflow:
            return _MAX_PAUSE_S  # a caller that is refused meanwhile wakes nobody, so look again
        pause_s = self._pauses.wait_s()
        return pause_s if pause_s and self._has_connections() else 0.0

    def _has_connections(self) -> bool:
        """Return whether a connection is in use or ready, so that waiting for one makes sense."""
        kept = list[Any]()
        ready = False
        while not ready:
            try:
                record = self._pool.get(False)
            except Empty:
                break
            ready = record.dbapi_connection is not None
            kept.append(record)
        for record in kept:
            self._do_return_conn(record)
        return ready or self.checkedout() > 0

    def _log_once(self, error: Exception) -> None:
        if not self._is_logged:
            self._is_logged = True
            _log.warning("database.connections-refused reason=%r cure=%r", " ".join(str(error).split()), _CURE)
