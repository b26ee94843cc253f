"""JSON as nested parts that open and close (``<details>``), with every value as it is written in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import attrs
from markupsafe import Markup, escape

MAX_JSON = 128 << 10
"""Bytes of a JSON text that is folded."""

MAX_VALUES = 2_000
"""Values that are shown; the rest is counted."""

_OPEN_LEVELS, _MAX_LEVELS, _MAX_TEXT = 2, 40, 400


@attrs.frozen
class _Number:
    """A number as it is written."""

    text: str


@attrs.frozen
class _Members:
    """The members of an object, including those whose name occurs again."""

    pairs: Sequence[tuple[str, object]]


def fold_json(text: str) -> Markup | None:
    """Return a JSON text as HTML; None if it is not JSON, or nested too deeply."""
    try:
        value = json.loads(
            text, parse_float=_Number, parse_int=_Number, parse_constant=_Number, object_pairs_hook=_Members
        )
    except (ValueError, RecursionError):
        return None
    left = [MAX_VALUES]
    try:
        parts = list(_parts("", value, 0, left))
    except RecursionError:
        return None
    more = f'<p class="in soft">{-left[0]:,} more values are not shown.</p>' if left[0] < 0 else ""
    return Markup(f'<ul class="folds mono small">{"".join(parts)}</ul>{more}')  # noqa: S704 - escaped below


def _parts(name: str, value: object, level: int, left: list[int]) -> Iterator[str]:
    """Yield the HTML of a value; ``left``: how many values may still be shown, negative: how many are left out."""
    left[0] -= 1
    if left[0] < 0:
        return
    label = f'<span class="n">{escape(name)}</span>: ' if name else ""
    members = _members_of(value)
    if members is None:
        yield f"<li>{label}{_leaf(value)}</li>"
        return
    size = f"{len(members):,} {'member' if isinstance(value, _Members) else 'item'}{'s' if len(members) != 1 else ''}"
    if not members or level >= _MAX_LEVELS:
        yield f'<li>{label}<span class="soft">{size}</span></li>'
        return
    is_open = " open" if level < _OPEN_LEVELS else ""
    yield f'<li><details{is_open}><summary>{label}<span class="soft">{size}</span></summary><ul>'
    for key, item in members:
        yield from _parts(key, item, level + 1, left)
    yield "</ul></details></li>"


def _members_of(value: object) -> Sequence[tuple[str, object]] | None:
    """Return the named values in an object or a list; None for a single value."""
    if isinstance(value, _Members):
        return value.pairs
    if isinstance(value, list):
        return [(str(at), item) for at, item in enumerate(value)]
    return None


def _leaf(value: object) -> str:
    if isinstance(value, _Number):
        return f'<span class="d">{escape(value.text[:_MAX_TEXT])}</span>'
    text = json.dumps(value, ensure_ascii=False)
    cut = text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
    return f'<span class="{"s" if isinstance(value, str) else "k"}">{escape(cut)}</span>'
