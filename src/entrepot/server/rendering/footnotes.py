"""Footnotes in the HTML of the Markdown parser: numbered ids, links to them and back.

The parser uses the labels of authors as ids. Here they become ``fn-N`` for notes and
``fnref-N`` for the first reference to each, numbered in the order in which labels occur.
Raw HTML of a card cannot forge such an id: until the cleaner has seen the HTML, ids hold a
key that is drawn for each text, and the cleaner keeps no id without it.
"""

from __future__ import annotations

import re
import secrets

import attrs

_MADE = re.compile(
    r'<sup class="footnote-reference"><a href="#([^"]*)">[0-9]+</a></sup>'
    r'|<div class="footnote-definition" id="([^"]*)"><sup class="footnote-definition-label">[0-9]+</sup>(?:\n<p>)?'
)
_ID = re.compile(r' id="fn(?:ref)?-[0-9]{1,6}"')
_LINK = re.compile(r'<a href="#fn(?:ref)?-[0-9]{1,6}"[^>]*>([0-9]{1,6})</a>')
_HELD = {"div": "fn", "sup": "fnref"}


@attrs.frozen
class FootnoteKey:
    """The key of the ids of one text, unknown to its author."""

    text: str = attrs.field(factory=lambda: secrets.token_hex(8))

    def is_id(self, tag: str, value: str) -> bool:
        """Return whether the value of an attribute ``id`` was made by :func:`number_footnotes` with this key."""
        kind = _HELD.get(tag)
        return kind is not None and re.fullmatch(rf"{kind}-{self.text}-[0-9]{{1,6}}", value) is not None

    def remove(self, cleaned: str) -> str:
        """Return HTML from the cleaner with ids ``fn-N`` and ``fnref-N``."""
        return cleaned.replace(f"-{self.text}-", "-")


def number_footnotes(made: str, key: FootnoteKey) -> str:
    """Return HTML of the parser whose footnotes have ids with numbers, and whose notes link back.

    A label that is defined twice has its first note; a reference without a note is its number. Guarantees: linear
    time, and no id twice.
    """
    if "footnote-" not in made:
        return made
    labels: dict[str, int] = {}
    notes = {str(found[2]) for found in _MADE.finditer(made) if found[2] is not None}
    cited = {str(found[1]) for found in _MADE.finditer(made) if found[1] is not None}
    placed: set[str] = set()

    def numbered(found: re.Match[str]) -> str:
        is_note = found[2] is not None
        label = str(found[2] if is_note else found[1])
        order = labels.setdefault(label, len(labels) + 1)
        ident = f"{'fn' if is_note else 'fnref'}-{key.text}-{order}"
        mark = "" if ident in placed else f' id="{ident}"'
        placed.add(ident)
        if is_note:
            back = f'<a href="#fnref-{key.text}-{order}">{order}</a>' if label in cited else str(order)
            return f"<div{mark}>\n<p><sup>{back}</sup> " + ("" if found[0].endswith("<p>") else "</p>")
        if label not in notes:
            return f"<sup>{order}</sup>"
        return f'<sup{mark}><a href="#fn-{key.text}-{order}">{order}</a></sup>'

    return _MADE.sub(numbered, made)


def without_anchors(cleaned: str) -> str:
    """Return HTML from the cleaner without ids and links of footnotes, to stand beside other texts."""
    return _LINK.sub(r"\1", _ID.sub("", cleaned)) if "fn" in cleaned else cleaned
