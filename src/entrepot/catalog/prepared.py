"""Reading statements that are compiled once and run on the driver's own cursor.

They are for the reads that most requests need: running these through SQLAlchemy costs ten times as much as SQLite
itself. Values pass through the same conversions in both directions, and the statement runs in the same transaction.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
import sqlalchemy as sa

from entrepot.catalog.lists import slices

_Convert = Callable[[Any], Any]

_DOUBLE_PRECISION = 701
"""How PostgreSQL numbers the type of all columns with floats."""


_LENGTHS: Final = (1, 8, 64)
_NONE: Final[Mapping[str, Any]] = {}


class ReadConnection(Protocol):
    """The part of a transaction that prepared statements need."""

    @property
    def dialect(self) -> sa.Dialect:
        """The dialect of SQLAlchemy for the database."""

    @property
    def driver(self) -> Any:  # noqa: ANN401 -- each driver has connections of its own
        """The driver's connection, inside the transaction."""


@attrs.frozen
class _Compiled:
    """A statement for one kind of database.

    ``order``: names of the parameters if they go by position; ``given``: values that are part of the statement.
    """

    text: str
    order: Sequence[str] | None
    given: Mapping[str, Any]
    converted: Mapping[str, _Convert]
    results: Sequence[tuple[int, _Convert]]
    make_row: Callable[[Sequence[Any]], Any]
    errors: type[Exception]

    def rows(self, tx: ReadConnection, values: Mapping[str, Any]) -> list[Any]:
        """Run the statement and return its rows."""
        parameters = self.parameters(values)
        try:
            found = tx.driver.execute(self.text, parameters).fetchall()
        except self.errors as error:  # as SQLAlchemy does, so that it is translated in one place
            raise sa.exc.DBAPIError.instance(None, None, error, self.errors, dialect=tx.dialect) from error
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
        compiled = self._compiled.get(tx.dialect.name)
        if compiled is None:
            compiled = self._compiled[tx.dialect.name] = _compile(self.statement, tx.dialect)
        return compiled.rows(tx, values)

    def first(self, tx: ReadConnection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- rows have types of their own
        """Return the first row, or None; the statement selects few."""
        found = self.all(tx, values)
        return found[0] if found else None

    def scalar(self, tx: ReadConnection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- as first
        """Return the first column of the first row, or None."""
        found = self.all(tx, values)
        return found[0][0] if found else None


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
        for batch in slices(wanted, _LENGTHS[-1]):
            length = next(length for length in _LENGTHS if length >= len(batch))
            filled = [*batch, *([batch[-1]] * (length - len(batch)))]
            found += self.of_length(length).all(
                tx, {**values, **{f"item{at}": value for at, value in enumerate(filled)}}
            )
        return found

    def of_length(self, length: int) -> Prepared:
        """Return the statement for lists of a length; its parameters are ``item0``, ``item1`` and so on."""
        if length not in self._prepared:
            # With the type of the column, because ids of unknown types would not be converted.
            items = [sa.bindparam(f"item{at}", type_=self._column.type) for at in range(length)]
            self._prepared[length] = Prepared(self._make(self._column.in_(items)))
        return self._prepared[length]


def _from_driver(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Convert | None:
    """Return the conversion of the values of a column; None if the driver's values are used as they are."""
    code = _DOUBLE_PRECISION if isinstance(kind, sa.Float) else None
    return kind.dialect_impl(dialect).result_processor(dialect, code)


def _compile(statement: sa.Select[Any], dialect: sa.Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    assert not compiled.post_compile_params, "lists expand at each use"
    columns = list(statement.selected_columns)
    binds = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()
    }
    results = [_from_driver(column.type, dialect) for column in columns]
    given = {name: value for name, value in compiled.params.items() if value is not None}
    assert dialect.dbapi is not None
    row = namedtuple("Row", [str(column.key) for column in columns], rename=True)  # type: ignore[misc]
    return _Compiled(
        str(compiled),
        compiled.positiontup if compiled.positional else None,
        given,
        {name: convert for name, convert in binds.items() if convert is not None},
        [(at, convert) for at, convert in enumerate(results) if convert is not None],
        row._make,
        dialect.dbapi.Error,
    )
