"""Rendering of untrusted Markdown to safe HTML, with bounded time and size.

Two barriers: raw HTML in a text is escaped before rendering, and the rendered
HTML is filtered by an allowlist. No scripts, no styles, no forms; links and
images can only point to http(s) URLs or to this hub. Cards keep raw HTML of a
longer allowlist, because those of public models begin with centred pictures
and hold tables and folds: such tags are nested properly before they reach the
cleaner, so that it has nothing to repair, and nothing to multiply. Footnotes
have ids (:mod:`entrepot.server.rendering.footnotes`).

The parser (pulldown-cmark, wrapped by pyromark) takes linear time. The cost of
the other steps is bounded by the size of its output and by its nesting depth:
the cleaner needs quadratic time for nested elements. A text above a bound is
shown unformatted in a ``pre`` element, below a note.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from entrepot.server.rendering import code_colours
from entrepot.server.rendering.code_colours import ColourBudget
from entrepot.server.rendering.code_languages import language_of_block
from entrepot.server.rendering.footnotes import FootnoteKey, number_footnotes
from entrepot.server.rendering.html_caches import HtmlCache, key_of
from entrepot.server.rendering.tasks_and_alerts import show_tasks_and_alerts

if TYPE_CHECKING:
    from pyromark import Options

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
    "a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol",
    "p", "pre", "s", "span", "strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "code": {"class"}, "span": {"class"},
    "div": {"id"}, "sup": {"id"},
}  # fmt: skip
_CARD_BLOCKS = {
    "blockquote", "center", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "li", "ol", "p", "pre", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_CARD_INLINE = {
    "a", "abbr", "b", "br", "code", "del", "em", "i", "img", "ins", "kbd", "mark", "s", "small", "span", "strong",
    "sub", "sup", "u",
}  # fmt: skip
_CARD_TAGS = _CARD_BLOCKS | _CARD_INLINE
_CARD_ATTRIBUTES = {
    **_ATTRIBUTES,
    "div": {"align", "id"},
    **{name: {"align"} for name in ("h1", "h2", "h3", "h4", "h5", "h6", "p", "tr")},
    **{name: {"align", "colspan", "rowspan"} for name in ("td", "th")},
    "img": {"src", "alt", "title", "width", "height", "align"},
    "abbr": {"title"},
    "details": {"open"},
}
_CELLS, _ITEMS = {"td", "th"}, {"dd", "dt"}
_IMPLIED: Mapping[str, tuple[set[str], set[str]]] = {
    "li": ({"li"}, {"ul", "ol"}),
    **dict.fromkeys(_ITEMS, (_ITEMS, {"dl"})),
    **dict.fromkeys(_CELLS, (_CELLS, {"table"})),
    "tr": ({"tr"}, {"table"}),
    **dict.fromkeys(("tbody", "tfoot", "thead"), ({"tbody", "tfoot", "thead"}, {"table"})),
}
_RAW_ATTRIBUTE = r"""\s++[a-zA-Z_:@][\w:.@-]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'=<>`]++)|(?!\s*+=))"""
_RAW_TAG = re.compile(rf"<(/?)([a-zA-Z][a-zA-Z0-9]*+)(?:{_RAW_ATTRIBUTE})*+\s*+/?>")
_NOT_IN_CARDS = re.compile(rf"<(?!/?(?:{'|'.join(sorted(_CARD_TAGS))})(?:[\s/>]|$))", re.IGNORECASE)
_ADDRESSES = ("https://", "http://")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[\s/>]")
_EMPTY = frozenset(("br", "hr", "img"))
_BLOCK = re.compile(r'(?<=<pre><code class="language-)([^"<>]+)">([^<]*)(?=</code></pre>)')

_FROM_THE_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_DIRECTION = ' dir="auto"'

AttributeFilter = Callable[[str, str, str], str | None]
"""Returns the value of an attribute (element, name, value), or None to remove it."""


@attrs.frozen
class _Profile:
    """What a kind of text may hold: its elements, their attributes, and whether raw HTML is formatted."""

    name: str
    tags: set[str]
    attributes: Mapping[str, set[str]]
    kept: AttributeFilter
    has_html: bool = False


class Renderer:
    """Renders the texts of one response, with a limit on their total size; for use by one thread at a time.

    Texts are Markdown (CommonMark with tables, strikethrough and footnotes); fenced blocks have colours
    (:mod:`entrepot.server.rendering.code_colours`). The only ids are those of footnotes: ``fn-N`` and ``fnref-N``.

    Guarantees: a text of 64 KiB takes less than 0.1 CPU seconds, and what colours may take; its HTML is at most six
    times as long as the text or :data:`MAX_HTML`, plus a note. Results for equal texts are cached.
    """

    def __init__(self) -> None:
        self._left = MAX_RENDERED
        self._colours = ColourBudget()

    def render(self, text: str) -> str:
        """Return the HTML of a text; unformatted after a megabyte of other texts."""
        self._left -= len(text)
        return _cached(text, _COMMENT, self._colours) if self._left >= 0 else as_written(text)


_CACHE = HtmlCache(_CACHE_BYTES)


def render_card(text: str) -> str:
    """Render the text of a card as :class:`Renderer` does, but with raw HTML and with images at relative addresses.

    The caller turns these into addresses in the repository. Guarantees: thread-safe.
    """
    return _cached(text, _CARD, ColourBudget())


def _cached(text: str, profile: _Profile, colours: ColourBudget) -> str:
    if len(text) > MAX_TEXT:
        return as_written(text)
    key = key_of(profile.name, text)
    found = _CACHE.find(key)
    if found is None:
        found = show_tasks_and_alerts(_render(text, profile, colours))
        if not colours.is_spent:  # what there was no time for gets its colours the next time
            _CACHE.put(key, found)
    return found


def as_written(text: str) -> str:
    """Return HTML that shows a text unformatted, below a note that says so."""
    return f"{_NOTE}<pre>{html.escape(text)}</pre>\n"


def _render(text: str, profile: _Profile, colours: ColourBudget) -> str:
    # Imported for the first text only: they take 2.4 MB, and many hubs hold no discussions.
    import nh3

    text, key = text.encode("utf-8", "replace").decode(), FootnoteKey()
    made = _formatted(text, key, is_html_kept=profile.has_html)
    if made is None and profile.has_html:
        made = _formatted(text, key, is_html_kept=False)
    if made is None:
        return as_written(text)
    coloured = _coloured(made, colours)

    def kept(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "id":
            return value if key.is_id(tag, value) else None
        return profile.kept(tag, attribute, value)

    cleaned = nh3.clean(
        made if _is_too_much(coloured) else coloured,
        tags=profile.tags,
        attributes=dict(profile.attributes),
        attribute_filter=kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
        set_tag_attribute_values=_directions(text, made),
    )
    return key.remove(cleaned)


def _directions(text: str, made: str) -> Mapping[str, Mapping[str, str]]:
    """Return the attributes with which lists, quotes and tables run from the right if their text does.

    Other blocks need none: the stylesheet gives paragraphs the direction of their text, but not their markers.
    """
    if not _FROM_THE_RIGHT.search(text) or len(made) + len(_DIRECTION) * made.count("<") > MAX_HTML:
        return {}
    return {tag: {"dir": "auto"} for tag in ("ul", "ol", "blockquote", "table")}


def parse(text: str) -> Iterable[tuple[Any, Any]]:
    """Return the events of the parser with the bytes that they stand for, as texts of this module are parsed."""
    import pyromark

    return pyromark.events_with_range(text, options=_options())


def _options() -> Options:
    import pyromark

    known = pyromark.Options
    return known.ENABLE_TABLES | known.ENABLE_STRIKETHROUGH | known.ENABLE_FOOTNOTES


def _formatted(text: str, key: FootnoteKey, *, is_html_kept: bool) -> str | None:
    """Return the HTML of a text, with its raw HTML escaped or nested; None if it is too much for the cleaner."""
    import pyromark

    options = _options()
    made = pyromark.html(text, options=options)
    if len(made) > MAX_HTML or (not is_html_kept and _is_too_much(made)):
        return None
    if "<" in text:
        escaped = _escape_raw_html(text, parse(text), is_html_kept=is_html_kept)
        if escaped != text:
            made = pyromark.html(escaped, options=options)
    made = number_footnotes(made, key)
    if is_html_kept and len(made) <= MAX_HTML:
        made = _nested(made)
    return None if _is_too_much(made) else made


def _nested(made: str) -> str:
    """Return HTML that nests properly and has no elements but those of cards; what else begins with ``<`` is escaped.

    An element of text holds no block, and neither does a paragraph; what is open at the end is closed. Takes linear
    time up to :data:`MAX_DEPTH`, and leaves the rest out when it is deeper: that is more than the cleaner is given.
    """
    pieces, stack, done = list[str](), list[str](), 0

    def close(depth: int) -> None:
        while len(stack) > depth:
            pieces.append(f"</{stack.pop()}>")

    at = made.find("<")
    while at >= 0 and len(stack) <= MAX_DEPTH:
        pieces.append(made[done:at])
        tag = _RAW_TAG.match(made, at)
        name = str(tag[2]).lower() if tag else ""
        if tag is None or name not in _CARD_TAGS:
            pieces.append("&lt;")
            done = at + 1
        elif tag[1]:
            done = tag.end()
            if name in stack:
                close(len(stack) - 1 - stack[::-1].index(name))
        else:
            done = tag.end()
            close(_depth_for(name, stack))
            pieces.append(f"<{name}{tag[0][1 + len(name) :]}")
            if name not in _EMPTY:
                stack.append(name)
        at = made.find("<", done)
    pieces.append(made[done:] if at < 0 else "")
    if len(stack) <= MAX_DEPTH:
        close(0)
    return "".join(pieces)


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


def _depth_for(name: str, stack: Sequence[str]) -> int:
    """Return how many of the open elements stay open when an element begins."""
    if name not in _CARD_BLOCKS:
        return stack.index("a") if name == "a" and "a" in stack else len(stack)
    blocks = next((depth for depth, opened in enumerate(stack) if opened in _CARD_INLINE or opened == "p"), len(stack))
    ended, outer = _IMPLIED.get(name, ((), ()))
    for depth in range(blocks - 1, -1, -1):
        if stack[depth] in ended:
            return depth
        if stack[depth] in outer:
            break
    return blocks


def _escape_raw_html(text: str, events: Iterable[tuple[Any, Any]], *, is_html_kept: bool) -> str:
    """Return the text with every ``<`` that begins raw HTML, according to the parser's events, written as ``&lt;``.

    Args:
        is_html_kept: leave the ``<`` of elements that cards may have.
    """

    def escaped(raw: bytes) -> bytes:
        return _NOT_IN_CARDS.sub("&lt;", raw.decode()).encode() if is_html_kept else raw.replace(b"<", b"&lt;")

    data, pieces, done = text.encode(), list[bytes](), 0
    for event, place in events:
        if isinstance(event, dict) and ("Html" in event or "InlineHtml" in event):
            start, end = place["start"], place["end"]
            pieces += (data[done:start], escaped(data[start:end]))
            done = max(done, end)
    return b"".join((*pieces, data[done:])).decode()


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


_COMMENT = _Profile("", _TAGS, _ATTRIBUTES, _kept)
_CARD = _Profile("card", _CARD_TAGS, _CARD_ATTRIBUTES, _kept_in_card, has_html=True)
