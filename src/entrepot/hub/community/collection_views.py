"""Collections as callers see them, and the right to change them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import collections
from entrepot.catalog.community.collections import CollectionRow, ItemRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LoginRequired, NotAllowed, ThingNotFound
from entrepot.hub import access, roles, scopes
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_change, seen_by


@attrs.frozen
class CollectionItem:
    """An item of a collection; ``name``: a repository's id, a collection's slug, or a paper's id."""

    row: ItemRow
    name: str
    repo: RepoRow | None


@attrs.frozen
class Collection:
    """A collection without the items that are hidden from the caller."""

    row: CollectionRow
    slug: str
    owner: Account
    items: Sequence[CollectionItem]
    is_upvoted: bool


def slug_of(row: CollectionRow) -> str:
    """Return the slug of a collection: its namespace, words of its title, and its id, which alone identifies it."""
    words = "".join(char if char.isascii() and char.isalnum() else "-" for char in row.title.lower())
    short = "-".join(part for part in words.split("-") if part)
    return f"{row.namespace}/{f'{short}-' if short else ''}{row.uid}"


def may_see(caller: MaybeCaller, row: CollectionRow) -> bool:
    """Return whether the caller may see a collection."""
    return not row.is_private or (caller is not None and caller.role_in(row.namespace_id) is not None)


def visible(tx: Read, caller: MaybeCaller, slug: str) -> CollectionRow:
    """Return the collection whose id is at the end of the slug.

    Raises:
        ThingNotFound: it does not exist, or is hidden from the caller.
    """
    row = collections.find(tx, slug[-24:])
    is_named = "/" not in slug or (row is not None and slug.partition("/")[0].lower() == row.namespace.lower())
    if row is None or not may_see(caller, row) or not is_named:
        raise ThingNotFound("collection", slug)
    return row


def seen_namespaces(caller: MaybeCaller) -> frozenset[int] | None:
    """Return the namespaces in which the caller may see private collections; None for all."""
    if caller is None:
        return frozenset()
    if caller.sees_all and caller.limits is None:
        return None
    return frozenset(place for place in caller.roles if caller.role_in(place) is not None)


def editable(tx: Read, caller: MaybeCaller, slug: str) -> tuple[CollectionRow, Caller]:
    """Return a collection and the caller, who may change it.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    row = visible(tx, caller, slug)
    if caller is None:
        raise LoginRequired
    editor = require_change(caller)
    check_right(editor, row.namespace_id, row.namespace)
    return row, editor


def check_right(editor: Caller, namespace_id: int, name: str) -> None:
    """Raise unless the caller may change the collections of a namespace.

    Raises:
        NotAllowed: the role is too low, or the token lacks the permission.
    """
    role = editor.own_role(namespace_id)
    if role is None or role < Role.WRITE:
        raise NotAllowed(f"You don't have the rights to change collections of {name}")
    if not editor.permits(scopes.COLLECT, namespace_id):
        raise NotAllowed(f"This token lacks the permission '{scopes.COLLECT}' for {name}")


def show(tx: Read, caller: MaybeCaller, row: CollectionRow) -> Collection:
    """Return a collection as the caller sees it."""
    return show_all(tx, caller, [row])[0]


def show_all(
    tx: Read, caller: MaybeCaller, rows: Sequence[CollectionRow], *, most: int | None = None
) -> list[Collection]:
    """Return collections as the caller sees them, with at most ``most`` items; the number of queries is constant.

    With ``most``, no more items than these are read.
    """
    if not rows:
        return []
    ids = [row.id for row in rows]
    held = (
        collections.items(tx, ids)
        if most is None
        else collections.first_items(tx, ids, most=most, seen_by=seen_by(caller), namespaces=seen_namespaces(caller))
    )
    everything = [item for items in held.values() for item in items]
    found = repositories.by_ids(tx, list({item.repo_id for item in everything if item.repo_id is not None}))
    linked = collections.by_ids(tx, list({item.linked_id for item in everything if item.linked_id is not None}))
    owners = accounts.by_ids(tx, list({row.namespace_id for row in rows}))
    roles.load_grants(tx, caller, found.values())
    voted = collections.voted(tx, [row.id for row in rows], caller.account.id) if caller is not None else frozenset()
    shown = []
    for row in rows:
        seen = (
            _visible_item(tx, caller, item, found.get(item.repo_id or 0), linked.get(item.linked_id or 0))
            for item in held[row.id]
        )
        items = [item for item in seen if item is not None]
        shown.append(Collection(row, slug_of(row), owners[row.namespace_id], items, row.id in voted))
    return shown


def _visible_item(
    tx: Read, caller: MaybeCaller, item: ItemRow, repo: RepoRow | None, linked: CollectionRow | None
) -> CollectionItem | None:
    """Return an item; None if it is gone or hidden from the caller."""
    if item.repo_id is not None:
        is_shown = repo is not None and access.may_see(tx, caller, repo)
        return CollectionItem(item, str(repo.ref.id), repo) if repo is not None and is_shown else None
    if item.linked_id is not None:
        return CollectionItem(item, slug_of(linked), None) if linked is not None and may_see(caller, linked) else None
    return CollectionItem(item, item.name or "", None)


def reload(tx: Read, row: CollectionRow) -> CollectionRow:
    """Return the row of a collection as this transaction has changed it."""
    return collections.by_ids(tx, [row.id])[row.id]


def reordered(ids: Sequence[int], moved: int, position: int) -> list[int]:
    """Return row ids with one of them moved to a position."""
    rest = [one for one in ids if one != moved]
    rest.insert(max(0, min(position, len(rest))), moved)
    return rest
