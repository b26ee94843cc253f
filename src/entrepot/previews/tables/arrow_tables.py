"""Tables in memory, and their rows as values of Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.previews.features import features_of

MAX_COLUMNS = 1_000


class ArrowTable:
    """A table in memory."""

    def __init__(self, table: Any, is_partial: bool) -> None:  # noqa: ANN401 - a table of pyarrow
        if table.num_columns > MAX_COLUMNS:
            raise Malformed("table", f"it has more than {MAX_COLUMNS:,} columns")
        self.table, self.is_partial = table, is_partial
        self.rows: int = table.num_rows
        self.features: Mapping[str, Any] = features_of(table.schema)

    def read(self, offset: int, length: int, column: str | None = None) -> list[Mapping[str, Any]]:
        """Return the rows from an offset on, at most ``length``; of one column only, if it is named.

        Raises:
            UnsupportedDataset: the column does not exist.
        """
        if column is not None and column not in self.features:
            raise UnsupportedDataset("table", f"it has no column {column!r}")
        table = self.table if column is None else self.table.select([column])
        start = min(offset, self.rows)
        return row_values(table.slice(start, min(length, self.rows - start)))  # without columns, it would not be cut


def row_values(rows: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - a table or batch of pyarrow
    """Return rows as values of Python.

    Times of named zones become those of UTC, since nothing can load the rules of a zone here, and nanoseconds become
    microseconds, which are the smallest that Python knows.
    """
    import pyarrow as pa

    schema = pa.schema([field.with_type(_readable(field.type)) for field in rows.schema])
    if schema != rows.schema:
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        rows = table.cast(schema, safe=False)
    found: list[Mapping[str, Any]] = rows.to_pylist()
    return found


def _readable(kind: Any) -> Any:  # noqa: ANN401 - types of pyarrow
    """Return the type to which a column is converted first."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_timestamp(kind):
        zone = "UTC" if kind.tz and kind.tz[0] not in "+-" else kind.tz
        return pa.timestamp(_unit(kind), zone)
    if types.is_duration(kind):
        return pa.duration(_unit(kind))
    if types.is_time64(kind):
        return pa.time64("us")
    if types.is_struct(kind):
        parts = [kind.field(at) for at in range(kind.num_fields)]
        return pa.struct([part.with_type(_readable(part.type)) for part in parts])
    if types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_readable(kind.value_type)), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_readable(kind.value_type)))
    return pa.list_(kind.value_field.with_type(_readable(kind.value_type))) if types.is_list(kind) else kind


def _unit(kind: Any) -> str:  # noqa: ANN401 - a type of pyarrow
    return "us" if kind.unit == "ns" else str(kind.unit)
