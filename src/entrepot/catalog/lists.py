"""Lists of values in statements, in slices that every database accepts.

A list is expanded into one parameter for each of its values. SQLite takes 32,766 parameters in a statement and
PostgreSQL 65,535, and long before that, building and planning the statement costs more than asking several times.
Lists whose length depends on what is stored, or on what a client sends, come from here; a test looks for others.

Source: https://www.sqlite.org/limits.html#max_variable_number; PostgreSQL, "Frontend/Backend Protocol",
"Message Formats", Bind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from entrepot.errors import LimitExceeded

BATCH = 500
"""Default number of values of one statement."""

MAX_VALUES = 30_000
"""Maximum number of values in all lists of one statement, which leaves room for other parameters."""

_T = TypeVar("_T")


def slices(values: Sequence[_T], size: int = BATCH) -> Iterator[Sequence[_T]]:
    """Yield the values in order, at most ``size`` at a time; nothing if there are none."""
    for at in range(0, len(values), size):
        yield values[at : at + size]


def bounded(values: Collection[_T], most: int = MAX_VALUES) -> Collection[_T]:
    """Return values that have to be in one statement, because its result depends on all of them.

    Raises:
        LimitExceeded: they are more than a statement can have.
    """
    if len(values) > most:
        raise LimitExceeded("the number of values in one query of the database", most)
    return values
