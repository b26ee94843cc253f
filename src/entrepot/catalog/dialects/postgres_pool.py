"""Prepared connections of SQLAlchemy's pool: how they take part in its transactions, and what its events do to them.

The connections themselves are in :mod:`entrepot.catalog.dialects.postgres_statements`. PostgreSQL's driver is imported
only if such a database is opened.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus

from entrepot.catalog.dialects.postgres_hosts import addresses_of
from entrepot.catalog.dialects.postgres_stalls import StallGuard
from entrepot.catalog.dialects.postgres_statements import BEGIN_WRITING, PreparedConnection
from entrepot.catalog.dialects.snapshots import DriverConnection

_PREPARED = "entrepot_prepared"
"""The key of the prepared connection in the information of a pooled one."""


def watch_for_stalls(engine: sa.Engine, patience_s: float) -> StallGuard:
    """Return the guard of an engine, which gives up its connections to a server that hangs.

    Args:
        patience_s: how long a server that hangs may take to accept one more connection.
    """
    guard = StallGuard(patience_s)

    def prepare(_dialect: object, _record: object, args: Sequence[Any], options: dict[str, Any]) -> None:
        guard.check_may_connect(args, options)
        options.update(addresses_of(options, patience_s))

    sa.event.listen(engine, "do_connect", prepare)
    sa.event.listen(engine, "connect", lambda connection, _record: guard.add(connection))
    sa.event.listen(engine, "checkout", lambda connection, _record, _proxy: guard.begin(connection))
    sa.event.listen(engine, "checkin", lambda connection, _record: guard.end(connection))
    sa.event.listen(engine, "detach", lambda connection, _record: guard.release(connection))
    sa.event.listen(engine, "engine_disposed", lambda _engine: guard.close())
    weakref.finalize(engine, guard.close)
    return guard


def begin_reading(on_loss: Callable[[], None], pooled: sa.PoolProxiedConnection) -> DriverConnection:
    """Begin a transaction on a pooled connection, and return the driver's connection.

    Args:
        on_loss: called when the connection turns out to be lost, now or later.

    Raises:
        psycopg.OperationalError: the connection is lost.
    """
    found = _prepared_on(on_loss, pooled)
    try:
        found.begin()
    except psycopg.OperationalError:
        if found.is_lost:
            pooled.invalidate()
        raise
    return found


def join_transaction(on_loss: Callable[[], None], connection: sa.Connection) -> DriverConnection:
    """Return the driver's connection in the transaction of SQLAlchemy's connection, which can write.

    Args:
        on_loss: as for :func:`begin_reading`.

    Raises:
        sqlalchemy.exc.DBAPIError: the connection is lost.
    """
    found = _prepared_on(on_loss, connection.connection)
    with translated(connection):
        found.take_part(BEGIN_WRITING)
    return found


@contextlib.contextmanager
def translated(connection: sa.Connection) -> Iterator[None]:
    """Raise errors of the driver as those of SQLAlchemy."""
    try:
        yield
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance(None, None, error, psycopg.Error, dialect=connection.dialect) from error


def _prepared_on(on_loss: Callable[[], None], pooled: sa.PoolProxiedConnection) -> PreparedConnection:
    found: PreparedConnection | None = pooled.info.get(_PREPARED)
    if found is None:
        connection: Any = pooled.dbapi_connection
        found = pooled.info[_PREPARED] = PreparedConnection(connection, on_loss)
    return found


def end_transaction(connection: Any, record: sa.pool.ConnectionPoolEntry | None, _state: object) -> None:  # noqa: ANN401
    """End the transaction of a connection that is given back, as an event of the pool; nothing waits for that.

    One that is lost is replaced: whoever used it has been told.
    """
    prepared: PreparedConnection | None = None if record is None else record.info.get(_PREPARED)
    if prepared is not None:
        prepared.end_later()
    elif connection.closed:
        if record is not None:
            record.invalidate()
    elif connection.pgconn.transaction_status != TransactionStatus.IDLE:
        connection.rollback()


def await_end(record: sa.pool.ConnectionPoolEntry) -> None:
    """Wait until a connection that was given back is ready.

    Raises:
        psycopg.OperationalError: it is lost.
    """
    prepared: PreparedConnection | None = record.info.get(_PREPARED)
    if prepared is not None:
        prepared.await_end()


def send_deferred(connection: sa.Connection, *_statement: object) -> None:
    """Run the changes that wait before a statement of SQLAlchemy, as an event of the engine.

    Raises:
        sqlalchemy.exc.DBAPIError: one of them failed.
    """
    prepared: PreparedConnection | None = connection.connection.info.get(_PREPARED)
    if prepared is not None:
        with translated(connection):
            prepared.send_deferred()


def suspect_statements(connection: sa.Connection) -> None:
    """Note that psycopg is about to roll back, as an event of the engine."""
    if connection.invalidated:
        return
    driver: Any = connection.connection.dbapi_connection
    prepared: PreparedConnection | None = connection.connection.info.get(_PREPARED)
    if prepared is not None and driver.pgconn.transaction_status != TransactionStatus.IDLE:
        prepared.suspect()
