"""Differences as pages show them: git's text format, divided into files and lines, with a bound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import attrs
from markupsafe import Markup, escape

from entrepot.server.rendering.code_colours import RESPONSE_CPU_S, ColourBudget, colour_lines
from entrepot.server.rendering.code_languages import language_of_file

MAX_LINES = 3_000
"""Lines of a diff that are shown."""

MAX_FILES = 100
"""Files of a diff that are named."""

_MAX_WIDTH = 2_000
_DRAWN = {
    "+": (' class="a"', '<span class="vh">added </span>', "+"),
    "-": (' class="d"', '<span class="vh">removed </span>', "\u2212"),
    " ": ("", "", " "),
}
"""How each sign of a line is shown: the class of the row, what a screen reader says, and the character."""
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_FILE = re.compile(r"diff --git (?:\"?a/)(.*)\Z")


class DiffLine(NamedTuple):
    """A line: ``sign`` is ``+``, ``-``, a space, or ``@`` for the head of a hunk; text that is code is HTML, marked.

    A page makes thousands of them, and a named tuple is made in a tenth of the time of a frozen attrs class.
    """

    sign: str
    text: str
    old: int | None = None
    new: int | None = None


@attrs.define
class FileDiff:
    """The changes of one file. ``note``: what is said of it instead of, or beside, its lines.

    ``is_cut``: it may have more lines than these.
    """

    path: str
    note: str = ""
    added: int = 0
    removed: int = 0
    lines: list[DiffLine] = attrs.field(factory=list)
    is_cut: bool = True


@attrs.frozen
class CommitDiff:
    """The changes of a commit. ``is_complete``: whether it lists all changed files."""

    files: list[FileDiff]
    is_complete: bool


def parse_diff(text: str) -> CommitDiff:
    """Divide a diff in git's format into its first files and lines."""
    files: list[FileDiff] = []
    left, old, new = MAX_LINES, 0, 0
    in_hunk = False
    for line in _lines(text):
        if line.startswith("diff --git "):
            if len(files) >= MAX_FILES:
                return CommitDiff(files, is_complete=False)
            files.append(FileDiff(_path_of(line)))
            in_hunk = False
            continue
        if not files:
            continue
        if line == "(more files differ)":
            return CommitDiff(files, is_complete=False)
        file, hunk = files[-1], _HUNK.match(line) if line.startswith("@@") else None
        if hunk:
            old, new, in_hunk = int(hunk[1]), int(hunk[2]), True
            shown = DiffLine("@", line)
        elif in_hunk and line[:1] in ("+", "-", " "):
            sign = line[0]
            file.added += sign == "+"
            file.removed += sign == "-"
            shown = DiffLine(sign, line[1:_MAX_WIDTH], None if sign == "+" else old, None if sign == "-" else new)
            old, new = old + (sign != "+"), new + (sign != "-")
        else:
            _note(file, line)
            file.is_cut = left < 0
            continue
        left -= 1
        file.is_cut = left < 0
        if not file.is_cut:
            file.lines.append(shown)
    return CommitDiff(files, is_complete=True)


def colour_diff(diff: CommitDiff) -> CommitDiff:
    """Return a diff whose lines have the colours of the language of their file, if that is known.

    Each side of a hunk is read as a text of its own, so one that begins within a comment is taken for code.
    """
    budget = ColourBudget(RESPONSE_CPU_S / 2)  # what else a long diff takes is as much as the rest of a file's page
    return attrs.evolve(diff, files=[_colour_file(file, budget) for file in diff.files])


def rows_html(lines: Sequence[DiffLine]) -> Markup:
    """Return the lines of a file as rows of a table; a template would take ten times longer."""
    return Markup("".join(_row_html(*line) for line in lines))  # noqa: S704 - escaped there


def _row_html(sign: str, text: str, old: int | None, new: int | None) -> str:
    shown = escape(text)
    if sign == "@":
        return f'<tr class="h"><td class="ln"></td><td class="ln"></td><td>{shown}</td></tr>\n'
    class_, said, drawn = _DRAWN[sign]
    numbers = f'<td class="ln">{old or ""}</td><td class="ln">{new or ""}</td>'
    return f'<tr{class_}>{numbers}<td>{said}<span aria-hidden="true">{drawn}</span>{shown}</td></tr>\n'


def _colour_file(file: FileDiff, budget: ColourBudget) -> FileDiff:
    language = language_of_file(file.path.rpartition("/")[2]) if file.lines else None
    if language is None:
        return file
    lines = list[DiffLine]()
    for is_head, group in groupby(file.lines, lambda line: line.sign == "@"):
        hunk = list(group)
        lines += hunk if is_head else _colour_hunk(hunk, language, budget)
    return attrs.evolve(file, lines=lines)


def _colour_hunk(hunk: Sequence[DiffLine], language: str, budget: ColourBudget) -> Iterator[DiffLine]:
    old = iter(colour_lines([line.text for line in hunk if line.sign != "+"], language, budget))
    new = iter(colour_lines([line.text for line in hunk if line.sign != "-"], language, budget))
    for sign, _, old_number, new_number in hunk:
        text = next(old) if sign != "+" else ""
        text = next(new) if sign != "-" else text
        yield DiffLine(sign, Markup(text), old_number, new_number)  # noqa: S704 - escaped there


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end].rstrip("\r")
        start = end + 1


def _path_of(line: str) -> str:
    """Return the path of a file; its two sides are equal, so the first is half of the line."""
    found = _FILE.match(line)
    both = found[1] if found else line
    half = (len(both) - len(" b/")) // 2
    if both[half : half + 3] == " b/" and both[:half] == both[half + 3 :]:
        return both[:half]
    return both.partition(" b/")[0].strip('"')


def _note(file: FileDiff, line: str) -> None:
    if line.startswith("new file"):
        file.note = "new file"
    elif line.startswith("deleted file"):
        file.note = "deleted"
    elif line.startswith("Binary files"):
        file.note = f"{file.note + ', ' if file.note else ''}not text"
    elif line.startswith(("old mode", "new mode")) and not file.note:
        file.note = "mode changed"
