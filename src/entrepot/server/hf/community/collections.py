"""Collections. Source: docs/protocols/hf_api.md, section 1B.3."""

from __future__ import annotations

import html

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import AlreadyExists, Malformed
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collection_items import ItemUpdate
from entrepot.hub.community.collection_views import Collection, CollectionItem
from entrepot.hub.community.collections import CollectionDraft, CollectionQuery, CollectionUpdate
from entrepot.server.bodies import read_small
from entrepot.server.handlers import MAX_JSON, call_hub, json_response, query_int, query_list, read_json
from entrepot.server.hf.accounts.people import AvatarUrl, avatar_urls
from entrepot.server.hf.pages import after_of, link_to
from entrepot.server.raw_path import decode_segment
from entrepot.wire.community.collections import (
    CollectionChanged,
    CollectionConflict,
    CollectionInfo,
    CollectionItemInfo,
    CollectionOwner,
    CollectionPatch,
    ItemAction,
    ItemChanges,
    NewCollection,
    NewItem,
    Note,
)
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_BASE = "/api/collections"
_ONE = f"{_BASE}/{{namespace}}/{{slug}}"
_PAGE = 100


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route(_BASE, list_collections),
        Route(_BASE, create, methods=["POST"]),
        *(
            Route(f"{_BASE}/{{uid}}{tail}", handle, methods=[method])
            for method, tail, handle in (
                ("GET", "", show),
                ("PATCH", "", update),
                ("DELETE", "", delete),
                ("POST", "/upvote", upvote),
                ("DELETE", "/upvote", withdraw),
                ("POST", "/items", add_item),
                ("POST", "/items/batch", update_items),
                ("PATCH", "/items/{item}", update_item),
                ("DELETE", "/items/{item}", remove_item),
            )
        ),
        Route(_ONE, show),
        Route(_ONE, update, methods=["PATCH"]),
        Route(_ONE, delete, methods=["DELETE"]),
        Route(f"{_ONE}/upvote", upvote, methods=["POST"]),
        Route(f"{_ONE}/upvote", withdraw, methods=["DELETE"]),
        Route(f"{_ONE}/items", add_item, methods=["POST"]),
        Route(f"{_ONE}/items/batch", update_items, methods=["POST"]),
        Route(f"{_ONE}/items/{{item}}", update_item, methods=["PATCH"]),
        Route(f"{_ONE}/items/{{item}}", remove_item, methods=["DELETE"]),
    ]


async def list_collections(request: Request) -> Response:
    """Serve a page of collections, each with its first items."""
    query = request.query_params
    filters = CollectionQuery(
        owners=query_list(request, "owner"),
        items=query_list(request, "item"),
        text=query.get("q", ""),
        sort=query.get("sort") or "lastModified",
        after=after_of(request),
        limit=query_int(request, "limit", _PAGE, low=1, high=_PAGE),
    )
    page = await call_hub(request, collections.list_collections, filters)
    avatar_url = avatar_urls(request)
    shown = [msgspec.structs.replace(render(item, avatar_url), position=UNSET) for item in page.items]
    return json_response(shown, headers=link_to(request, page.after))


async def create(request: Request) -> Response:
    """Create a collection; 409 with the ``slug`` of the existing one if the title is taken."""
    body = await read_json(request, NewCollection)
    item = (body.item.type, body.item.id) if body.item is not None else None
    draft = CollectionDraft(body.title, body.namespace, body.description, bool(body.private), item)
    try:
        made = await call_hub(request, collections.create, draft)
    except AlreadyExists as error:
        if error.url is None:
            raise
        return json_response(CollectionConflict(error.message, error.url), 409, {"X-Error-Message": error.message})
    return _respond(request, made)


async def show(request: Request) -> Response:
    """Serve a collection with all its items; only the id at the end of the slug is used."""
    return _respond(request, await call_hub(request, collections.get, _slug(request)))


async def update(request: Request) -> Response:
    """Update a collection."""
    body = await read_json(request, CollectionPatch)
    edits = CollectionUpdate(body.title, body.description, body.position, body.private, body.theme)
    changed = await call_hub(request, collections.update, _slug(request), edits)
    return json_response(CollectionChanged(render(changed, avatar_urls(request))))


async def delete(request: Request) -> Response:
    """Delete a collection."""
    await call_hub(request, collections.delete, _slug(request))
    return PlainTextResponse("OK")


async def upvote(request: Request) -> Response:
    """Upvote a collection."""
    return _respond(request, await call_hub(request, collections.vote, _slug(request), is_for=True))


async def withdraw(request: Request) -> Response:
    """Withdraw an upvote."""
    return _respond(request, await call_hub(request, collections.vote, _slug(request), is_for=False))


async def add_item(request: Request) -> Response:
    """Add an item; 409 if the collection already has it."""
    body = await read_json(request, NewItem)
    item = (body.item.type, body.item.id)
    return _respond(request, await call_hub(request, collection_items.add, _slug(request), item, body.note))


async def update_item(request: Request) -> Response:
    """Change the note or the position of an item."""
    edits = await read_json(request, ItemChanges)
    slug, item = _slug(request), decode_segment(request.path_params["item"])
    await call_hub(request, collection_items.update, slug, item, note=edits.note, position=edits.position)
    return json_response({})


async def update_items(request: Request) -> Response:
    """Change several items in order, all or none."""
    body = await read_small(request, MAX_JSON)
    try:
        actions = msgspec.json.decode(body, type=list[ItemAction])
    except msgspec.DecodeError as error:
        raise Malformed("body", str(error)) from None
    if any(action.action != "update" for action in actions):
        raise Malformed("body", "the only action is 'update'")
    changes = [ItemUpdate(action.uid, action.data.note, action.data.position) for action in actions]
    await call_hub(request, collection_items.update_all, _slug(request), changes)
    return json_response({})


async def remove_item(request: Request) -> Response:
    """Remove an item."""
    await call_hub(request, collection_items.remove, _slug(request), decode_segment(request.path_params["item"]))
    return PlainTextResponse("OK")


def _respond(request: Request, found: Collection) -> Response:
    return json_response(render(found, avatar_urls(request)))


def render(found: Collection, avatar_url: AvatarUrl) -> CollectionInfo:
    """Return the JSON value of a collection."""
    row, owner = found.row, found.owner
    return CollectionInfo(
        slug=found.slug,
        title=row.title,
        owner=CollectionOwner(
            uid=owner.uid,
            name=owner.name,
            fullname=owner.fullname,
            type="user" if owner.is_user else "org",
            avatar_url=avatar_url(owner.name),
        ),
        items=[_render_item(item, position) for position, item in enumerate(found.items)],
        last_updated=format_ms(row.updated_ms),
        private=row.is_private,
        theme=row.theme,
        upvotes=row.upvotes,
        is_upvoted_by_user=found.is_upvoted,
        position=row.position,
        description=row.description or UNSET,
    )


def _render_item(item: CollectionItem, position: int) -> CollectionItemInfo:
    note, repo = item.row.note, item.repo
    facts = CollectionItemInfo(
        uid=item.row.uid,
        id=legible(item.name),
        type=item.row.kind,
        position=position,
        note=Note(note, html.escape(note)) if note else UNSET,
        slug=item.name if item.row.kind == "collection" else UNSET,
    )
    if repo is None:
        return facts
    return msgspec.structs.replace(
        facts,
        repo_type=repo.type.value,
        author=repo.namespace,
        private=repo.is_private,
        likes=repo.likes,
        downloads=repo.downloads,
    )


def _slug(request: Request) -> str:
    """Return the slug in the path, or only the id at its end."""
    keys = ("uid",) if "uid" in request.path_params else ("namespace", "slug")
    return "/".join(decode_segment(request.path_params[key]) for key in keys)
