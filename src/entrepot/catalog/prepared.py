"""Statements that are compiled once and run on the driver's own cursor.

They are for what most requests need: running these through SQLAlchemy costs ten times as much as SQLite
itself. Values pass through the same conversions in both directions, and the statement runs in the same transaction.
"""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, Final, Protocol, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import visitors

from entrepot.catalog.lists import slices

_Convert = Callable[[Any], Any]

_DOUBLE_PRECISION = 701
"""How PostgreSQL numbers the type of all columns with floats."""

_LENGTHS: Final = (1, 8, 64)
_NONE: Final[Mapping[str, Any]] = {}

Change: TypeAlias = "sa.Insert | sa.Update | sa.Delete"
"""A statement that changes rows."""


class ReadConnection(Protocol):
    """The part of a transaction that prepared statements need."""

    @property
    def dialect(self) -> sa.Dialect:
        """The dialect of SQLAlchemy for the database."""

    @property
    def driver(self) -> Any:  # noqa: ANN401 -- each driver has connections of its own
        """The driver's connection, inside the transaction."""


class WriteConnection(ReadConnection, Protocol):
    """The part of a transaction that prepared changes need."""

    @property
    def sql(self) -> sa.Connection:
        """SQLAlchemy's connection."""


@attrs.frozen
class _Compiled:
    """A statement for one kind of database.

    ``order``: names of the parameters if they go by position; ``given``: values that are part of the statement;
    ``tables``: the names of the tables that a SELECT reads.
    """

    text: str
    order: Sequence[str] | None
    given: Mapping[str, Any]
    converted: Mapping[str, _Convert]
    results: Sequence[tuple[int, _Convert]]
    make_row: Callable[[Sequence[Any]], Any]
    errors: type[Exception]
    tables: Set[str]

    def rows(self, tx: ReadConnection, values: Mapping[str, Any]) -> list[Any]:
        """Run the statement and return its rows."""
        return self._rows(tx, tx.driver.execute, values)

    def rows_before(self, tx: ReadConnection, values: Mapping[str, Any]) -> list[Any]:
        """Run the statement and return its rows, see :meth:`Prepared.all_before`."""
        return self._rows(tx, getattr(tx.driver, "execute_before", tx.driver.execute), values)

    def _rows(self, tx: ReadConnection, execute: Callable[..., Any], values: Mapping[str, Any]) -> list[Any]:
        parameters = self.parameters(values)
        try:
            found = execute(self.text, parameters).fetchall()
        except self.errors as error:
            raise self.translated(tx, error) from error
        return self.named_rows(found)

    def change(self, tx: WriteConnection, values: Mapping[str, Any]) -> int:
        """Run the statement; return how many rows it changed."""
        parameters = self.parameters(values)
        try:
            return int(tx.driver.execute(self.text, parameters).rowcount)
        except self.errors as error:
            raise self.translated(tx, error) from error

    def translated(self, tx: ReadConnection, error: Exception) -> sa.exc.DBAPIError:
        """Return an error of the driver as SQLAlchemy raises it, so that it is translated in one place."""
        made = sa.exc.DBAPIError.instance(None, None, error, self.errors, dialect=tx.dialect)
        assert isinstance(made, sa.exc.DBAPIError)
        return made

    def named_rows(self, found: Sequence[Sequence[Any]]) -> list[Any]:
        """Return rows of the driver as named tuples with converted values."""
        if not self.results:
            return [self.make_row(row) for row in found]
        return [self.make_row(self._convert(row)) for row in found]

    def parameters(self, values: Mapping[str, Any]) -> Mapping[str, Any] | Sequence[Any]:
        """Return the parameters as the driver takes them."""
        bound = {**self.given, **values}
        for name, convert in self.converted.items():
            bound[name] = convert(bound[name])
        return bound if self.order is None else [bound[name] for name in self.order]

    def _convert(self, row: Sequence[Any]) -> list[Any]:
        made = list(row)
        for at, convert in self.results:
            made[at] = convert(made[at])
        return made


class Prepared:
    """A SELECT with named parameters and without lists that expand."""

    def __init__(self, statement: sa.Select[Any]) -> None:
        """Prepare a statement; it is compiled when it is first used."""
        self.statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, tx: ReadConnection, values: Mapping[str, Any]) -> list[Any]:
        """Return all rows, as named tuples.

        Raises:
            sqlalchemy.exc.DBAPIError: as when SQLAlchemy runs the statement.
        """
        return self.compiled(tx.dialect).rows(tx, values)

    def all_before(self, tx: ReadConnection, values: Mapping[str, Any]) -> list[Any]:
        """Return all rows as :meth:`all`; as the first statement of a transaction, they may be older than its snapshot.

        For requests that often read nothing else: then PostgreSQL need not begin and end a transaction.
        """
        return self.compiled(tx.dialect).rows_before(tx, values)

    def ask_ahead(self, tx: ReadConnection, values: Mapping[str, Any]) -> None:
        """Announce that the transaction will run the statement with these values, perhaps.

        If the database is on another machine, it runs together with the next statement, and costs no message. In a
        transaction that can write, its rows are forgotten when the transaction changes a table that it reads.

        Raises:
            sqlalchemy.exc.DBAPIError: as :meth:`all`; so does the next statement, if this one fails.
        """
        self._ask_ahead(tx, values)

    def ask_ahead_for(
        self,
        tx: ReadConnection,
        values: Mapping[str, Any],
        other: Prepared,
        *,
        completed: str,
        known: Mapping[str, Any],
    ) -> None:
        """Announce as :meth:`ask_ahead` that the transaction will run another statement, of which one value is unknown.

        Args:
            other: its rows are those of this statement without their first column, which is alike in all of them and
                the unknown value. If there are no rows, nothing is known.
            completed: the parameter of ``other`` with that value.
            known: the other values of ``other``.
        """
        found = other.compiled(tx.dialect)

        def answered(rows: Sequence[Sequence[Any]]) -> object:
            if not rows:
                return None
            parameters = found.parameters({**known, completed: rows[0][0]})
            return found.text, parameters, [tuple(row[1:]) for row in rows]

        self._ask_ahead(tx, values, answered)

    def _ask_ahead(self, tx: ReadConnection, values: Mapping[str, Any], *more: Callable[..., object]) -> None:
        ask = getattr(tx.driver, "ask_ahead", None)
        if ask is None:
            return
        compiled = self.compiled(tx.dialect)
        try:
            ask(compiled.text, compiled.parameters(values), compiled.tables, *more)
        except compiled.errors as error:
            raise compiled.translated(tx, error) from error

    def compiled(self, dialect: sa.Dialect) -> _Compiled:
        """Return the statement for a kind of database."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self.statement, dialect)
        return compiled

    def first(self, tx: ReadConnection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- rows have types of their own
        """Return the first row, or None; the statement selects few."""
        found = self.all(tx, values)
        return found[0] if found else None

    def scalar(self, tx: ReadConnection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- as first
        """Return the first column of the first row, or None."""
        found = self.all(tx, values)
        return found[0][0] if found else None


class PreparedWrite:
    """An INSERT, UPDATE or DELETE with named parameters and without lists that expand."""

    def __init__(self, make: Callable[[str], Change], columns: Sequence[str] | None = None) -> None:
        """Prepare a statement; it is made and compiled when it is first used.

        Args:
            make: returns the statement for a dialect, given the name that SQLAlchemy gives the dialect.
            columns: the columns that an INSERT sets; its values have the same names. None for other statements.
        """
        self._make, self._columns = make, columns
        self._compiled: dict[str, tuple[Change, _Compiled]] = {}

    def run(self, tx: WriteConnection, values: Mapping[str, Any]) -> int:
        """Run the statement; return how many rows it changed.

        Raises:
            sqlalchemy.exc.DBAPIError: as when SQLAlchemy runs the statement.
        """
        return self._checked(tx).change(tx, values)

    def run_all(self, tx: WriteConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement once for each row of values, at the latest before the next statement or the end.

        Raises:
            sqlalchemy.exc.DBAPIError: as :meth:`run`; the transaction cannot go on. A database on another machine
                may report it with a later statement, or when the transaction ends.
        """
        compiled = self._checked(tx)
        defer = getattr(tx.driver, "defer", None)
        try:
            if defer is None:
                tx.driver.executemany(compiled.text, [compiled.parameters(values) for values in rows])
                return
            for values in rows:
                defer(compiled.text, compiled.parameters(values))
        except compiled.errors as error:
            raise compiled.translated(tx, error) from error

    def _checked(self, tx: WriteConnection) -> _Compiled:
        """Return the compiled statement, after SQLAlchemy's event ``before_execute``, as for other statements."""
        found = self._compiled.get(tx.dialect.name)
        if found is None:
            change = self._make(tx.dialect.name)
            found = self._compiled[tx.dialect.name] = change, _compile(change, tx.dialect, self._columns)
        for listener in tx.sql.dispatch.before_execute:
            listener(tx.sql, found[0], [], {}, {})
        if (forget := getattr(tx.driver, "forget_answers", None)) is not None:
            forget(_changed_table(found[0]))
        return found[1]


class PreparedForList:
    """A SELECT with named parameters and one list of values, prepared once for each of a few lengths of the list.

    Lists between these lengths are filled up with their last value; longer ones take several statements.
    """

    def __init__(self, column: sa.Column[Any], make: Callable[[sa.ColumnElement[bool]], sa.Select[Any]]) -> None:
        """Prepare a statement.

        Args:
            column: what is compared with the values of the list.
            make: returns the statement for the condition that the column has one of the values.
        """
        self._column, self._make = column, make
        self._prepared: dict[int, Prepared] = {}

    def all(self, tx: ReadConnection, wanted: Sequence[Any], values: Mapping[str, Any] = _NONE) -> list[Any]:
        """Return all rows for the values of the list (perhaps empty) as named tuples; errors as :class:`Prepared`."""
        found: list[Any] = []
        for prepared, filled in self._batches(wanted):
            found += prepared.all(tx, {**values, **filled})
        return found

    def ask_ahead(self, tx: ReadConnection, wanted: Sequence[Any], values: Mapping[str, Any] = _NONE) -> None:
        """Announce that the transaction will ask for this list, as :meth:`Prepared.ask_ahead`."""
        for prepared, filled in self._batches(wanted):
            prepared.ask_ahead(tx, {**values, **filled})

    def _batches(self, wanted: Sequence[Any]) -> Iterator[tuple[Prepared, Mapping[str, Any]]]:
        for batch in slices(wanted, _LENGTHS[-1]):
            length = next(length for length in _LENGTHS if length >= len(batch))
            filled = [*batch, *([batch[-1]] * (length - len(batch)))]
            yield self.of_length(length), {f"item{at}": value for at, value in enumerate(filled)}

    def of_length(self, length: int) -> Prepared:
        """Return the statement for lists of a length; its parameters are ``item0``, ``item1`` and so on."""
        if length not in self._prepared:
            # With the type of the column, because ids of unknown types would not be converted.
            items = [sa.bindparam(f"item{at}", type_=self._column.type) for at in range(length)]
            self._prepared[length] = Prepared(self._make(self._column.in_(items)))
        return self._prepared[length]


@functools.cache
def _row_type(names: tuple[str, ...]) -> Any:  # noqa: ANN401 -- a type of its own for each combination of names
    return namedtuple("Row", names, rename=True)


def _changed_table(change: Change) -> str | None:
    """Return the name of the only table that a statement changes; None if it may change others too."""
    if isinstance(change, sa.Delete):  # which takes rows of other tables along
        return None
    return change.table.name if isinstance(change.table, sa.Table) else None


def _from_driver(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Convert | None:
    """Return the conversion of the values of a column; None if the driver's values are used as they are."""
    code = _DOUBLE_PRECISION if isinstance(kind, sa.Float) else None
    return kind.dialect_impl(dialect).result_processor(dialect, code)


def _compile(
    statement: sa.Select[Any] | Change, dialect: sa.Dialect, column_keys: Sequence[str] | None = None
) -> _Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=column_keys)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    assert not compiled.post_compile_params, "lists expand at each use"
    columns = list(statement.selected_columns) if isinstance(statement, sa.Select) else []
    binds = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()
    }
    results = [_from_driver(column.type, dialect) for column in columns]
    given = {name: value for name, value in compiled.params.items() if value is not None}
    assert dialect.dbapi is not None
    return _Compiled(
        str(compiled),
        compiled.positiontup if compiled.positional else None,
        given,
        {name: convert for name, convert in binds.items() if convert is not None},
        [(at, convert) for at, convert in enumerate(results) if convert is not None],
        _row_type(tuple(str(column.key) for column in columns))._make,
        dialect.dbapi.Error,
        frozenset(node.name for node in visitors.iterate(statement) if isinstance(node, sa.Table)),
    )
