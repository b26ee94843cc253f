"""Forms of collections: create, add a repository, change, put items in order, and delete."""

from __future__ import annotations

from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName, Malformed
from entrepot.hub.callers import MaybeCaller, Role, require_login
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collection_views import Collection, slug_of
from entrepot.hub.community.collections import CollectionDraft, CollectionQuery, CollectionUpdate
from entrepot.hub.context import HubContext
from entrepot.names import parse_repo_id
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.forms import FRESH, Form, FormAction, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler, PageRoute
from entrepot.server.pages.searching.collections import line_of
from entrepot.server.raw_path import decode_segment

NEW = "/collections/new"
ADD = "/collections/add"

CHOICES = 100
"""Collections that the form of a repository offers, those that were changed last."""

_PREFIXES = {"datasets/": "dataset", "spaces/": "space", "models/": "model", "collections/": "collection"}


def routes() -> list[PageRoute]:
    """Return the routes of these forms, to be matched before those of collections."""
    one = "/collections/{namespace}/{slug}/edit"
    return [
        PageRoute(NEW, show_new),
        PageRoute(NEW, create, ["POST"]),
        PageRoute(ADD, show_add),
        PageRoute(ADD, add, ["POST"]),
        PageRoute(one, show_edit),
        PageRoute(one, _form(_change), ["POST"]),
        PageRoute(f"{one}/add", _form(_add), ["POST"]),
        PageRoute(f"{one}/item", _form(_change_item), ["POST"]),
        PageRoute(f"{one}/delete", _form(_delete), ["POST"]),
    ]


async def show_new(request: Request) -> Response:
    """Serve the form of a new collection; ``item`` in the query is proposed as its first item."""
    fields = {key: [request.query_params[key]] for key in ("owner", "item") if key in request.query_params}
    return await show_page(request, lambda hub, caller: build_new(hub, caller, Form(fields)))


async def show_add(request: Request) -> Response:
    """Serve the form that adds a repository, ``item`` in the query, to one of the visitor's collections."""
    fields = {"item": [request.query_params["item"]]} if "item" in request.query_params else {}
    return await show_page(request, lambda hub, caller: build_add(hub, caller, Form(fields)))


async def show_edit(request: Request) -> Response:
    """Serve the forms that change a collection."""
    slug = _slug(request)
    return await show_page(request, lambda hub, caller: build_edit(hub, caller, FRESH, slug))


async def create(request: Request) -> Response:
    """Create a collection, and redirect to its page."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        item = form.text("item").strip()
        draft = CollectionDraft(
            form.text("title"),
            form.text("owner").strip() or None,
            form.text("description").strip() or None,
            form.has("private"),
            item_of(item) if item else None,
        )
        return f"/collections/{quoted(collections.create(hub, caller, draft).slug)}?done=created"

    return await answer_form(request, act, build_new)


async def add(request: Request) -> Response:
    """Add a repository to a collection, and redirect to the page of the collection."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        item, note = item_of(form.text("item")), form.text("note").strip() or None
        found = collection_items.add(hub, caller, form.text("collection"), item, note)
        return f"/collections/{quoted(found.slug)}?done=collected"

    return await answer_form(request, act, build_add)


def build_add(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
    """Return the form that adds a repository to a collection that the visitor may change.

    Raises:
        LoginRequired: the visitor has not signed in.
    """
    known = require_login(caller)
    owned = CollectionQuery([known.account.name, *known.orgs_with(Role.WRITE)], limit=CHOICES)
    found = collections.list_rows(hub, caller, owned)
    holding = attrs.evolve(owned, items=_items(form))
    held = {row.id for row in collections.list_rows(hub, caller, holding).items} if holding.items else ()
    # Both lists have the same order and limit: a collection in the first is in the second too, if it holds the thing.
    chosen = [(slug_of(row), row.title, row.namespace, row.id in held) for row in found.items]
    values = {
        "form": form,
        "choices": chosen,
        "held": [choice for choice in chosen if choice[3]],
        "is_cut": found.after is not None,
        "most": CHOICES,
        "is_personal": True,
        "api": f"/api/collections?{urlencode({'owner': owned.owners, 'item': holding.items}, doseq=True)}",
    }
    return WebPage("collection_add.html", "Add to a collection", values)


def _items(form: Form) -> list[str]:
    """Return what a visitor names, as lists of collections are filtered by it; nothing if it is no name."""
    try:
        kind, name = item_of(form.text("item"))
        return [f"{kind}s/{name if kind == 'collection' else parse_repo_id(name)}"]
    except (Malformed, InvalidName):
        return []


def build_new(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
    """Return the form of a new collection.

    Raises:
        LoginRequired: the visitor has not signed in.
    """
    del hub
    known = require_login(caller)
    return WebPage("collection_new.html", "New collection", {"form": form, "me": known.account.name})


def build_edit(hub: HubContext, caller: MaybeCaller, form: Form, slug: str) -> WebPage:
    """Return the forms that change a collection.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    found = collections.get_to_change(hub, caller, slug)
    values = {
        "form": form,
        "found": found,
        "items": [(item.row, line_of(item)) for item in found.items],
        "base": f"/collections/{quoted(found.slug)}/edit",
        "api": f"/api/collections/{quoted(found.slug)}",
    }
    return WebPage("collection_edit.html", f"Change {found.row.title}", values)


def item_of(text: str) -> tuple[str, str]:
    """Return kind and name of what a visitor typed: the address of its page, with or without the hub's.

    Raises:
        Malformed: it names nothing that has a page.
    """
    path = text.strip().partition("://")[2].partition("/")[2] if "://" in text else text.strip().strip("/")
    prefix = next((prefix for prefix in _PREFIXES if path.startswith(prefix)), "")
    name = path.removeprefix(prefix).rstrip("/")
    if name.count("/") != 1 or not all(name.split("/")):
        raise Malformed("item", "expected an id such as acme/model, datasets/acme/data or collections/acme/birds-…")
    return _PREFIXES.get(prefix, "model"), name


def _form(act: FormAction) -> PageHandler:
    """Return the handler of a form of one collection, whose slug the form gets as its field ``slug``."""

    async def endpoint(request: Request) -> Response:
        slug = _slug(request)

        def run(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
            return act(hub, caller, attrs.evolve(form, fields={**form.fields, "slug": [slug]}))

        return await answer_form(request, run, lambda hub, caller, form: build_edit(hub, caller, form, slug))

    return endpoint


def _change(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    edits = CollectionUpdate(form.text("title"), form.text("description").strip(), None, form.has("private"))
    return _edit_page(collections.update(hub, caller, form.text("slug"), edits))


def _add(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    note = form.text("note").strip() or None
    return _edit_page(collection_items.add(hub, caller, form.text("slug"), item_of(form.text("item")), note))


def _change_item(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    slug, uid, do = form.text("slug"), form.text("uid"), form.text("do")
    if do == "remove":
        collection_items.remove(hub, caller, slug, uid)
    elif do == "note":
        collection_items.update(hub, caller, slug, uid, note=form.text("note").strip())
    elif do in ("up", "down"):
        collection_items.move(hub, caller, slug, uid, is_down=do == "down")
    else:
        raise Malformed("form", "expected up, down, note or remove")
    return _edit_page(collections.get(hub, caller, slug))


def _delete(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    found = collections.get(hub, caller, form.text("slug"))
    collections.delete(hub, caller, found.slug)
    return f"/collections?owner={found.owner.name}&done=removed"


def _edit_page(found: Collection) -> str:
    return f"/collections/{quoted(found.slug)}/edit?done=saved"


def _slug(request: Request) -> str:
    return f"{decode_segment(request.path_params['namespace'])}/{decode_segment(request.path_params['slug'])}"
