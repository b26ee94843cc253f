"""SQLite: write-ahead log, one fsync per commit, one writer at a time.

Every writing transaction is ``BEGIN IMMEDIATE``: a deferred transaction that reads first and writes
later fails immediately with "database is locked" if another one wrote in between.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as lite

from entrepot.catalog.brief_reads import BriefReads
from entrepot.catalog.dialects.interfaces import BeforeLocks, OpenSnapshot
from entrepot.catalog.dialects.snapshots import BEGUN, UNFLUSHED, BegunTransaction, begun_by_driver
from entrepot.catalog.dialects.stored_json import decode_stored
from entrepot.catalog.named_locks import AnyLock
from entrepot.catalog.tables import TEXT_INDEX
from entrepot.catalog.versions import ConnectionVersionWatch, VersionWatch
from entrepot.errors import Busy, DataFolderError, StoreFull

SYNCHRONOUS = "FULL"
"""When a commit is durable: ``FULL`` waits for the disk, so a loss of power loses nothing that was acknowledged."""

WRITING = "entrepot_writing"
"""The execution option of connections whose transactions take the write lock when they begin."""


class SQLite:
    """The dialect of SQLite."""

    has_one_writer = True

    def open(self, url: str, pool_size: int, wait_ms: int, connect_s: int) -> sa.Engine:
        """Create an engine; beyond the connections that it keeps, it may open as many again."""
        engine = sa.create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=wait_ms / 1000,
            json_deserializer=decode_stored,
            hide_parameters=True,  # errors end up in logs, where no token hash or content belongs
            connect_args={"check_same_thread": False, "timeout": wait_ms / 1000},
        )

        def prepare(connection: sqlite3.Connection, _record: object) -> None:
            # None disables the driver's implicit BEGIN; _begin issues it instead.
            connection.isolation_level = None
            _switch_to_wal(connection, wait_ms)
            connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -4096")
            connection.execute("PRAGMA temp_store = MEMORY")

        sa.event.listen(engine, "connect", prepare)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def reader(self, engine: sa.Engine) -> Callable[[], AbstractContextManager[OpenSnapshot]]:
        """Return a function that begins transactions with the driver: every one reads one snapshot."""
        return lambda: begun_by_driver(engine, _begin_reading)

    @contextlib.contextmanager
    def begin(
        self, connection: sa.Connection, locks: Sequence[AnyLock], ahead: BeforeLocks | None = None
    ) -> Iterator[BegunTransaction]:
        """Begin a transaction that holds the write lock of the database, whatever the names are.

        It has no receipt, because no connection to a file is lost.
        """
        with _unflushed(connection), connection.execution_options(**{WRITING: True}).begin():
            yield BegunTransaction(connection)

    def insert(self, table: sa.Table) -> lite.Insert:
        """Return SQLite's insert."""
        return lite.insert(table)

    def translate(self, error: sa.exc.DBAPIError) -> Exception | None:
        """Return the project's error for one of the driver, or None for a defect."""
        text = str(error.orig)
        if isinstance(error, sa.exc.OperationalError):
            if "locked" in text or "busy" in text:
                return Busy("the database")
            return StoreFull(text) if "full" in text else DataFolderError("(database)", text)
        # A subclass stands for a violated constraint or a wrong statement.
        return DataFolderError("(database)", text) if type(error) is sa.exc.DatabaseError else None

    def create_text_index(self, connection: sa.Connection) -> None:
        """Create the full-text index as a table of FTS5."""
        connection.exec_driver_sql(TEXT_INDEX)

    def watch(self, engine: sa.Engine) -> VersionWatch:
        """Return a watch that reads ``PRAGMA data_version`` on a connection that never writes.

        Source: https://www.sqlite.org/pragma.html#pragma_data_version.
        """

        return ConnectionVersionWatch(lambda: _reading(engine), _data_version, sqlite3.Error, is_immediate=True)

    def brief(self, engine: sa.Engine) -> BriefReads:
        """Return the connection for brief reads: a writer never blocks them, and nothing else needs to be awaited."""
        return BriefReads(lambda: _reading(engine), engine.dialect)

    def copy(self, engine: sa.Engine, target: Path) -> None:
        """Copy the database with SQLite's own backup, and check the copy."""
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


@contextlib.contextmanager
def _unflushed(connection: sa.Connection) -> Iterator[None]:
    """Let the connection not wait for the disk in the block, if its option says so.

    The log is flushed as a whole: with the next commit that waits, or before it is copied into the database.
    Source: SQLite, "PRAGMA synchronous".
    """
    if not connection.get_execution_options().get(UNFLUSHED, False) or SYNCHRONOUS != "FULL":
        yield
        return
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")


def _begin_reading(pooled: sa.PoolProxiedConnection) -> Any:  # noqa: ANN401 -- as the driver's
    driver: Any = pooled.dbapi_connection
    driver.execute("BEGIN")
    return driver


def _reading(engine: sa.Engine) -> sa.PoolProxiedConnection:
    """Return a connection beside the pool that never writes, and never waits."""
    connection = engine.raw_connection()
    connection.detach()
    driver: Any = connection.dbapi_connection
    driver.execute("PRAGMA query_only = ON")  # own commits would not change the version
    driver.execute("PRAGMA busy_timeout = 0")
    return connection


def _data_version(connection: object) -> int:
    assert isinstance(connection, sqlite3.Connection)
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _switch_to_wal(connection: sqlite3.Connection, wait_ms: int) -> None:
    # Processes that open a new database at the same time collide here, and SQLite fails with
    # "database is locked" without waiting for its busy timeout, so this function retries.
    deadline = time.monotonic() + wait_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get(BEGUN, False):
        return
    writing = options.get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
