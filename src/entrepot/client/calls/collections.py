"""Collections. Source: docs/protocols/hf_api.md, section 1B.3.

A collection is named by its slug: ``namespace/title-24hexdigits``.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping

import msgspec

from entrepot.client.calls import JSON, Call, Response, ResultPage, json_body, nothing, page_of, pairs, without_nulls


class CollectionOwner(msgspec.Struct, frozen=True):
    """Who a collection belongs to."""

    name: str


class ItemNote(msgspec.Struct, frozen=True):
    """What is said about an item."""

    text: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id"}):
    """One thing in a collection; ``slug`` only of a collection in a collection."""

    uid: str
    id: str
    type: str
    position: int = 0
    note: ItemNote | None = None
    slug: str | None = None


class CollectionFacts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A collection; lists show its first items only, and no position."""

    slug: str
    title: str
    owner: CollectionOwner
    items: list[Item]
    last_updated: str
    position: int | None = None
    private: bool = False
    theme: str = ""
    upvotes: int = 0
    description: str | None = None


class _Changed(msgspec.Struct, frozen=True):
    data: CollectionFacts


_COLLECTION = without_nulls(CollectionFacts)
_CHANGED = without_nulls(_Changed)
_PAGE = page_of(without_nulls(list[CollectionFacts]))


def page(
    *,
    owners: Iterable[str] = (),
    items: Iterable[str] = (),
    sort: str | None = None,
    limit: int | None = None,
) -> Call[ResultPage[CollectionFacts]]:
    """Collections of these owners that hold these items (``models/namespace/name``)."""
    query = pairs(owner=tuple(owners), item=tuple(items), sort=sort, limit=limit)
    return Call("GET", "/api/collections", _PAGE, query=query, subject="collections")


def get(slug: str) -> Call[CollectionFacts]:
    """One collection with all its items."""
    return Call("GET", _path(slug), _COLLECTION, subject=_subject(slug))


def create(
    title: str, namespace: str, *, description: str | None = None, private: bool = False
) -> Call[CollectionFacts]:
    """Make a collection."""
    body = {"title": title, "namespace": namespace, "private": private, **_given(description=description)}
    return Call("POST", "/api/collections", _COLLECTION, body=json_body(body), media_type=JSON, subject="collection")


def change(
    slug: str,
    *,
    title: str | None = None,
    description: str | None = None,
    position: int | None = None,
    private: bool | None = None,
    theme: str | None = None,
) -> Call[CollectionFacts]:
    """Change what is said of a collection; None leaves it. The slug may change with the title."""
    body = _given(title=title, description=description, position=position, private=private, theme=theme)
    return Call("PATCH", _path(slug), _read_changed, body=json_body(body), media_type=JSON, subject=_subject(slug))


def delete(slug: str) -> Call[None]:
    """Remove a collection; what is in it stays where it is."""
    return Call("DELETE", _path(slug), nothing, subject=_subject(slug))


def add_item(slug: str, item_id: str, item_type: str, *, note: str | None = None) -> Call[CollectionFacts]:
    """Put something into a collection."""
    body = {"item": {"id": item_id, "type": item_type}, **_given(note=note)}
    path = f"{_path(slug)}/items"
    return Call("POST", path, _COLLECTION, body=json_body(body), media_type=JSON, subject=f"{item_id} in {slug}")


def change_item(slug: str, uid: str, *, note: str | None = None, position: int | None = None) -> Call[None]:
    """Change the note or the place of an item; None leaves it."""
    body = json_body(_given(note=note, position=position))
    path = f"{_path(slug)}/items/{urllib.parse.quote(uid, safe='')}"
    return Call("PATCH", path, nothing, body=body, media_type=JSON, subject=_subject(slug))


def remove_item(slug: str, uid: str) -> Call[None]:
    """Take an item out of a collection."""
    path = f"{_path(slug)}/items/{urllib.parse.quote(uid, safe='')}"
    return Call("DELETE", path, nothing, subject=_subject(slug))


def _path(slug: str) -> str:
    return f"/api/collections/{urllib.parse.quote(slug)}"


def _subject(slug: str) -> str:
    return f"collection {slug}"


def _given(**values: object) -> Mapping[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _read_changed(answer: Response) -> CollectionFacts:
    return _CHANGED(answer).data
