"""Metrics of models: names and finite numbers, from options or from a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable

from entrepot.errors import LimitExceeded, Malformed

MAX_BYTES = 1 << 20
MAX_COLUMNS = 1000


def parse_metrics(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Return the metrics that options name; a later value of the same name wins.

    Raises:
        Malformed: a value is not a finite number.
    """
    return {name: _number(value, f"metric {name!r}") for name, value in pairs}


def parse_metrics_file(content: bytes, what: str) -> dict[str, float]:
    """Return the metrics of a CSV file with a header and one row.

    Raises:
        LimitExceeded: it has more than 1 MiB or 1,000 columns.
        Malformed: it is empty or not UTF-8, the columns are unequal, a name occurs twice, or a value is no
            finite number; the message names line and column.
    """
    if len(content) > MAX_BYTES:
        raise LimitExceeded(f"{what}: its size in bytes", MAX_BYTES)
    try:
        rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed(what, f"it is not a CSV file in UTF-8: {error}") from error
    if len(rows) != 2:
        raise Malformed(what, f"expected a header and one row, found {len(rows)} lines")
    names, values = [name.strip() for name in rows[0]], rows[1]
    if len(names) > MAX_COLUMNS:
        raise LimitExceeded(f"{what}: its number of columns", MAX_COLUMNS)
    if len(names) != len(values):
        raise Malformed(what, f"line 1 has {len(names)} columns, line 2 has {len(values)}")
    found: dict[str, float] = {}
    for column, (name, value) in enumerate(zip(names, values, strict=True), 1):
        if not name or name in found:
            raise Malformed(what, f"line 1, column {column}: the name {name!r} is {'used twice' if name else 'empty'}")
        found[name] = _number(value, f"{what}: line 2, column {column}")
    return found


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Malformed(what, f"{text!r} is not a finite number")
    return number
