"""Pages of collections: the list, and one collection with its items."""

from __future__ import annotations

from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.community import collections
from entrepot.hub.community.collection_items import MAX_ITEMS
from entrepot.hub.community.collection_views import Collection, CollectionItem
from entrepot.hub.community.collections import CollectionQuery
from entrepot.hub.context import HubContext
from entrepot.server.handlers import query_choice, query_int
from entrepot.server.hf.pages import after_of, render_cursor
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import ICONS
from entrepot.server.raw_path import decode_segment

PAGE = 30
"""Collections on a page."""

ITEMS = 100
"""Items on a page of a collection."""

_SORT = "lastModified"


@attrs.frozen
class ItemLine:
    """An item of a collection. ``path``: of its page, empty for things outside of the hub."""

    icon: str
    name: str
    path: str
    kind: str
    note: str
    is_private: bool
    is_gated: bool
    is_archived: bool = False


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute("/collections", show_collections),
        PageRoute("/collections/{namespace}/{slug}", show_collection),
        PageRoute("/collections/{slug}", show_collection),
    ]


async def show_collections(request: Request) -> Response:
    """Serve a page of collections, filtered by ``owner`` and words in ``q``, in the order of ``sort``."""
    owner, text = request.query_params.get("owner", ""), request.query_params.get("q", "").strip()
    sort = query_choice(request, "sort", collections.SORTS, _SORT)
    wanted = CollectionQuery([owner] if owner else (), (), text, sort, after_of(request), PAGE)
    return await show_page(request, lambda hub, caller: build_collections(hub, caller, wanted))


async def show_collection(request: Request) -> Response:
    """Serve a collection; only the id at the end of its address counts."""
    slug, page = decode_segment(request.path_params["slug"]), query_int(request, "p", 0, low=0, high=MAX_ITEMS)
    return await show_page(request, lambda hub, caller: build_collection(hub, caller, slug, page))


def build_collections(hub: HubContext, caller: MaybeCaller, wanted: CollectionQuery) -> WebPage:
    """Return a page of the collections that the caller may see."""
    found = collections.list_collections(hub, caller, wanted)
    query = [("q", wanted.text), *(("owner", owner) for owner in wanted.owners)]
    query += [("sort", wanted.sort)] if wanted.sort != _SORT else []
    query = [pair for pair in query if pair[1]]
    more = None if found.after is None else urlencode([*query, ("cursor", render_cursor(found.after))])
    values = {
        "found": found.items,
        "text": wanted.text,
        "owner": next(iter(wanted.owners), ""),
        "more": more,
        "api": f"/api/collections?{urlencode(query)}",
    }
    return WebPage("collections.html", "Collections", values)


def build_collection(hub: HubContext, caller: MaybeCaller, slug: str, page: int = 0) -> WebPage:
    """Return a collection with a page of its items, without those that are hidden from the caller.

    Raises:
        ThingNotFound: it does not exist, or is private and not visible to the caller.
    """
    found: Collection = collections.get(hub, caller, slug)
    values = {
        "found": found,
        "may_change": may_change(caller, found),
        "items": [line_of(item) for item in found.items[page * ITEMS : (page + 1) * ITEMS]],
        "first": page * ITEMS + 1,
        "page": page,
        "has_more": (page + 1) * ITEMS < len(found.items),
        "api": f"/api/collections/{quoted(found.slug)}",
    }
    return WebPage("collection.html", found.row.title, values)


def may_change(caller: MaybeCaller, found: Collection) -> bool:
    """Return whether a page shows the forms of a collection; the use cases decide."""
    role = None if caller is None else caller.own_role(found.owner.id)
    return role is not None and role >= Role.WRITE


def line_of(item: CollectionItem) -> ItemLine:
    """Return an item as a line of a list."""
    row, repo = item.row, item.repo
    if repo is not None:
        icon, path = ICONS[repo.type.value], repo.ref.path
        badges = (repo.is_private, repo.gated != "no", repo.is_archived)
        return ItemLine(icon, item.name, path, row.kind, row.note or "", *badges)
    path = f"collections/{item.name}" if row.kind == "collection" else ""
    return ItemLine("folder" if path else "file", item.name, path, row.kind, row.note or "", False, False)
