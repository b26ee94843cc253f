"""Rendering of untrusted Markdown to safe HTML, with bounded time and size.

Two barriers: raw HTML in a text is escaped before rendering, and the rendered
HTML is filtered by an allowlist. No scripts, no styles, no forms; links and
images can only point to http(s) URLs or to this hub.

The parser (pulldown-cmark, wrapped by pyromark) takes linear time. The cost of
the other steps is bounded by the size of its output and by its nesting depth:
the cleaner needs quadratic time for nested elements. A text above a bound is
shown unformatted in a ``pre`` element, below a note.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from typing import Any

from entrepot.server.rendering import code_colours
from entrepot.server.rendering.code_colours import ColourBudget
from entrepot.server.rendering.code_languages import language_of_block
from entrepot.server.rendering.html_caches import HtmlCache, key_of

MAX_RENDERED = 1 << 20
"""Total characters that one :class:`Renderer` formats; later texts stay unformatted."""

MAX_TEXT = 256 << 10
"""Maximum characters of one formatted text."""

MAX_HTML = 400_000
"""Maximum characters of the HTML of one text."""

MAX_DEPTH = 64
"""Maximum nesting depth of elements."""

_CACHE_BYTES = 4 << 20
_NOTE = "<p><em>This text is too long or too complex to be formatted; it is shown as it was written.</em></p>\n"
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "code": {"class"}, "span": {"class"},
}  # fmt: skip
_ADDRESSES = ("https://", "http://")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[ >]")
_EMPTY = frozenset(("br", "hr", "img"))
_BLOCK = re.compile(r'(?<=<pre><code class="language-)([^"<>]+)">([^<]*)(?=</code></pre>)')

AttributeFilter = Callable[[str, str, str], str | None]
"""Returns the value of an attribute (element, name, value), or None to remove it."""


class Renderer:
    """Renders the texts of one response, with a limit on their total size."""

    def __init__(self) -> None:
        self._left = MAX_RENDERED
        self._colours = ColourBudget()

    def render(self, text: str) -> str:
        """Return the HTML of a text; unformatted after a megabyte of other texts."""
        self._left -= len(text)
        return _cached(text, "", _kept, self._colours) if self._left >= 0 else as_written(text)


_CACHE = HtmlCache(_CACHE_BYTES)


def render(text: str) -> str:
    """Render Markdown (CommonMark with tables and strikethrough) to HTML; pure and thread-safe.

    Fenced blocks have colours (:mod:`entrepot.server.rendering.code_colours`).

    Guarantees: takes less than 0.1 CPU seconds for any text of 64 KiB, and what colours may take; the result is at
    most six times as long as the text or :data:`MAX_HTML`, plus a note. Results for equal texts are cached.
    """
    return _cached(text, "", _kept, ColourBudget())


def render_card(text: str) -> str:
    """Render the text of a card as :func:`render` does, but with images at relative addresses.

    The caller makes addresses out of them that lead into the repository.
    """
    return _cached(text, "card", _kept_in_card, ColourBudget())


def _cached(text: str, profile: str, kept: AttributeFilter, colours: ColourBudget) -> str:
    if len(text) > MAX_TEXT:
        return as_written(text)
    key = key_of(profile, text)
    found = _CACHE.find(key)
    if found is None:
        is_whole = colours.is_whole
        found = _render(text, kept, colours)
        if is_whole or not colours.is_spent:  # what earlier texts left no time for gets its colours the next time
            _CACHE.keep(key, found)
    return found


def as_written(text: str) -> str:
    """Return HTML that shows a text unformatted, below a note that says so."""
    return f"{_NOTE}<pre>{html.escape(text)}</pre>\n"


def _render(text: str, kept: AttributeFilter, colours: ColourBudget) -> str:
    # Imported for the first text only: they take 2.4 MB, and many hubs hold no discussions.
    import nh3
    import pyromark

    options = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH
    text = text.encode("utf-8", "replace").decode()
    made = pyromark.html(text, options=options)
    if _is_too_much(made):
        return as_written(text)
    if "<" in text:
        escaped = _escape_raw_html(text, pyromark.events_with_range(text, options=options))
        if escaped != text:
            made = pyromark.html(escaped, options=options)
            if _is_too_much(made):
                return as_written(text)
    coloured = _coloured(made, colours)
    return nh3.clean(
        made if _is_too_much(coloured) else coloured,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


def _coloured(made: str, colours: ColourBudget) -> str:
    """Return HTML of the parser with colours in fenced blocks whose language is known."""

    def replaced(block: re.Match[str]) -> str:
        language = language_of_block(html.unescape(block[1]))
        if language is None:
            return block[0]
        return f'{block[1]}">{code_colours.colour(html.unescape(block[2]), language, colours)}'

    return _BLOCK.sub(replaced, made)


def _is_too_much(made: str) -> bool:
    """Return whether HTML is too large or too deeply nested for the cleaner."""
    if len(made) > MAX_HTML:
        return True
    depth = 0
    for tag in _TAG.finditer(made):
        if tag[2] in _EMPTY:
            continue
        depth += -1 if tag[1] else 1
        if depth > MAX_DEPTH:
            return True
    return False


def _escape_raw_html(text: str, events: Iterable[tuple[Any, Any]]) -> str:
    """Return the text with every ``<`` that begins raw HTML, according to the parser's events, written as ``&lt;``."""
    data, pieces, done = text.encode(), list[bytes](), 0
    for event, place in events:
        if isinstance(event, dict) and ("Html" in event or "InlineHtml" in event):
            start, end = place["start"], place["end"]
            pieces += (data[done:start], data[start:end].replace(b"<", b"&lt;"))
            done = max(done, end)
    return b"".join((*pieces, data[done:])).decode()


def _size_of(made: str) -> int:
    return 4 * len(made) if not made.isascii() else len(made) + 200


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an attribute, or None to remove the attribute."""
    if tag == "span":
        return value if value in code_colours.CLASSES else None
    if attribute == "class":
        return value if value.startswith("language-") and value.replace("-", "").isalnum() else None
    if tag == "img" and attribute == "src":
        is_own = value.startswith("/uploads/")
        return value if is_own or value.lower().startswith(_ADDRESSES) else None
    return value


def _kept_in_card(tag: str, attribute: str, value: str) -> str | None:
    """As :func:`_kept`, with sources of images at any address that the allowed schemes let pass."""
    return value if (tag, attribute) == ("img", "src") else _kept(tag, attribute, value)
