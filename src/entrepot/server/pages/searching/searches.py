"""The page of the search: repositories by name, tags and card, people and organisations, and collections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import collections
from entrepot.hub.community.collections import CollectionQuery
from entrepot.hub.context import HubContext
from entrepot.hub.search import searches
from entrepot.hub.search.searches import BEGIN, END, SearchHit
from entrepot.names import RepoType
from entrepot.server.handlers import query_choice, query_int
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import ICONS, facts_of

PAGE = 20
"""Repositories on a page."""

_TARGET = re.compile(r"!?\[([^][]*)\]\([^()\s]*(?:\)|$)")
_INNER = re.compile(r"[*_]{2,}|`{3,}\w*|`+|\||<[^<>]*>")
"""Emphasis, code and fences, cells of tables, and tags: wherever they are."""

_ALERT = r"\x02?(?:note|tip|important|warning|caution)\x03?"
_MARK = re.compile(
    rf"\[!{_ALERT}(?:\]|(?=…$))|(?<=^…){_ALERT}\]"
    r"|(?:^|(?<=\s))\[\x02?[ x]\x03?(?:\](?=\s|$)|(?=…$))|(?<=^…)\x02?x\x03?\](?=\s)",
    re.IGNORECASE,
)
"""Titles of alerts, and boxes of tasks: also as words that match, and cut by the ends of the part."""

_OUTER = re.compile(r"(?:^|(?<=\s))(?:#{1,6}|>+|[-+*]|[0-9]+\.|:?-{2,}:?)(?=\s|$)")
"""Headings, quotations, items of lists and rules: as words of their own."""

_MAX_ACCOUNTS, _MAX_COLLECTIONS, _MAX_TEXT = 10, 10, 500


@attrs.frozen
class FoundRepo:
    """A repository that matches. ``snippet``: text of its card, with the parts that match."""

    icon: str
    path: str
    namespace: str
    name: str
    is_private: bool
    is_gated: bool
    is_archived: bool
    facts: Sequence[str]
    updated_ms: int
    snippet: Sequence[tuple[str, bool]]


def routes() -> list[PageRoute]:
    """Return the route of this page."""
    return [PageRoute("/search", show_search)]


async def show_search(request: Request) -> Response:
    """Serve the results for the words of ``q``; without words, the form."""
    text = request.query_params.get("q", "").strip()[:_MAX_TEXT]
    page = query_int(request, "p", 0, low=0, high=searches.MAX_SKIP // PAGE)
    kinds = {kind.value: kind for kind in RepoType}
    kind = kinds.get(query_choice(request, "type", ("", *kinds), ""))
    return await show_page(request, lambda hub, caller: build_search(hub, caller, text, kind, page))


def build_search(hub: HubContext, caller: MaybeCaller, text: str, kind: RepoType | None, page: int) -> WebPage:
    """Return what matches words and what the caller may see.

    Args:
        kind: the type of repositories; None: all.
    """
    kinds = list(RepoType) if kind is None else [kind]
    found = searches.full_text(hub, caller, text, kinds, skip=page * PAGE, limit=PAGE)
    values: dict[str, object] = {
        "text": text,
        "kind": kind,
        "kinds": list(RepoType),
        "repos": [_found(hit) for hit in found.items],
        "total": found.total,
        "is_more": found.is_more,
        "page": page,
        "has_more": (page + 1) * PAGE < found.total,
        "users": (),
        "orgs": (),
        "collections": (),
        "query": urlencode([("q", text), *([("type", kind.value)] if kind else [])]),
        "api": "/api/search/full-text?" + urlencode([("q", text), *(("type", item.value) for item in kinds)]),
    }
    if text:
        named = searches.quick(hub, caller, text, [], limit=_MAX_ACCOUNTS)
        listed = collections.list_collections(hub, caller, CollectionQuery(text=text, limit=_MAX_COLLECTIONS))
        values |= {"users": named.users, "orgs": named.orgs, "collections": listed.items}
    return WebPage("search.html", f"Search: {text}" if text else "Search", values)


def without_markup(text: str) -> str:
    """Return a part of a card without the signs of Markdown; what links and pictures are called stays."""
    return " ".join(_OUTER.sub(" ", _INNER.sub(" ", _MARK.sub(" ", _TARGET.sub(r"\1", text)))).split())


def split_snippet(text: str) -> list[tuple[str, bool]]:
    """Return the parts of a snippet, and whether each is a match."""
    parts: list[tuple[str, bool]] = []
    for number, piece in enumerate(without_markup(text).split(BEGIN)):
        match, _, rest = piece.partition(END) if number else ("", "", piece)
        parts += [(part, is_match) for part, is_match in ((match, True), (rest, False)) if part]
    return parts


def _found(item: SearchHit) -> FoundRepo:
    row = item.hit.row
    return FoundRepo(
        ICONS[row.type.value],
        row.ref.path,
        row.ref.id.namespace,
        row.ref.id.name,
        row.is_private,
        row.gated != "no",
        row.is_archived,
        facts_of(row),
        row.updated_ms,
        split_snippet(item.hit.snippet),
    )
