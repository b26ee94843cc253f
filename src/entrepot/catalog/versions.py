"""The version of a database: a value that no two states of its committed rows share.

Two equal versions mean that no process has committed a transaction in between. Rows that were read
after the first version are then still current.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

import sqlalchemy as sa

Version: TypeAlias = "tuple[int, int | str]"
"""A version, to be compared with other versions of the same watch only."""


class VersionWatch(Protocol):
    """Reads the version of one database, on its own connection. Thread-safe."""

    is_immediate: bool
    """Whether :meth:`version` takes some microseconds and never waits, so that an event loop may call it."""

    def version(self) -> Version | None:
        """Return the current version; None if the database does not return it now."""

    def close(self) -> None:
        """Close the connection; afterwards there is no version."""


class ConnectionVersionWatch:
    """A watch that asks one connection, and opens another one after a failure."""

    def __init__(
        self,
        connect: Callable[[], sa.PoolProxiedConnection],
        ask: Callable[[object], int | str],
        errors: type[Exception],
        *,
        is_immediate: bool,
    ) -> None:
        """Prepare the watch; it connects when it is asked first.

        Args:
            connect: returns a connection that nothing else uses.
            ask: returns a value of the driver's connection that changes with every commit of any other one.
            errors: the base class of the driver's errors.
            is_immediate: see :class:`VersionWatch`.
        """
        self.is_immediate = is_immediate
        self._connect, self._ask, self._errors = connect, ask, errors
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
            except (self._errors, sa.exc.SQLAlchemyError) as error:
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
            with contextlib.suppress(self._errors, sa.exc.SQLAlchemyError):
                connection.close()
