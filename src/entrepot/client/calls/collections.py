"""Calls about collections. Source: docs/protocols/hf_api.md, section 1B.3.

A collection is identified by its slug: ``namespace/title-24hexdigits``.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable

from entrepot.client.calls import JSON, Call, Response, ResultPage, nothing, page_of, pairs, sparse_body, without_nulls
from entrepot.wire.community.collections import (
    CollectionChanged,
    CollectionInfo,
    CollectionPatch,
    ItemChanges,
    ItemRef,
    NewCollection,
    NewItem,
)

_COLLECTION = without_nulls(CollectionInfo)
_CHANGED = without_nulls(CollectionChanged)
_PAGE = page_of(without_nulls(list[CollectionInfo]))


def page(
    *,
    owners: Iterable[str] = (),
    items: Iterable[str] = (),
    sort: str | None = None,
    limit: int | None = None,
) -> Call[ResultPage[CollectionInfo]]:
    """Build the call that lists collections of these owners that hold these items (``models/namespace/name``)."""
    query = pairs(owner=tuple(owners), item=tuple(items), sort=sort, limit=limit)
    return Call("GET", "/api/collections", _PAGE, query=query, subject="collections")


def get(slug: str) -> Call[CollectionInfo]:
    """Build the call that returns one collection with all its items."""
    return Call("GET", _path(slug), _COLLECTION, subject=_subject(slug))


def create(
    title: str, namespace: str, *, description: str | None = None, private: bool = False
) -> Call[CollectionInfo]:
    """Build the call that creates a collection."""
    new = NewCollection(title=title, namespace=namespace, description=description, private=private)
    return Call("POST", "/api/collections", _COLLECTION, body=sparse_body(new), media_type=JSON, subject="collection")


def change(
    slug: str,
    *,
    title: str | None = None,
    description: str | None = None,
    position: int | None = None,
    private: bool | None = None,
    theme: str | None = None,
) -> Call[CollectionInfo]:
    """Build the call that changes a collection; None leaves a field unchanged. The slug may change with the title."""
    patch = CollectionPatch(title=title, description=description, position=position, private=private, theme=theme)
    return Call("PATCH", _path(slug), _read_changed, body=sparse_body(patch), media_type=JSON, subject=_subject(slug))


def delete(slug: str) -> Call[None]:
    """Build the call that deletes a collection; the repositories in it are not affected."""
    return Call("DELETE", _path(slug), nothing, subject=_subject(slug))


def add_item(slug: str, item_id: str, item_type: str, *, note: str | None = None) -> Call[CollectionInfo]:
    """Build the call that adds an item to a collection."""
    new = NewItem(item=ItemRef(item_id, item_type), note=note)
    path = f"{_path(slug)}/items"
    return Call("POST", path, _COLLECTION, body=sparse_body(new), media_type=JSON, subject=f"{item_id} in {slug}")


def change_item(slug: str, uid: str, *, note: str | None = None, position: int | None = None) -> Call[None]:
    """Build the call that changes the note or the position of an item; None leaves a field unchanged."""
    body = sparse_body(ItemChanges(note=note, position=position))
    path = f"{_path(slug)}/items/{urllib.parse.quote(uid, safe='')}"
    return Call("PATCH", path, nothing, body=body, media_type=JSON, subject=_subject(slug))


def remove_item(slug: str, uid: str) -> Call[None]:
    """Build the call that removes an item from a collection."""
    path = f"{_path(slug)}/items/{urllib.parse.quote(uid, safe='')}"
    return Call("DELETE", path, nothing, subject=_subject(slug))


def _path(slug: str) -> str:
    return f"/api/collections/{urllib.parse.quote(slug)}"


def _subject(slug: str) -> str:
    return f"collection {slug}"


def _read_changed(answer: Response) -> CollectionInfo:
    return _CHANGED(answer).data
