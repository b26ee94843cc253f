"""Values from files of users, made fit for every database and every JSON encoder."""

from __future__ import annotations

import math
from typing import TypeVar, cast

T = TypeVar("T")

_MAX_INTEGER = 1 << 63
_REPLACED = {0: "\N{REPLACEMENT CHARACTER}", **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")}


def storable(value: T) -> T:
    """Return a JSON value without what cannot be stored or sent.

    NUL and halves of surrogate pairs become U+FFFD, numbers that are not finite become
    None, and integers beyond 64 bits become floats. Tuples stay tuples.
    """
    return cast(T, _storable(value))


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.translate(_REPLACED)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_MAX_INTEGER <= value < _MAX_INTEGER else _finite(value)
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_storable, value))
    return value


def _finite(value: float) -> float | None:
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
