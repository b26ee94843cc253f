"""Read-only transactions of PostgreSQL, and prepared statements of writing ones, run with the functions of libpq.

psycopg's cursors take three times the processor time of libpq for a message, and a read of a few rows takes six
messages or more. psycopg's own adapters convert the values, in their binary form.

A message and its answer cost about as much as the statement itself, on both sides. Therefore the statement that begins
a transaction, changes whose results are not needed, and the end of the transaction travel together with the next
statement (:mod:`entrepot.catalog.dialects.postgres_messages`). Code that knows what else it is going to read says so
(:meth:`PreparedConnection.ask_ahead`), and it travels along.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, TypeAlias

import attrs
import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format, TransactionStatus
from psycopg.pq.abc import PGresult

from entrepot.catalog.dialects.postgres_messages import Command, MessageConnection, PreparedCall

_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_WRITING = b"BEGIN ISOLATION LEVEL READ COMMITTED"
_COMMIT = b"COMMIT"
_LOCK = (
    "SELECT CAST(pg_current_xact_id() AS text), count(pg_advisory_xact_lock(kind, number)) "
    "FROM unnest(CAST(%(kinds)s AS int[]), CAST(%(numbers)s AS int[])) AS locks(kind, number)"
)
_KNOWN = b"SELECT name FROM pg_prepared_statements"
_AUTO, _TEXT = PyFormat.AUTO, PyFormat.TEXT
_PLACE = re.compile(r"%%|%\(([^)]+)\)s")
_SMALL_INTEGERS, _INTEGER = frozenset({21, 23}), 20
"""How PostgreSQL numbers int2 and int4, and int8."""
_MAX_DEFERRED = 64
"""Changes that wait for the next message of their transaction."""

_StatementKey: TypeAlias = "tuple[str, tuple[int, ...]]"
"""A statement with the types of its parameters."""

_Bound: TypeAlias = "tuple[_StatementKey, PreparedCall]"

_Asked: TypeAlias = "_Bound | tuple[None, Command]"

_Rows: TypeAlias = "Sequence[tuple[Any, ...]]"

_Execution: TypeAlias = "tuple[str, Mapping[str, Any]]"
"""A statement and its parameters."""

Answer: TypeAlias = "tuple[str, Mapping[str, Any], _Rows]"
"""A statement, its parameters and its rows."""


@attrs.frozen
class _AskedAhead:
    """A statement that travels with the next one.

    ``answered``: returns what its rows answer, if anything; ``tables``: the names of the tables that it reads.
    """

    text: str
    parameters: Mapping[str, Any]
    bound: _Bound
    answered: Callable[[_Rows], Answer | None]
    tables: Set[str]


class PreparedConnection:
    """A connection inside a transaction; it prepares each statement once. Not thread-safe."""

    def __init__(self, connection: psycopg.Connection[Any], on_loss: Callable[[], None]) -> None:
        """Prepare for transactions on a connection.

        Args:
            on_loss: called when the connection turns out to be lost.
        """
        self._pgconn = connection.pgconn
        self._messages = MessageConnection(connection.pgconn, on_loss)
        self._values = Transformer(connection)
        self._names: dict[_StatementKey, bytes] = {}
        self._outdated: list[bytes] = []
        self._opening: bytes | None = None
        """The statement that begins the transaction, before it is sent."""
        self._deferred: list[_Bound] = []
        self._is_reading = False
        self._announced: list[_Execution] = []
        self._ahead: list[_AskedAhead] = []
        self._answers: list[tuple[Answer, Set[str]]] = []
        self._is_ending = False
        self._rows: _Rows = ()
        self._count = 0

    @property
    def is_lost(self) -> bool:
        """Whether the server has closed the connection."""
        return self._messages.is_lost

    @property
    def has_begun(self) -> bool:
        """Whether a statement of the transaction was sent, or waits to be."""
        return bool(self._deferred) or self._pgconn.transaction_status != TransactionStatus.IDLE

    def begin(self) -> None:
        """Begin a transaction, which sees one snapshot: the one of its first statement, with which it is sent.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        self._check_names()
        self._opening = _BEGIN
        self._is_reading = True

    def flush(self) -> None:
        """Send what waits for the next statement, because that one will not come from this object.

        Raises:
            psycopg.Error: as psycopg's cursor; the first error of all.
        """
        if self._opening is not None or self._deferred:
            self._run([])

    def send_deferred(self) -> None:
        """Send the changes that wait, if there are any, before a statement that may change anything itself.

        Errors as :meth:`flush`.
        """
        self.forget_answers(None)
        if self._deferred:
            self._run([])

    def end(self) -> None:
        """End the transaction, if there is one; changes that were not sent are dropped.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        self._forget()
        if self._pgconn.transaction_status != TransactionStatus.IDLE:
            self._messages.checked(self._pgconn.exec_, b"ROLLBACK")

    def end_later(self) -> None:
        """Send the end of the transaction, if there is one; :meth:`await_end` comes before the next use.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        pgconn = self._pgconn
        self._forget()
        if pgconn.transaction_status == TransactionStatus.INTRANS:
            self._messages.called(pgconn.send_query, b"ROLLBACK")
            self._is_ending = True
        else:
            self.end()

    def await_end(self) -> None:
        """Receive the answer to :meth:`end_later`, which has usually arrived.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        if not self._is_ending:
            return
        self._is_ending = False
        self._messages.await_result()

    def lock(self, locks: Sequence[tuple[int, int]]) -> str:
        """Take advisory locks, in this order, until the transaction ends; return its number.

        The message that takes them begins the transaction, if SQLAlchemy has not sent anything yet, and carries what
        was asked ahead, which the server reads when it has taken them.

        Args:
            locks: each as two numbers of 32 bits.

        Raises:
            psycopg.Error: the connection is lost, a lock stayed taken, or a statement that was asked ahead failed.
        """
        self.forget_answers(None)  # they may have changed before the locks were taken
        kinds, numbers = ("{" + ",".join(map(str, part)) + "}" for part in zip(*locks, strict=True))
        taken = self._run_with_ahead(self._bind(_LOCK, {"kinds": kinds, "numbers": numbers}), self._take_ahead())
        number: str = self._loaded(taken)[0][0]
        return number

    def leave(self) -> None:
        """Roll back the transaction before SQLAlchemy, which also used the connection, makes psycopg do so.

        psycopg drops all prepared statements of a connection when it rolls back, including those that are not its own.
        """
        with contextlib.suppress(psycopg.OperationalError):  # SQLAlchemy finds out
            self.end()

    def take_part(self, begin: bytes) -> None:
        """Run the following statements in the transaction that SQLAlchemy has begun on the connection.

        Args:
            begin: the statement that begins it, sent with the next one if SQLAlchemy has not sent anything until then.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        self._check_names()
        self._forget()
        if self._pgconn.transaction_status == TransactionStatus.IDLE:
            self._opening = begin

    def commit(self) -> None:
        """Send the changes that wait, and commit; nothing is sent if nothing was to be done.

        Raises:
            psycopg.Error: a change has failed, now or before, so the transaction is to be rolled back.
        """
        if not self.has_begun:
            return
        [result] = self._run([(None, (_COMMIT,))])
        if result.command_status != _COMMIT:
            # The server answers so if a statement had failed, and its error was not passed on.
            raise psycopg.errors.InFailedSqlTransaction("a statement of the transaction has failed")

    def suspect(self) -> None:
        """Look which statements are still prepared before the next one: psycopg drops all after a rollback."""
        self._forget()
        self._messages.is_suspect = True

    def execute(self, text: str, parameters: Mapping[str, Any]) -> PreparedConnection:
        """Run a statement; its rows are fetched from this object.

        Args:
            text: with named parameters as psycopg takes them.

        Raises:
            psycopg.Error: as psycopg's cursor.
        """
        rows = self._answer(text, parameters)
        if rows is not None:
            self._count, self._rows = len(rows), rows
            return self
        asked = self._bind(text, parameters)
        if self._ahead:
            ahead = self._take_ahead()
            others = [one for one in ahead if not _are_equal((one.text, one.parameters), (text, parameters))]
            result = self._run_with_ahead(asked, others)
        elif self._opening is None and not self._deferred:
            key, call = asked
            result = self._messages.called(self._pgconn.exec_prepared, *call)
            self._raise_failure_of(key, result)
        else:
            [result] = self._run([asked])
        self._count = result.command_tuples or 0
        self._rows = self._loaded(result)
        return self

    def ask_ahead(
        self,
        text: str,
        parameters: Mapping[str, Any],
        tables: Set[str],
        answered: Callable[[_Rows], Answer | None] | None = None,
    ) -> None:
        """Run a statement together with the next one; if it is executed later, its rows are there already.

        Without a next one, it does not run; announced twice, it runs once. In a transaction that can write, it runs
        after the next statement, and its rows answer one execution, unless the transaction has taken further locks or
        changed one of the tables before: there, they are as old as if the statement had been executed earlier.

        Args:
            tables: the names of those that it reads.
            answered: returns which other statement the rows answer; without it, they are those of this one.

        Raises:
            psycopg.Error: as :meth:`execute`.
        """
        if not any(_are_equal(known, (text, parameters)) for known in self._announced):
            self._announced.append((text, parameters))
            whole = answered or (lambda rows: (text, parameters, rows))
            self._ahead.append(_AskedAhead(text, parameters, self._bind(text, parameters), whole, tables))

    def forget_answers(self, table: str | None) -> None:
        """Forget the rows that were asked ahead from a table that is about to change; None: from all tables."""
        if self._answers and not self._is_reading:
            self._answers = [] if table is None else [known for known in self._answers if table not in known[1]]

    def execute_before(self, text: str, parameters: Mapping[str, Any]) -> PreparedConnection:
        """Run a statement as :meth:`execute`, but in front of the transaction if that has not begun.

        A transaction that then runs no other statement is neither begun nor ended, which costs as much as a statement.
        """
        if self._deferred or self._ahead:
            return self.execute(text, parameters)
        opening, self._opening = self._opening, None
        try:
            return self.execute(text, parameters)
        finally:
            self._opening = opening

    def defer(self, text: str, parameters: Mapping[str, Any]) -> None:
        """Run a statement, without its rows, before the next one of the transaction or before its end.

        Its errors are raised there.

        Raises:
            psycopg.Error: as :meth:`execute`, for statements that were deferred before.
        """
        self._deferred.append(self._bind(text, parameters))
        if len(self._deferred) >= _MAX_DEFERRED:
            self.flush()

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""
        return self._count

    def fetchall(self) -> _Rows:
        """Return all rows of the last statement."""
        return self._rows

    def _check_names(self) -> None:
        """Ask which statements are still prepared, if that is in doubt, and drop those to be prepared again."""
        if self._messages.is_suspect:
            found = self._messages.checked(self._pgconn.exec_, _KNOWN)
            known = {found.get_value(row, 0) for row in range(found.ntuples)}
            self._names = {key: name for key, name in self._names.items() if name in known}
            self._outdated = [name for name in self._outdated if name in known]
            self._messages.is_suspect = False
        while self._outdated:
            self._messages.checked(self._pgconn.exec_, b"DEALLOCATE " + self._outdated.pop())

    def _bind(self, text: str, parameters: Mapping[str, Any]) -> _Bound:
        """Return a prepared statement with its parameters."""
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
            self._messages.checked(self._pgconn.prepare, name, numbered, types)
            self._names[text, types] = name
        return (text, types), (name, given, formats, Format.BINARY)

    def _forget(self) -> None:
        """Drop what waits for the next statement, and what was asked ahead."""
        self._is_reading = False
        self._announced.clear()
        self._ahead.clear()
        self._answers.clear()
        self._take_waiting()

    def _take_waiting(self) -> list[_Asked]:
        """Return what waits for the next statement, which then waits no longer."""
        waiting: list[_Asked] = [*self._deferred]
        # SQLAlchemy may have begun the transaction in the meantime.
        if self._opening is not None and self._pgconn.transaction_status == TransactionStatus.IDLE:
            waiting.insert(0, (None, (self._opening,)))
        self._opening = None
        self._deferred.clear()
        return waiting

    def _answer(self, text: str, parameters: Mapping[str, Any]) -> _Rows | None:
        """Return the rows of a statement that was asked ahead; None if it was not."""
        for at, ((known, values, rows), _) in enumerate(self._answers):
            if _are_equal((known, values), (text, parameters)):
                if not self._is_reading:
                    del self._answers[at]  # asked for again, it may have others
                return rows
        return None

    def _take_ahead(self) -> list[_AskedAhead]:
        """Return what was asked ahead, which then waits no longer."""
        ahead, self._ahead = self._ahead, []
        return ahead

    def _run_with_ahead(self, asked: _Bound, ahead: Sequence[_AskedAhead]) -> PGresult:
        """Run a statement and those asked ahead with one message; return its result, and keep their answers."""
        result, *others = self._run([asked, *(one.bound for one in ahead)])
        for one, other in zip(ahead, others, strict=True):
            if (answer := one.answered(self._loaded(other))) is not None:
                self._answers.append((answer, one.tables))
        return result

    def _run(self, statements: Sequence[_Asked]) -> list[PGresult]:
        """Run what waits, then more statements, with one message; return the results of the latter.

        Raises:
            psycopg.Error: as psycopg's cursor; the first error of all.
        """
        waiting = self._take_waiting()
        asked = [*waiting, *statements]
        results = self._messages.exchange([call for _, call in asked])
        for (key, _), result in zip(asked, results, strict=True):
            if key is None:
                self._messages.raise_failure(result)
            else:
                self._raise_failure_of(key, result)
        return results[len(waiting) :]

    def _loaded(self, result: PGresult) -> _Rows:
        self._values.set_pgresult(result)
        return self._values.load_rows(0, result.ntuples, tuple)

    def _raise_failure_of(self, key: _StatementKey, result: PGresult) -> None:
        """Raise the error of the result of a prepared statement, if it is one.

        Raises:
            psycopg.OperationalError: as :meth:`MessageConnection.checked`; or its rows have other types than
                before, and the next transaction prepares it again, as psycopg does it.
            psycopg.Error: the server refuses the statement.
        """
        try:
            self._messages.raise_failure(result)
        except psycopg.errors.FeatureNotSupported as error:
            self._outdated.append(self._names.pop(key))
            raise psycopg.OperationalError("the tables of a prepared statement have changed") from error


def _are_equal(left: _Execution, right: _Execution) -> bool:
    """Return whether two executions are of the same statement with the same parameters."""
    return left[0] == right[0] and (left[1] == right[1] or _plain(left[1]) == _plain(right[1]))


def _plain(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters that can be compared: SQLAlchemy wraps bytes, and wrappers are compared by identity."""
    return {name: value.obj if isinstance(value, psycopg.Binary) else value for name, value in parameters.items()}


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
