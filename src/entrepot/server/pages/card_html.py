"""Cards as text and as HTML: safe Markdown and raw HTML, with links and images of the repository itself.

Headings are one level lower, because the page has its own first heading. An image
from elsewhere becomes a link: showing it would tell another server who reads.
"""

from __future__ import annotations

import contextlib
import html
import re

import attrs

from entrepot.errors import EntryNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import RepoPath, RepoRef, parse_path
from entrepot.server.rendering import markdown

CARD = parse_path("README.md")
"""The path of the card of a repository."""

MAX_CARD = 1 << 20
"""Largest card that is rendered, in bytes."""

_FRONT_MATTER = re.compile(r"\A﻿?---[ \t]*\r?\n.*?^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_EXTERNAL = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z]+:)?//([^/?#]+)", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(h[1-6]|a|img|pre|table|div|sup)\b([^>]*)>")
_NOTE_ID = re.compile(r'<(?:div|sup) id="([a-z]+-[0-9]+)">')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_TEXT = re.compile(r"<[^>]+>")
_NOT_SLUG = re.compile(r"[^\w\- ]+")
_REL = 'rel="nofollow noopener noreferrer"'


@attrs.frozen
class CardLinks:
    """Where links and images of a card lead.

    ``files``, ``images``: the root of the repository for each, ending in a slash; ``root``: the path prefix of the hub;
    ``prefix``: of the ids of headings and footnotes, different for each text on a page.
    """

    files: str
    images: str
    root: str = ""
    prefix: str = "card"


def read_card(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath = CARD) -> str | None:
    """Return the text of a card without its front matter; None if there is no card, or one above 1 MiB.

    Args:
        path: of the README of a folder.

    Raises:
        GatedRepo: the caller may not read the files.
    """
    text = read_readme(hub, caller, ref, revision, path)
    return None if text is None else without_front_matter(text)


def read_readme(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath = CARD) -> str | None:
    """Return the whole text of a card, as :func:`read_card`."""
    with contextlib.suppress(EntryNotFound):
        located = contents.locate(hub, caller, ref, revision, path)
        if located.size <= MAX_CARD:
            with contextlib.closing(located.open(hub)) as content:
                return content.read_at(0, located.size).decode("utf-8", "replace")
    return None


def without_front_matter(text: str) -> str:
    """Return a card without the YAML block at its beginning."""
    return _FRONT_MATTER.sub("", text, count=1).strip()


def render_card(text: str, links: CardLinks) -> str:
    """Return a card as safe HTML. Guarantees: bounded as :func:`entrepot.server.rendering.markdown.render_card`."""
    return relink(markdown.render_card(without_comments(text)), links)


def without_comments(text: str) -> str:
    """Return Markdown without HTML comments, which cards use for notes to their authors; code keeps them."""
    if "<!--" not in text or len(text) > markdown.MAX_TEXT:
        return text
    text = text.encode("utf-8", "replace").decode()
    data, pieces, done = text.encode(), list[bytes](), 0
    for event, place in markdown.parse(text):
        start, end = place["start"], place["end"]
        is_html = event == {"Start": "HtmlBlock"} or (isinstance(event, dict) and "InlineHtml" in event)
        raw = data[start:end].strip()
        if is_html and start >= done and raw.startswith(b"<!--") and raw.endswith(b"-->"):
            pieces.append(data[done:start])
            done = end
    return b"".join((*pieces, data[done:])).decode()


def relink(made: str, links: CardLinks) -> str:
    """Return HTML from the cleaner of Markdown with lower headings and links that lead into the repository.

    Code and tables can be scrolled with the keyboard. No id occurs twice: of headings with the same text, and of those
    called like the id of a footnote, the later ones have a number: ``card-usage-1``.
    """
    used = dict.fromkeys(_NOTE_ID.findall(made), 1)
    is_in_link = False

    def changed(tag: re.Match[str]) -> str:
        nonlocal is_in_link
        closing, name, rest = str(tag[1]), str(tag[2]), str(tag[3])
        if name in ("pre", "table"):  # they scroll inside their box, with the keyboard as well
            return tag[0] if closing else f'<{name} tabindex="0"{_kept(rest, "dir")}>'
        if name in ("div", "sup"):
            return tag[0].replace(' id="', f' id="{links.prefix}-', 1)  # quotes inside a value are escaped
        if name[0] == "h":
            level = min(int(name[1]) + 1, 6)
            if closing:
                return f"</h{level}>"
            return f"<h{level}{_anchor(made, tag.end(), used, links.prefix)}{_kept(rest, 'align')}>"
        if name == "a":
            is_in_link = not closing
            return "</a>" if closing else _link(rest, links)
        return _image(rest, links, is_in_link=is_in_link)

    return _TAG.sub(changed, made)


def _anchor(made: str, start: int, used: dict[str, int], prefix: str) -> str:
    end = made.find("</h", start)
    title = html.unescape(_TEXT.sub("", made[start:end])).lower()
    slug = _NOT_SLUG.sub("", title).strip().replace(" ", "-")[:80]
    if not slug:
        return ""
    first = slug
    while slug in used:
        slug = f"{first}-{used[first]}"
        used[first] += 1
    used[slug] = 1
    return f' id="{prefix}-{html.escape(slug)}"'


def _kept(rest: str, *names: str) -> str:
    found: dict[str, str] = dict(_ATTRIBUTE.findall(rest))
    return "".join(f' {name}="{found[name]}"' for name in names if name in found)


def _link(rest: str, links: CardLinks) -> str:
    found: dict[str, str] = dict(_ATTRIBUTE.findall(rest))
    href = html.unescape(found.get("href", ""))
    target = f"#{links.prefix}-{href[1:]}" if href.startswith("#") else _target(href, links.files, links.root)
    title = f' title="{found["title"]}"' if "title" in found else ""
    return f'<a href="{html.escape(target)}"{title} {_REL}>'


def _image(rest: str, links: CardLinks, *, is_in_link: bool) -> str:
    found: dict[str, str] = dict(_ATTRIBUTE.findall(rest))
    source, alt = html.unescape(found.get("src", "")), found.get("alt", "")
    if not source:
        return alt
    if not _EXTERNAL.match(source):
        source = _target(source, links.images, links.root)
    else:
        host = _HOST.match(source)
        label = alt or html.escape(host[1] if host else "image")
        if is_in_link:
            return label
        return f'<a href="{html.escape(source)}" {_REL}>{label}</a>'
    return f'<img src="{html.escape(source)}" alt="{alt}" loading="lazy"{_kept(rest, "width", "height", "align")}>'


def _target(href: str, base: str, root: str) -> str:
    """Return where a link leads; a relative one stays below the base, whatever dots it has."""
    if not href or _EXTERNAL.match(href):
        return href
    if href.startswith("/"):
        return root + href
    path, mark, rest = href.partition("#")
    path, query_mark, query = path.partition("?")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return base + "/".join(parts) + query_mark + query + mark + rest
