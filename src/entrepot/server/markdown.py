"""Markdown as HTML that is safe to show beside everything else.

Two fences: the renderer passes no HTML of the writer on, and what it made is
cleaned once more by a list of what may stay. No scripts, no styles, no forms;
links and images lead to http(s) addresses, or to this hub, only.
"""

from __future__ import annotations

import html

import nh3
from markdown_it import MarkdownIt

MAX_RENDERED = 1 << 20
"""Characters that one :class:`Renderer` turns into HTML; what comes after that stays plain text."""

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "code": {"class"}}
_ADDRESSES = ("https://", "http://")
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


class Renderer:
    """Renders the texts of one answer, within bounds."""

    def __init__(self) -> None:
        self._left = MAX_RENDERED

    def render(self, text: str) -> str:
        """The HTML of a text; long after many others, the text itself in a paragraph."""
        self._left -= len(text)
        return render(text) if self._left >= 0 else f"<p>{html.escape(text)}</p>"


def render(text: str) -> str:
    """The HTML of a text in Markdown (CommonMark with tables and strikethrough); pure and thread-safe."""
    return nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """An attribute's value, or None to leave the attribute out."""
    if attribute == "class":
        return value if value.startswith("language-") and value.replace("-", "").isalnum() else None
    if tag == "img" and attribute == "src":
        is_own = value.startswith("/uploads/")
        return value if is_own or value.lower().startswith(_ADDRESSES) else None
    return value
