"""The beginning of a card's text, for lists and descriptions."""

from __future__ import annotations

import re

MAX_SUMMARY = 500
"""Characters of a summary."""

MAX_CITATION = 4_000
"""Characters of a citation."""

_MOST_TEXT = 200_000
_BLOCK = re.compile(r"^```[^\n`]*\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"\A\s*#\s[^\n]*\n(?=\s*[^\s#])")
_HTML = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_NOTE = re.compile(r"^\[\^[^\]\n]+\]:[^\n]*(?:\n(?: {4}|\t)[^\n]*)*", re.MULTILINE)
_REFERENCE = re.compile(r"\[\^[^\]\n]+\]")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARK = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\|.*$|-{3,}$|={3,}$|```.*$)", re.MULTILINE)
_EMPHASIS = re.compile(r"[*`]")


def find_citation(text: str) -> str | None:
    """Return the first BibTeX block of a Markdown text, or the first code block that is an entry; None if none is."""
    for block in _BLOCK.finditer(text[:_MOST_TEXT]):
        entry = block["code"].strip()
        if entry.startswith("@") and "{" in entry[:40] and len(entry) <= MAX_CITATION:
            return entry
    return None


def summarise(text: str) -> str:
    """Return the beginning of a Markdown text as one line of plain text; ``…`` at the end if it was cut.

    A title at its beginning is left out if a text follows: it says what the name of the repository says already.
    """
    plain = _TITLE.sub("", text[: 20 * MAX_SUMMARY], count=1)
    for pattern, replacement in (
        *((_BLOCK, " "), (_HTML, " "), (_IMAGE, " "), (_NOTE, " "), (_REFERENCE, "")),
        *((_LINK, r"\1"), (_MARK, " "), (_EMPHASIS, "")),
    ):
        plain = pattern.sub(replacement, plain)
    line = " ".join(plain.split())
    if len(line) <= MAX_SUMMARY:
        return line
    return line[: MAX_SUMMARY - 1].rsplit(" ", 1)[0] + "…"
