"""Transactions that read one snapshot, begun by SQLAlchemy or by the driver alone."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import sqlalchemy as sa

from entrepot.catalog.dialects.interfaces import Receipt
from entrepot.catalog.named_locks import Lock

BEGUN = "entrepot_begun"
"""The execution option of connections whose transaction the driver has begun already."""

UNFLUSHED = "entrepot_unflushed"
"""The execution option of connections whose writing transactions do not wait for the disk when they end."""


class BegunTransaction:
    """A transaction that SQLAlchemy has begun, and that can write."""

    def __init__(self, connection: sa.Connection) -> None:
        self.sql = connection
        self.dialect = connection.dialect

    @functools.cached_property
    def driver(self) -> DriverConnection:
        """The driver's connection."""
        return self.sql.connection.dbapi_connection

    def receipt(self) -> Receipt | None:
        """Return None: the transaction cannot be found again after its connection was lost."""
        return None

    def lock_late(self, lock: Lock) -> None:
        """Do nothing: the transaction is the only one that writes."""


DriverConnection: TypeAlias = Any
"""A connection of a driver, or what takes its place: ``execute`` returns an object with ``fetchall``.

It may have ``execute_before``, which runs a statement without beginning the transaction for it; ``defer``, which runs a
change together with the next statement; ``flush``, which runs these changes now,
before SQLAlchemy uses the connection; and ``leave``, which ends a transaction at less cost than SQLAlchemy does.
"""


class DriverTransaction:
    """A transaction that the driver has begun; SQLAlchemy's connection is made if a statement needs it."""

    def __init__(self, engine: sa.Engine, pooled: sa.PoolProxiedConnection, driver: DriverConnection) -> None:
        self._engine = engine
        self._pooled = pooled
        self._sql: sa.Connection | None = None
        self.dialect = engine.dialect
        self.driver = driver

    @property
    def sql(self) -> sa.Connection:
        """SQLAlchemy's connection."""
        if self._sql is None:
            if (flush := getattr(self.driver, "flush", None)) is not None:
                flush()
            self._sql = sa.Connection(self._engine, self._pooled).execution_options(**{BEGUN: True})
            self._sql.begin()
        return self._sql

    def end(self) -> None:
        """End the transaction by returning its connection."""
        if self._sql is not None:
            if (leave := getattr(self.driver, "leave", None)) is not None:
                leave()
            self._sql.close()
            return
        if getattr(self.driver, "is_lost", False):
            self._pooled.invalidate()
        self._pooled.close()


@contextlib.contextmanager
def begun_by_driver(
    engine: sa.Engine, begin: Callable[[sa.PoolProxiedConnection], DriverConnection]
) -> Iterator[DriverTransaction]:
    """Begin a transaction on a connection of the driver; it is rolled back at the end.

    Args:
        begin: begins it and returns what runs its statements.
    """
    failure = engine.dialect.loaded_dbapi.Error
    pooled: sa.PoolProxiedConnection | None = None
    transaction: DriverTransaction | None = None
    try:
        pooled = engine.raw_connection()  # which may have to connect first
        transaction = DriverTransaction(engine, pooled, begin(pooled))
        yield transaction
    except failure as error:
        raise sa.exc.DBAPIError.instance(None, None, error, failure, dialect=engine.dialect) from error
    finally:
        if transaction is not None:
            transaction.end()
        elif pooled is not None:
            pooled.close()
