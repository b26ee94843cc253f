"""Reads that are so short that an event loop may wait for them.

Passing a read of a few rows to a thread and back costs more than the read: the threads hand the interpreter's
lock to each other at every statement. Such a read may therefore run on the event loop, on a connection of its own
that gives up wherever it would take long: :class:`NotBrief` is raised, and the same read runs in a thread instead.

Guarantees: a statement runs for at most 40,000 steps of SQLite's machine (about two milliseconds); no value above
32 KiB and no result of more than 256 rows is read; a block has at most 64 statements, however deep the folders or
tags of tags are through which it goes; nothing waits for a lock; nothing is written; statements that are not prepared
(:mod:`entrepot.catalog.prepared`) do not run at all. Code that does much work for one row says so with
:meth:`entrepot.catalog.Read.expect`. If reads take long nevertheless, because of a slow disk or of threads
that keep the interpreter busy, none is brief for the next seconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

MAX_STEPS = 20_000
MAX_BYTES = 32 * 1024
MAX_ROWS = 256
MAX_STATEMENTS = 64
MAX_ENTRIES = 512
"""Maximum work of a transaction, in entries of a folder."""

# A single slow read says nothing: the thread may have waited for a processor. The mean of the latest fifty does.
_SLOW_S = 0.005
_COUNTED_S = 0.05
_WEIGHT = 0.02
_PAUSE_S = 5.0


class NotBrief(Exception):
    """The read takes too long for the event loop, or needs more than rows; run it again in a thread."""


class BriefReads:
    """The connection for brief reads of one catalog, and the rule whether this thread may only read briefly.

    Thread-safe; only one thread, that of the event loop, reads at a time.
    """

    def __init__(self, connect: Callable[[], sa.PoolProxiedConnection], dialect: sa.Dialect) -> None:
        """Prepare; the connection is opened by the first read.

        Args:
            connect: returns a connection that nothing else uses, which neither writes nor waits.
        """
        self._connect, self._dialect = connect, dialect
        self._local = threading.local()
        self._in_use = threading.Lock()
        self._connection: _BriefConnection | None = None
        self._transaction: BriefTransaction | None = None
        self._mean_s = self._paused_until = 0.0
        self._is_closed = False

    @property
    def is_active(self) -> bool:
        """Whether this thread is inside :meth:`only`."""
        return getattr(self._local, "is_active", False)

    @contextlib.contextmanager
    def only(self) -> Iterator[None]:
        """Make every transaction that this thread opens in the block a brief one.

        Raises:
            NotBrief: what the block does is not brief.
        """
        started = time.monotonic()
        if started < self._paused_until or not self._in_use.acquire(blocking=False):
            raise NotBrief
        self._local.is_active = True
        try:
            yield
        finally:
            self._local.is_active = False
            if self._transaction is not None:
                self._transaction.driver.end()
                self._transaction = None
            self._in_use.release()
            ended = time.monotonic()
            self._mean_s += (min(ended - started, _COUNTED_S) - self._mean_s) * _WEIGHT
            if self._mean_s > _SLOW_S:
                # After the pause, the first slow read is enough for the next one.
                self._mean_s, self._paused_until = _SLOW_S, ended + _PAUSE_S

    def transaction(self) -> BriefTransaction:
        """Return the transaction of the block, which reads one snapshot and ends with the block."""
        if self._transaction is None:
            connection = self._opened()
            connection.execute("BEGIN")
            self._transaction = BriefTransaction(connection, self._dialect)
        return self._transaction

    def close(self) -> None:
        """Close the connection; afterwards no read is brief."""
        with self._in_use:
            self._is_closed = True
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _opened(self) -> _BriefConnection:
        if self._is_closed:
            raise NotBrief
        if self._connection is None:
            try:
                self._connection = _BriefConnection(self._connect())
            except (sqlite3.Error, sa.exc.SQLAlchemyError) as error:
                raise NotBrief from error
        return self._connection


class BriefTransaction:
    """A transaction for prepared statements only."""

    def __init__(self, driver: _BriefConnection, dialect: sa.Dialect) -> None:
        self.driver, self.dialect = driver, dialect
        self._expected = 0

    @property
    def sql(self) -> sa.Connection:
        """Raise: the duration of a statement of SQLAlchemy is unknown."""
        raise NotBrief

    def expect(self, entries: int) -> None:
        """Count the work that is about to be done; raise if the total is too much for an event loop."""
        self._expected += entries
        if self._expected > MAX_ENTRIES:
            raise NotBrief


class _BriefConnection:
    """A connection of SQLite that gives up instead of working long or waiting."""

    def __init__(self, pooled: sa.PoolProxiedConnection) -> None:
        self._pooled = pooled
        driver: Any = pooled.dbapi_connection
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BYTES)
        driver.set_progress_handler(self._is_long, MAX_STEPS)
        self._driver = driver
        self._is_working = False
        self._statements = 0
        self._cursor: sqlite3.Cursor | None = None

    def execute(self, text: str, parameters: Any = ()) -> _BriefConnection:  # noqa: ANN401 -- as the driver takes them
        """Run a statement; its rows are fetched from this object."""
        self._is_working = False
        self._statements += 1
        if self._statements > MAX_STATEMENTS:
            raise NotBrief
        try:
            self._cursor = self._driver.execute(text, parameters)
        except sqlite3.Error as error:  # also a defect: it is found in the thread
            raise NotBrief from error
        return self

    def fetchall(self) -> Sequence[Any]:
        """Return all rows of the last statement if they are few and small."""
        assert self._cursor is not None
        try:
            rows = self._cursor.fetchmany(MAX_ROWS + 1)
        except sqlite3.Error as error:
            raise NotBrief from error
        if len(rows) > MAX_ROWS:
            raise NotBrief
        return rows

    def _is_long(self) -> bool:
        """Return whether this is the second call for a statement: SQLite counts its steps over all its runs."""
        is_second, self._is_working = self._is_working, True
        return is_second

    def end(self) -> None:
        """End the transaction."""
        self._statements = 0
        self._cursor = None  # an open one would keep the snapshot
        if self._driver.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # the next BEGIN fails then, and the read is not brief
                self._driver.rollback()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(sqlite3.Error, sa.exc.SQLAlchemyError):
            self._pooled.close()
