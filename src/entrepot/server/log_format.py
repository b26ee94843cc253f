"""Structured log lines: an event name, then ``key=value`` fields."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")

Field = str | int | float | None


def render(event: str, **fields: Field) -> str:
    """Render one event as one line: ``request method=GET status=200 ms=1.3``.

    Fields that are None are left out; floats get three decimals; text with
    spaces, quotes or non-printable or non-ASCII characters is quoted and escaped,
    so a value can never break the line or forge a field.
    """
    texts = [value for value in fields.values() if value.__class__ is str]
    # Nearly always, one look at all texts together is enough.
    is_plain = "" not in texts and _PLAIN.fullmatch("".join(texts)) is not None
    shown = [event]
    for key, value in fields.items():
        if value is None:
            continue
        is_ready = value.__class__ is int or (is_plain and value.__class__ is str)
        shown.append(f"{key}={value}" if is_ready else f"{key}={_shown(value)}")
    return " ".join(shown)


def _shown(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'
