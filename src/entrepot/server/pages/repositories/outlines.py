"""Outlines of cards: their headings as a nested list of links."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import attrs

LEAST_HEADINGS = 4
"""Headings of a card that has an outline, at least."""

MAX_HEADINGS = 100
"""Headings in an outline, at most."""

_HEADING = re.compile(r'<h([2-6]) id="([^"]*)"[^>]*>(.*?)</h\1>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LONGEST = 100


@attrs.define
class OutlineItem:
    """A heading: its text, the id of its element, and the headings below it."""

    title: str
    anchor: str
    below: list[OutlineItem] = attrs.field(factory=list)


def outline_of(made: str) -> Sequence[OutlineItem]:
    """Return the headings of a rendered card as a tree; empty if it has few.

    A heading belongs to the last one before it of a higher level, even if levels are left out. Titles are plain text.

    Args:
        made: HTML from :func:`entrepot.server.pages.card_html.render_card`, which gives headings their ids.
    """
    top = list[OutlineItem]()
    path = list[tuple[int, OutlineItem]]()
    count = 0
    for heading in _HEADING.finditer(made):
        title = " ".join(html.unescape(_TAG.sub("", heading[3])).split())
        if not title:
            continue
        count += 1
        if count > MAX_HEADINGS:
            break
        level, item = int(heading[1]), OutlineItem(title[:_LONGEST], html.unescape(heading[2]))
        while path and path[-1][0] >= level:
            path.pop()
        (path[-1][1].below if path else top).append(item)
        path.append((level, item))
    return top if count >= LEAST_HEADINGS else ()
