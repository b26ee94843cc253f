"""How pages write sizes, counts, times, links and icons; pure functions, used by the templates.

Pieces of HTML that a page has by the hundred are made here, because a macro of a template takes ten times longer.
"""

from __future__ import annotations

import datetime
import functools
from urllib.parse import quote

from markupsafe import Markup

from entrepot.wire.texts import legible

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_COUNTS = ("", "k", "M", "B", "T")
_AGES = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("week", 604_800),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)
_LENGTHS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_MAX_NAME = 60


def size_text(size: int) -> str:
    """Return a number of bytes in SI units with three digits: ``4.98 GB``."""
    return _scaled(size, 1000, _UNITS)


def count_text(number: int) -> str:
    """Return a count in short: ``48.2 k``."""
    return f"{number:,}" if number < 10_000 else _scaled(number, 1000, _COUNTS)


def age_text(at_ms: int, now_ms: int) -> str:
    """Return how long ago a time was, in words: ``3 days ago``."""
    seconds = max(0, now_ms - at_ms) // 1000
    for word, length in _AGES:
        if seconds >= length:
            number = seconds // length
            return f"{number} {word}{'s' if number > 1 else ''} ago"
    return "just now"


def until_text(at_ms: int, now_ms: int) -> str:
    """Return how long it takes until a time, rounded up: ``in 90 days``; a time that has passed as :func:`age_text`."""
    if at_ms <= now_ms:
        return age_text(at_ms, now_ms)
    seconds = -(-(at_ms - now_ms) // 1000)
    for word, length in _LENGTHS:
        if seconds > length or length == 1:
            number = -(-seconds // length)
            return f"in {number:,} {word}{'s' if number > 1 else ''}"
    return "now"


def length_text(seconds: int) -> str:
    """Return a length of time in its largest whole unit: ``21 days``, ``36 hours``, ``90 seconds``."""
    for word, length in _LENGTHS:
        if seconds >= length and seconds % length == 0:
            number = seconds // length
            return f"{number:,} {word}{'s' if number != 1 else ''}"
    return "0 seconds"


@functools.lru_cache(maxsize=1024)  # a page of files repeats the times of few commits
def date_text(at_ms: int) -> str:
    """Return a time as date and time of day in UTC; times that no calendar has are shown as ``unknown``."""
    try:
        found = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return "unknown"
    return f"{found:%Y-%m-%d %H:%M} UTC"


def iso_text(at_ms: int) -> str:
    """Return a time as programs read it: ``2026-11-30T11:02Z``; empty for one that no calendar has."""
    shown = date_text(at_ms)
    return f"{shown[:10]}T{shown[11:16]}Z" if shown[:1].isdigit() else ""


def many_text(number: int, word: str) -> str:
    """Return a count with its noun: ``1 statement``, ``2 repositories``."""
    if number != 1:
        word = f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
    return f"{count_text(number)} {word}"


def quoted(path: str) -> str:
    """Return a path for a URL: its slashes stay, everything else that is special is encoded."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def quoted_segment(text: str) -> str:
    """Return a text as one segment of a URL: slashes are encoded too, as in ``refs%2Fpr%2F1``."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def cut_name(text: str) -> str:
    """Return a name cut in the middle if it is longer than 60 characters, and legible in any case."""
    shown = legible(text)
    return shown if len(shown) <= _MAX_NAME else f"{shown[:36]}…{shown[-20:]}"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return the shape of a tensor: ``4,096 × 4,096``; that of a scalar is ``scalar``."""
    return " × ".join(f"{side:,}" for side in shape) or "scalar"


@functools.lru_cache(maxsize=1024)  # templates name few icons and classes
@functools.lru_cache(maxsize=512)
def icon_html(static: str, name: str, more: str = "") -> Markup:
    """Return an icon.

    Args:
        static: the address of the files of pages.
        more: classes that it has in addition.
    """
    made = Markup('<svg class="icon {}" aria-hidden="true"><use href="{}/icons.svg#{}"/></svg>')
    return made.format(more, static, name)


def moment_html(at_ms: int, now_ms: int, is_ahead: bool = False) -> Markup:
    """Return how long ago a time was, or how long it takes until then, with the time itself as a title."""
    words, iso = until_text(at_ms, now_ms) if is_ahead else age_text(at_ms, now_ms), iso_text(at_ms)
    tag, machine = ("time", f' datetime="{iso}"') if iso else ("span", "")
    return Markup(f'<{tag}{machine} title="{date_text(at_ms)}">{words}</{tag}>')  # noqa: S704 - only what is made above


def csrf_html(token: str | None) -> Markup:
    """Return the hidden field that tells that a form comes from a page of the hub."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token or "")


def _scaled(number: int, step: int, units: tuple[str, ...]) -> str:
    value, unit = float(number), 0
    # What is rounded up to a whole step has the next unit: "1.00 MB", never "1,000 kB".
    while unit < len(units) - 1 and (value >= step or (unit and round(value) >= step)):
        value, unit = value / step, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{digits}f} {units[unit]}".rstrip()
