"""Read-only transactions of PostgreSQL, run with the functions of libpq.

psycopg's cursors take three times the processor time of libpq for a message, and a read of a few rows takes six
messages or more. psycopg's own adapters convert the values, in their binary form.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from entrepot.catalog.dialects.snapshots import DriverConnection

_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_KNOWN = b"SELECT name FROM pg_prepared_statements"
_AUTO, _TEXT = PyFormat.AUTO, PyFormat.TEXT
_PREPARED = "entrepot_prepared"
_PLACE = re.compile(r"%%|%\(([^)]+)\)s")
_SMALL_INTEGERS, _INTEGER = frozenset({21, 23}), 20
"""How PostgreSQL numbers int2 and int4, and int8."""
_ENDS = (None, "57P01", "57P02")  # the second and third: the server is stopped, or has crashed
_NO_SUCH_STATEMENT, _IS_PREPARED = "26000", "42P05"


class PreparedConnection:
    """A connection inside a transaction that reads; it prepares each statement once. Not thread-safe."""

    def __init__(self, connection: psycopg.Connection[Any], on_loss: Callable[[], None]) -> None:
        """Prepare for transactions on a connection.

        Args:
            on_loss: called when the connection turns out to be lost.
        """
        self._on_loss = on_loss
        self._pgconn = connection.pgconn
        self._values = Transformer(connection)
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._outdated: list[bytes] = []
        self._is_suspect = False
        self._is_lost = False
        self._rows: list[tuple[Any, ...]] = []

    @property
    def is_lost(self) -> bool:
        """Whether the server has closed the connection."""
        return self._is_lost or self._pgconn.status == ConnStatus.BAD

    def begin(self) -> None:
        """Begin a transaction, which sees one snapshot.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        self._checked(self._pgconn.exec_, _BEGIN)
        if self._is_suspect:
            found = self._checked(self._pgconn.exec_, _KNOWN)
            known = {found.get_value(row, 0) for row in range(found.ntuples)}
            self._names = {key: name for key, name in self._names.items() if name in known}
            self._outdated = [name for name in self._outdated if name in known]
            self._is_suspect = False
        while self._outdated:
            self._checked(self._pgconn.exec_, b"DEALLOCATE " + self._outdated.pop())

    def end(self) -> None:
        """End the transaction, if there is one.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        if self._pgconn.transaction_status != TransactionStatus.IDLE:
            self._checked(self._pgconn.exec_, b"ROLLBACK")

    def suspect(self) -> None:
        """Look which statements are still prepared before the next one: psycopg drops all after a rollback."""
        self._is_suspect = True

    def execute(self, text: str, parameters: Mapping[str, Any]) -> PreparedConnection:
        """Run a statement; its rows are fetched from this object.

        Args:
            text: with named parameters as psycopg takes them.

        Raises:
            psycopg.Error: as psycopg's cursor.
        """
        numbered, order = _numbered(text)
        values = self._values
        bound = [parameters[name] for name in order]
        given: Any = values.dump_sequence(bound, [_TEXT if type(value) is int else _AUTO for value in bound])
        formats = values.formats or ()
        # psycopg gives integers the type of their size; with one type for all, a statement is prepared once.
        types = tuple(
            _INTEGER if kind in _SMALL_INTEGERS and form == Format.TEXT else kind
            for kind, form in zip(values.types or (), formats, strict=True)
        )
        name = self._names.get((text, types))
        if name is None:
            name = _name_of(numbered, types)
            self._checked(self._pgconn.prepare, name, numbered, types)
            self._names[text, types] = name
        try:
            result = self._checked(self._pgconn.exec_prepared, name, given, formats, Format.BINARY)
        except psycopg.errors.FeatureNotSupported as error:
            # Its result has other types: it is prepared anew by the next transaction, as psycopg does it.
            self._outdated.append(self._names.pop((text, types)))
            raise psycopg.OperationalError("the tables of a prepared statement have changed") from error
        values.set_pgresult(result)
        self._rows = values.load_rows(0, result.ntuples, tuple)
        return self

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        """Return all rows of the last statement."""
        return self._rows

    def _checked(self, call: Callable[..., PGresult], *values: object) -> PGresult:
        """Return what the server answers.

        Raises:
            psycopg.OperationalError: the connection is lost, or its statements were changed by others.
            psycopg.Error: the server refuses the statement.
        """
        try:
            result = call(*values)
        except psycopg.OperationalError:
            self._lose()
            raise
        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            return result
        error = error_from_result(result)
        if error.sqlstate in _ENDS or self._pgconn.status == ConnStatus.BAD:
            # An error without a state is one of libpq; its connection may still be called good.
            self._lose()
            raise psycopg.OperationalError(str(error))
        if error.sqlstate in (_NO_SUCH_STATEMENT, _IS_PREPARED):
            self._is_suspect = True
            raise psycopg.OperationalError("another user of the connection has changed its prepared statements")
        raise error

    def _lose(self) -> None:
        self._is_lost = True
        self._on_loss()


def begin_reading(on_loss: Callable[[], None], pooled: sa.PoolProxiedConnection) -> DriverConnection:
    """Begin a transaction on a pooled connection, and return what runs its statements.

    Args:
        on_loss: called when the connection turns out to be lost, now or later.

    Raises:
        psycopg.OperationalError: the connection is lost.
    """
    info = pooled.info
    found: PreparedConnection | None = info.get(_PREPARED)
    if found is None:
        connection: Any = pooled.dbapi_connection
        found = info[_PREPARED] = PreparedConnection(connection, on_loss)
    try:
        found.begin()
    except psycopg.OperationalError:
        if found.is_lost:
            pooled.invalidate()
        raise
    return found


def end_transaction(connection: Any, record: sa.pool.ConnectionPoolEntry | None, _state: object) -> None:  # noqa: ANN401
    """End the transaction of a connection that is given back, as an event of the pool."""
    prepared: PreparedConnection | None = None if record is None else record.info.get(_PREPARED)
    if prepared is not None:
        prepared.end()
    elif connection.pgconn.transaction_status != TransactionStatus.IDLE:
        connection.rollback()


def suspect_statements(connection: sa.Connection) -> None:
    """Note that psycopg is about to roll back, as an event of the engine."""
    if connection.invalidated:
        return
    prepared: PreparedConnection | None = connection.connection.info.get(_PREPARED)
    if prepared is not None:
        prepared.suspect()


def _name_of(numbered: bytes, types: tuple[int, ...]) -> bytes:
    """Return the name of a statement: no other one has it, so a pooler that mixes connections never mixes answers."""
    return b"entrepot_" + hashlib.blake2b(repr((numbered, types)).encode(), digest_size=16).hexdigest().encode()


@functools.cache
def _numbered(text: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with numbered parameters, and their names in order."""
    order: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${order.setdefault(name, len(order) + 1)}"

    return _PLACE.sub(place, text).encode(), tuple(order)
