"""Creation of database engines; the only module that knows the SQL dialects.

SQLite: write-ahead log, one fsync per commit. Every writing transaction is
``BEGIN IMMEDIATE``: a deferred transaction that reads first and writes later
fails immediately with "database is locked" if another one wrote in between.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from entrepot.errors import Busy, DataFolderError, StoreFull

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

_BUSY_TIMEOUT_MS = 30_000
_WRITING = "entrepot_writing"


def make_engine(url: str, *, pool_size: int = 16) -> sa.Engine:
    """Create an engine for a database.

    Args:
        url: an SQLAlchemy URL, ``sqlite:///…``.
        pool_size: connections kept open; as many more may be opened temporarily.

    Raises:
        DataFolderError: the dialect is not supported.
    """
    if not url.startswith("sqlite:"):
        raise DataFolderError(url.split(":", 1)[0], "this version supports SQLite databases only")
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=_BUSY_TIMEOUT_MS / 1000,
        hide_parameters=True,  # errors end up in logs, where no token hash or content belongs
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # None disables the driver's implicit BEGIN; _begin_sqlite issues it instead.
    connection.isolation_level = None
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -4096")
    connection.execute("PRAGMA temp_store = MEMORY")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # Processes that open a new database at the same time collide here, and SQLite fails with
    # "database is locked" without waiting for its busy timeout, so this function retries.
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def copy_database(engine: sa.Engine, target: Path) -> None:
    """Copy a snapshot of the database into a new file that only its owner can read.

    Raises:
        sqlalchemy.exc.OperationalError, DataFolderError: the copy is incomplete.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(sqlite3.connect(target)) as copied, engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            driver.backup(copied)  # all pages in one step: a read transaction, which blocks no writer
            copied.execute("PRAGMA journal_mode = DELETE")  # a single file without a write-ahead log
            (state,) = copied.execute("PRAGMA quick_check").fetchone()
        except sqlite3.Error as error:
            raise DataFolderError(str(target), str(error)) from error
    if state != "ok":
        raise DataFolderError(str(target), f"the copy of the database is damaged: {state}")
    fd = os.open(target, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class WriteLock:
    """A lock that queues the writers of this process, so that they do not poll SQLite's file lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
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
        if not self._lock.acquire(timeout=_BUSY_TIMEOUT_MS / 1000):
            raise Busy("the database")
        self._local.held = True
        try:
            yield
        finally:
            self._local.held = False
            self._lock.release()


def writing_connection(engine: sa.Engine) -> sa.Connection:
    """Return a connection whose transactions take the write lock when they begin."""
    return engine.connect().execution_options(**{_WRITING: True})


def insert_missing(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, refresh: Sequence[str] = ()
) -> None:
    """Insert the rows whose primary key is free; of the others, update only the columns in ``refresh``."""
    if not rows:
        return
    connection.execute(_insert_missing(connection.dialect.name, table, tuple(refresh)), rows)


@functools.cache
def _insert_missing(dialect: str, table: sa.Table, refresh: tuple[str, ...]) -> sa.Insert:
    keys = [column.name for column in table.primary_key.columns]
    insert = sqlite.insert(table) if dialect == "sqlite" else _postgresql_insert(table)
    if not refresh:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_={c: insert.excluded[c] for c in refresh})


def _postgresql_insert(table: sa.Table) -> postgresql.Insert:
    # Imported only if it is used: it takes 2 MB.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def count_up(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], column: str) -> None:
    """Insert a row, or add its ``column`` to that of the existing row with the same primary key."""
    keys = [c.name for c in table.primary_key.columns]
    if connection.dialect.name == "sqlite":
        lite = sqlite.insert(table)
        connection.execute(
            lite.on_conflict_do_update(index_elements=keys, set_={column: table.c[column] + lite.excluded[column]}),
            row,
        )
        return
    post = _postgresql_insert(table)
    connection.execute(
        post.on_conflict_do_update(index_elements=keys, set_={column: table.c[column] + post.excluded[column]}), row
    )


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Translate operational errors of the database driver into the project's errors.

    Raises:
        Busy: the database stayed locked for 30 seconds, or no connection was free.
        StoreFull: the disk that holds the database is full.
        DataFolderError: the database cannot be read or written at all.
    """
    try:
        yield
    except sa.exc.OperationalError as error:
        text = str(error.orig)
        if "locked" in text or "busy" in text:
            raise Busy("the database") from error
        if "full" in text:
            raise StoreFull(text) from error
        raise DataFolderError("(database)", text) from error
    except sa.exc.DatabaseError as error:
        if type(error) is not sa.exc.DatabaseError:
            raise  # a subclass: a violated constraint or a wrong statement, which is a bug
        raise DataFolderError("(database)", str(error.orig)) from error
    except sa.exc.TimeoutError as error:
        raise Busy("the database") from error
