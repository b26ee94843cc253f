"""Creation of database engines, the queue of writers of a process, and inserts that respect existing rows."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from entrepot.catalog import dialects
from entrepot.catalog.dialects.interfaces import Upsert
from entrepot.catalog.prepared import PreparedWrite, WriteConnection
from entrepot.errors import Busy, DatabaseUnavailable

_log = logging.getLogger("entrepot.catalog")

_BUSY_TIMEOUT_MS = 30_000


def make_engine(url: str, *, pool_size: int = 16, connect_s: int = 10) -> sa.Engine:
    """Create an engine for a database.

    Args:
        url: an SQLAlchemy URL, ``sqlite:///…`` or ``postgresql://…``.
        pool_size: connections kept open.
        connect_s: how long to wait for the server of the database when connecting.

    Raises:
        DataFolderError: the dialect is not supported.
    """
    return dialects.of_url(url).open(url, pool_size, _BUSY_TIMEOUT_MS, connect_s)


class WriteLock:
    """A lock that queues the writers of this process, so that they do not poll SQLite's file lock.

    It also knows which threads write, for databases whose writers need not queue.
    """

    def __init__(self, *, queues: bool = True) -> None:
        self._lock = threading.Lock() if queues else None
        self._local = threading.local()

    def held(self) -> bool:
        """Return whether this thread is inside a writing transaction."""
        return getattr(self._local, "held", False)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Acquire the lock for the duration of the block.

        The lock is not reentrant: a thread that holds it already is a programming error.

        Raises:
            Busy: the lock was not free within 30 seconds.
        """
        assert not self.held(), "this thread is inside a writing transaction already"
        if self._lock is not None and not self._lock.acquire(timeout=_BUSY_TIMEOUT_MS / 1000):
            raise Busy("the database")
        self._local.held = True
        try:
            yield
        finally:
            self._local.held = False
            if self._lock is not None:
                self._lock.release()


def insert_missing(
    tx: WriteConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, refresh: Sequence[str] = ()
) -> None:
    """Insert the rows whose primary key is free; of the others, update only the columns in ``refresh``.

    Args:
        rows: all with the same columns.
    """
    if rows:
        _insert_missing(table, tuple(rows[0]), tuple(refresh)).run_all(tx, rows)


@functools.cache
def _insert_missing(table: sa.Table, columns: tuple[str, ...], refresh: tuple[str, ...]) -> PreparedWrite:
    return PreparedWrite(functools.partial(_missing, table, refresh), columns)


def _missing(table: sa.Table, refresh: tuple[str, ...], dialect: str) -> Upsert:
    keys = [column.name for column in table.primary_key.columns]
    insert = dialects.named(dialect).insert(table)
    if not refresh:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_={c: insert.excluded[c] for c in refresh})


def count_up(tx: WriteConnection, table: sa.Table, row: Mapping[str, Any], column: str) -> None:
    """Insert a row, or add its ``column`` to that of the existing row with the same primary key."""
    _count_up(table, tuple(row), column).run_all(tx, [row])


@functools.cache
def _count_up(table: sa.Table, columns: tuple[str, ...], column: str) -> PreparedWrite:
    return PreparedWrite(functools.partial(_counted, table, column), columns)


def _counted(table: sa.Table, column: str, dialect: str) -> Upsert:
    keys = [c.name for c in table.primary_key.columns]
    insert = dialects.named(dialect).insert(table)
    return insert.on_conflict_do_update(index_elements=keys, set_={column: table.c[column] + insert.excluded[column]})


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Translate operational errors of the database driver into the project's errors.

    Raises:
        Busy: the database stayed locked for 30 seconds, or no connection was free.
        DatabaseUnavailable: the server of the database cannot be reached; the log says why.
        StoreFull: the disk that holds the database is full.
        DataFolderError: the database cannot be read or written at all.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        of_driver = type(error.orig).__module__.partition(".")[0]
        found = dialects.of_url("postgresql" if of_driver == "psycopg" else "sqlite").translate(error)
        if found is None:
            raise  # a violated constraint or a wrong statement, which is a bug
        if isinstance(found, DatabaseUnavailable):
            _log.warning("database.unavailable reason=%r", found.detail)
        raise found from error
    except sa.exc.TimeoutError as error:
        raise Busy("the database") from error
