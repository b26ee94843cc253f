"""Sizes and durations in human-readable form: ``64MiB``, ``10GB``, ``6h``, ``3w``."""

from __future__ import annotations

import re

_SIZE_UNITS = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000 ** (power + 1) for power, letter in enumerate("kmgtp")},
    **{f"{letter}ib": 1024 ** (power + 1) for power, letter in enumerate("kmgtp")},
}
_DURATION_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

# At most 18 digits: longer numbers are mistakes, and parsing them takes quadratic time.
_QUANTITY = re.compile(r"([0-9]{1,18}) ?([A-Za-z]{0,3})")


def parse_size(text: str) -> int:
    """Parse a number of bytes.

    Args:
        text: a whole number, alone or with a unit: ``kB MB GB TB PB`` are
            powers of 1,000, ``KiB MiB GiB TiB PiB`` powers of 1,024; case
            does not matter.

    Raises:
        ValueError: the text has another form; the message says what to write.
            ``10G`` is refused because it is ambiguous.
    """
    return _parse(text, _SIZE_UNITS, "write a whole number of bytes or, say, 64MiB or 10GB")


def parse_duration(text: str) -> int:
    """Parse a number of seconds.

    Args:
        text: a whole number, alone or with one of the units ``s m h d w``.

    Raises:
        ValueError: the text has another form; the message says what to write.
    """
    return _parse(text, _DURATION_UNITS, "write a whole number of seconds or, say, 90s, 6h or 3w")


def render_size(size: int) -> str:
    """Return the shortest text that :func:`parse_size` parses as ``size``: ``64MiB``, ``0``."""
    units = ("PiB", "TiB", "GiB", "MiB", "KiB")
    return _render(size, [(unit, _SIZE_UNITS[unit.lower()]) for unit in units])


def render_duration(seconds: int) -> str:
    """Return the shortest text that :func:`parse_duration` parses as ``seconds``: ``3w``, ``0``."""
    return _render(seconds, [(unit, _DURATION_UNITS[unit]) for unit in "wdhms"])


def _parse(text: str, units: dict[str, int], cure: str) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if not match or match[2].lower() not in units:
        raise ValueError(cure)
    return int(match[1]) * units[match[2].lower()]


def _render(value: int, units: list[tuple[str, int]]) -> str:
    for name, unit in units:
        if value and value % unit == 0:
            return f"{value // unit}{name}"
    return str(value)
