"""The version of a database: a value that no two states of its committed rows share.

Two equal versions mean that no transaction of any process has committed in between. What was read
after the first one was taken is then what the database still says.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

import sqlalchemy as sa

from entrepot.errors import Busy, DatabaseUnavailable

Version: TypeAlias = "tuple[int, int | str]"
"""A version, to be compared with other versions of the same watch only."""


class Watch(Protocol):
    """Tells the version of one database, on a connection of its own. Thread-safe."""

    is_immediate: bool
    """Whether :meth:`version` takes some microseconds and never waits, so that an event loop may call it."""

    def version(self) -> Version | None:
        """Return the version as of now; None if the database does not tell it now."""

    def close(self) -> None:
        """Close the connection; no version is told any more."""


class ConnectionWatch:
    """A watch that asks one connection, and opens another one after a failure."""

    def __init__(
        self,
        connect: Callable[[], sa.PoolProxiedConnection],
        ask: Callable[[object], int | str],
        *,
        is_immediate: bool,
    ) -> None:
        """Prepare the watch; it connects when it is asked first.

        Args:
            connect: returns a connection that nothing else uses.
            ask: returns a value of the driver's connection that changes with every commit of any other one.
            is_immediate: see :class:`Watch`.
        """
        self.is_immediate = is_immediate
        self._connect, self._ask = connect, ask
        self._lock = threading.Lock()
        self._connection: sa.PoolProxiedConnection | None = None
        self._turn = 0
        self._is_closed = False

    def version(self) -> Version | None:
        """Return the version as of now; versions of different connections differ."""
        with self._lock:
            try:
                if self._connection is None:
                    if self._is_closed:
                        return None
                    self._connection = self._connect()
                    self._turn += 1
                return self._turn, self._ask(self._connection.dbapi_connection)
            except Exception as error:  # the drivers of PostgreSQL are not imported here
                if not _is_of_database(error):
                    raise
                # A database that is locked for a moment keeps its connection.
                if not isinstance(error, sqlite3.OperationalError):
                    self._drop()
                return None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._is_closed = True
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()


def _is_of_database(error: Exception) -> bool:
    known = (sa.exc.SQLAlchemyError, sqlite3.Error, Busy, DatabaseUnavailable)
    return isinstance(error, known) or type(error).__module__.partition(".")[0] == "psycopg"
