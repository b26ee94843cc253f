"""Use cases on the items of collections: repositories, other collections, and papers.

Source of the rules: docs/protocols/hf_api.md, section 1B.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.community import collections
from entrepot.catalog.community.collections import CollectionRow, ItemRow
from entrepot.errors import AlreadyExists, InvalidName, LimitExceeded, Malformed, ThingNotFound
from entrepot.hub import access
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import collection_views
from entrepot.hub.community.collection_views import Collection
from entrepot.hub.context import HubContext
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType, new_uid, parse_repo_id

MAX_ITEMS = 1000
MAX_UPDATES = 100
"""Maximum number of changes in one batch."""

REPO_KINDS = frozenset(kind.value for kind in VERSIONED_TYPES)
"""Kinds of items that are repositories."""

_OTHER_KINDS = frozenset({"paper"})
_MAX_NOTE = 500


@attrs.frozen
class ItemUpdate:
    """A change to the item with an id; None leaves a value as it is."""

    uid: str
    note: str | None = None
    position: int | None = None


def add(hub: HubContext, caller: MaybeCaller, slug: str, item: tuple[str, str], note: str | None) -> Collection:
    """Append a repository, a collection or a paper to a collection.

    Args:
        item: kind and name.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
        RepoNotFound, ThingNotFound, Malformed: no item has this name.
        AlreadyExists: the collection contains it already.
        LimitExceeded, InvalidName: the collection is full; the note is too long.
    """
    with hub.write(Lock.hub(), by=caller) as tx:
        row, editor = collection_views.editable(tx, caller, slug)
        put(tx, editor, row, item, note)
        collections.update(tx, row.id, updated_ms=hub.now_ms())
        return collection_views.show(tx, editor, collection_views.reload(tx, row))


def update(
    hub: HubContext, caller: MaybeCaller, slug: str, uid: str, *, note: str | None = None, position: int | None = None
) -> None:
    """Change the note of an item (an empty one removes it), or its position.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access, or the item does not exist.
        InvalidName: the note is too long.
    """
    update_all(hub, caller, slug, [ItemUpdate(uid, note, position)])


def update_all(hub: HubContext, caller: MaybeCaller, slug: str, changes: Sequence[ItemUpdate]) -> None:
    """Change several items one after another, all or none.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed, InvalidName: as :func:`update`.
        LimitExceeded: there are more than :data:`MAX_UPDATES` changes.
    """
    if len(changes) > MAX_UPDATES:
        raise LimitExceeded("the number of actions in one batch", MAX_UPDATES, "send several smaller batches")
    with hub.write(Lock.hub(), by=caller) as tx:
        row, _ = collection_views.editable(tx, caller, slug)
        held = collections.items(tx, [row.id])[row.id]
        order = [item.id for item in held]
        for change in changes:
            item = _item(held, change.uid)
            if change.note is not None:
                collections.update_item(tx, item.id, note=_note(change.note))
            if change.position is not None:
                order = collection_views.reordered(order, item.id, change.position)
        if any(change.position is not None for change in changes):
            _put_in_order(tx, held, order)
        collections.update(tx, row.id, updated_ms=hub.now_ms())


def move(hub: HubContext, caller: MaybeCaller, slug: str, uid: str, *, is_down: bool) -> None:
    """Move an item past the next one that the caller sees; hidden ones keep their places among the others.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access, or the item does not exist.
    """
    with hub.write(Lock.hub(), by=caller) as tx:
        row, editor = collection_views.editable(tx, caller, slug)
        held = collections.items(tx, [row.id])[row.id]
        item = _item(held, uid)
        seen = [shown.row.id for shown in collection_views.show(tx, editor, row).items]
        rest = [one.id for one in held if one.id != item.id]
        if item.id not in seen:
            raise ThingNotFound("item", uid)
        at = seen.index(item.id) + (1 if is_down else -1)
        if not 0 <= at < len(seen):
            return
        rest.insert(rest.index(seen[at]) + is_down, item.id)
        _put_in_order(tx, held, rest)
        collections.update(tx, row.id, updated_ms=hub.now_ms())


def remove(hub: HubContext, caller: MaybeCaller, slug: str, uid: str) -> None:
    """Remove an item from a collection.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access, or the item does not exist.
    """
    with hub.write(Lock.hub(), by=caller) as tx:
        row, _ = collection_views.editable(tx, caller, slug)
        collections.remove_item(tx, _item(collections.items(tx, [row.id])[row.id], uid).id)
        collections.update(tx, row.id, updated_ms=hub.now_ms())


def put(tx: Write, editor: Caller, row: CollectionRow, item: tuple[str, str], note: str | None) -> None:
    """Append an item to a collection; errors as :func:`add`."""
    held = collections.items(tx, [row.id])[row.id]
    if len(held) >= MAX_ITEMS:
        raise LimitExceeded("the number of items in a collection", MAX_ITEMS, "begin another collection")
    fresh = attrs.evolve(
        _resolve_item(tx, editor, item),
        collection_id=row.id,
        position=held[-1].position + 1 if held else 0,
        note=_note(note) if note else None,
    )
    key = (fresh.kind, fresh.repo_id, fresh.linked_id, fresh.name)
    if any((it.kind, it.repo_id, it.linked_id, it.name) == key for it in held):
        raise AlreadyExists("This item is already in the collection")
    if fresh.linked_id == row.id:
        raise Malformed("item", "a collection cannot hold itself")
    collections.add_item(tx, fresh)


def _put_in_order(tx: Write, held: Sequence[ItemRow], order: Sequence[int]) -> None:
    """Give the items of a collection the places that their row ids have in ``order``."""
    places = {item.id: item.position for item in held}
    for place, item_id in enumerate(order):
        if places[item_id] != place:
            collections.update_item(tx, item_id, position=place)


def _resolve_item(tx: Read, editor: Caller, item: tuple[str, str]) -> ItemRow:
    """Return the repository, collection or paper that an item's kind and name identify."""
    kind, name = item
    empty = ItemRow(0, new_uid(), 0, kind, None, None, None, 0, None)
    if kind in REPO_KINDS:
        repo = access.visible(tx, editor, RepoRef(RepoType(kind), parse_repo_id(name)))
        return attrs.evolve(empty, repo_id=repo.id)
    if kind == "collection":
        return attrs.evolve(empty, linked_id=collection_views.visible(tx, editor, name).id)
    if kind in _OTHER_KINDS and 0 < len(name) <= 100 and name.isascii() and name.isprintable():
        return attrs.evolve(empty, name=name)
    kinds = ", ".join(sorted(REPO_KINDS | _OTHER_KINDS | {"collection"}))
    raise Malformed("item", f"expected one of {kinds}, and its id")


def _item(held: Sequence[ItemRow], uid: str) -> ItemRow:
    found = next((item for item in held if item.uid == uid), None)
    if found is None:
        raise ThingNotFound("item", uid)
    return found


def _note(text: str) -> str | None:
    if len(text) > _MAX_NOTE:
        raise InvalidName("note", text[:200], f"expected at most {_MAX_NOTE} characters")
    return text or None
