"""Output of commands: results on standard output, messages and progress on standard error."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence

import click

_PROGRESS_EVERY_S = 1.0
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def show(line: str) -> None:
    """Print one line of the result."""
    click.echo(printable(line))


def show_message(line: str) -> None:
    """Print a message to standard error, where scripts that capture the output do not see it."""
    click.echo(printable(line), err=True)


def show_text(text: str) -> None:
    """Print a text of several lines as it is; on a terminal, which would obey control characters, these are visible."""
    click.echo(printable(text) if sys.stdout.isatty() else text, nl=not text.endswith("\n"))


def printable(text: str) -> str:
    """Return a text whose control characters are visible, for untrusted texts: a terminal would obey them.

    Line ends and tabs stay.
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def show_json(value: object) -> None:
    """Print a result as one JSON document, with keys in the given order."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns under a header; without rows, only the header."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def render_bytes(size: int) -> str:
    """Return a human-readable size: ``0 B``, ``1.5 MiB``."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} PiB"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 blob``, ``2,400 blobs``; ``plural`` is the noun with an ``s`` by default."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


class ProgressLine:
    """A progress line on standard error.

    On a terminal it is rewritten in place; elsewhere, at most one line a second is printed.
    """

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._last_s = float("-inf")
        self._width = 0

    def __call__(self, line: str) -> None:
        """Show the current activity."""
        now, line = time.monotonic(), printable(line)
        if self._on_terminal:
            click.echo(f"\r{line.ljust(self._width)}", err=True, nl=False)
            self._width = len(line)
        elif now - self._last_s >= _PROGRESS_EVERY_S:
            self._last_s = now
            click.echo(line, err=True)

    def clear(self) -> None:
        """Erase the line on a terminal before the next line of the result is printed."""
        if self._on_terminal and self._width:
            click.echo(f"\r{' ' * self._width}\r", err=True, nl=False)
            self._width = 0
