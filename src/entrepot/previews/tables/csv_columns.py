"""CSV files as tables whose columns have the types that ``datasets`` gives them. Needs pyarrow.

``datasets`` reads CSV with pandas, 10,000 rows at a time; the rules here are those of ``pandas.read_csv``
with the defaults of ``datasets``, which is the oracle of the tests.

Source: docs/dataset-viewer.md, section "Conversion to Parquet"; pandas, user guide, "IO tools", "CSV & text files".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any

from entrepot.errors import Malformed
from entrepot.previews.tables.text_lines import read_lines

BATCH_ROWS = 10_000
"""Rows whose values decide together about the types of the columns."""

MAX_FIELD = 64 << 20
"""Characters of a field."""

_MAX_COLUMNS = 10_000
_MISSING = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
        *("NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
_BOOLS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_INT = re.compile(r"\s*[+-]?[0-9]+\s*")
_FLOAT = re.compile(r"\s*[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity)\s*", re.IGNORECASE)


def read_batches(source: Any, separator: str) -> Iterator[Any]:  # noqa: ANN401 - a RangeReader; tables of pyarrow
    """Yield the rows of a CSV file as Arrow tables of at most 10,000 rows; one without rows if there are none.

    Args:
        source: a :class:`~entrepot.previews.sources.RangeReader`.

    Raises:
        Malformed: it is no CSV file that ``datasets`` could read in the same way.
    """
    csv.field_size_limit(MAX_FIELD)
    rows = _rows(csv.reader(read_lines(source), delimiter=separator))
    header = next(rows, None)
    if header is None:
        raise Malformed("CSV file", "it is empty")
    if len(header) > _MAX_COLUMNS:
        raise Malformed("CSV file", f"it has more than {_MAX_COLUMNS:,} columns")
    names, batch, is_first = column_names(header), list[list[str]](), True
    for number, row in enumerate(rows, 2):
        if len(row) > len(names):
            raise Malformed("CSV file", f"row {number:,} has {len(row)} fields, and the header names {len(names)}")
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield _table(names, batch)
            batch, is_first = [], False
    if batch or is_first:
        yield _table(names, batch)


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield the rows, without blank ones."""
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip(" \t") or not row[0]):
                yield row
    except csv.Error as error:
        raise Malformed("CSV file", str(error)) from error


def column_names(header: Sequence[str]) -> list[str]:
    """Return the names of columns: those without one have their number, and repeated ones a suffix."""
    given = [name or f"Unnamed: {at}" for at, name in enumerate(header)]
    found: dict[str, None] = {}
    taken, last = set(given), dict[str, int]()
    for name in given:
        number = last.get(name, 0)  # lower ones are taken
        free = f"{name}.{number}" if number else name
        while free in found or (number and free in taken):
            number += 1
            free = f"{name}.{number}"
        found[free], last[name] = None, number
    return list(found)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401 - a table of pyarrow
    import pyarrow as pa

    width = len(names)
    padded = [row if len(row) == width else [*row, *[""] * (width - len(row))] for row in rows]
    columns = zip(*padded, strict=True) if padded else [()] * width
    found = {}
    for name, values in zip(names, columns, strict=True):
        known = [None if value in _MISSING else value for value in values]
        found[name] = _column(name, known)
    return pa.table(found)


def _column(name: str, values: Sequence[str | None]) -> Any:  # noqa: ANN401 - a column of pyarrow
    """Return a column of texts with the first type that fits all of them."""
    import pyarrow as pa

    present = [value for value in values if value is not None]
    if not values:
        return pa.array([], pa.null())
    if not present:
        return pa.array([None] * len(values), pa.float64())
    if all(map(_INT.fullmatch, present)):
        return _integers(name, values, has_missing=len(present) < len(values))
    if all(map(_FLOAT.fullmatch, present)):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if all(value in _BOOLS for value in present):
        return pa.array([None if value is None else _BOOLS[value] for value in values], pa.bool_())
    return pa.array(values, pa.string())


def _integers(name: str, values: Sequence[str | None], *, has_missing: bool) -> Any:  # noqa: ANN401 - of pyarrow
    import pyarrow as pa

    if any(value is not None and len(value) > 4_000 for value in values):
        raise Malformed("CSV file", f"the column {name!r} has a number of more than 64 bits")
    numbers = [None if value is None else int(value) for value in values]
    low, high = (limit(number for number in numbers if number is not None) for limit in (min, max))
    if low < -(1 << 63) or high >= 1 << 64:
        raise Malformed("CSV file", f"the column {name!r} has a number of more than 64 bits")
    if has_missing:
        return pa.array([None if number is None else float(number) for number in numbers], pa.float64())
    if high < 1 << 63:
        return pa.array(numbers, pa.int64())
    return pa.array(numbers, pa.uint64()) if low >= 0 else pa.array(values, pa.string())
