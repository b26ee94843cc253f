"""The beginning of a card's text, for lists and descriptions."""

from __future__ import annotations

import re

MAX_SUMMARY = 500
"""Characters of a summary."""

MAX_CITATION = 4_000
"""Characters of a citation."""

_MAX_TEXT = 200_000
_BLOCK = re.compile(r"^```[^\n`]*\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"\A\s*#\s[^\n]*\n(?=\s*[^\s#])")
# No expression reads a text again from each of many beginnings that have no end.
_HTML = re.compile(r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]*>", re.DOTALL)
_PICTURE = r"!\[[^\[\]]*\](?:\([^)\n]{0,1000}\)|\[[^\[\]]*\])"
_IMAGE = re.compile(rf"\[{_PICTURE}\]\([^)\n]{{0,1000}}\)|{_PICTURE}|<img\b[^<>]*>", re.IGNORECASE)
_BETWEEN = " \t,;|·•"  # what separates pictures in a line
_NOTE = re.compile(r"^\[\^[^\]\n]+\]:[^\n]*(?:\n(?: {4}|\t)[^\n]*)*", re.MULTILINE)
_REFERENCE = re.compile(r"\[\^[^\[\]\n]+\]")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^)]{0,1000}\)")
_MARK = re.compile(
    r"^[^\S\n]*(?:#{1,6}\s+|>\s?(?:\[![A-Za-z]+\][ \t]*$)?|[-*+]\s+(?:\[[ xX]\]\s+)?|\|.*$|-{3,}$|={3,}$|```.*$)",
    re.MULTILINE,
)
_EMPHASIS = re.compile(r"[*`]")


def find_citation(text: str) -> str | None:
    """Return the first BibTeX block of a Markdown text, or the first code block that is an entry; None if none is."""
    for block in _BLOCK.finditer(text[:_MAX_TEXT]):
        entry = block["code"].strip()
        if entry.startswith("@") and "{" in entry[:40] and len(entry) <= MAX_CITATION:
            return entry
    return None


def summarise(text: str) -> str:
    """Return the beginning of a Markdown text as one line of plain text; ``…`` at the end if it was cut.

    A title at its beginning is left out if a text follows: it says what the name of the repository says already.
    """
    plain = _TITLE.sub("", text[: 20 * MAX_SUMMARY], count=1)
    plain = _without_pictures(_BLOCK.sub(" ", plain))
    for pattern, replacement in (
        *((_HTML, " "), (_NOTE, " "), (_REFERENCE, "")),
        *((_LINK, r"\1"), (_MARK, " "), (_EMPHASIS, "")),
    ):
        plain = pattern.sub(replacement, plain)
    line = " ".join(plain.split())
    if len(line) <= MAX_SUMMARY:
        return line
    return line[: MAX_SUMMARY - 1].rsplit(" ", 1)[0] + "…"


def _without_pictures(text: str) -> str:
    """Return a text without its pictures and what separated them; what they separated stays apart."""
    made, gap = "", ""
    for piece in _IMAGE.split(text):
        rest = piece.lstrip(_BETWEEN)
        gap += piece[: len(piece) - len(rest)]
        if not rest:
            continue
        is_apart = made.strip() and not made.endswith("\n") and not rest.startswith(("\n", ".", ":", "!", "?", ")"))
        mark = next((sign for sign in gap if sign not in " \t"), "")
        made += (f"{mark} " if is_apart else "") + rest.rstrip(_BETWEEN)
        gap = rest[len(rest.rstrip(_BETWEEN)) :]
    return made
