"""Collections: lists of repositories, collections and papers, published by users and organisations.

Source of the rules: docs/protocols/hf_api.md, section 1B.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import collections
from entrepot.catalog.community.collections import CollectionFilter, CollectionRow
from entrepot.catalog.repos import repositories
from entrepot.errors import AccountNotFound, AlreadyExists, InvalidName, LimitExceeded, Malformed
from entrepot.hub import access, audit, scopes
from entrepot.hub.callers import Caller, MaybeCaller, require_change, require_permission
from entrepot.hub.community import collection_items, collection_views
from entrepot.hub.community.collection_views import Collection
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page
from entrepot.names import RepoRef, RepoType, new_uid, parse_repo_id

THEMES = ("orange", "blue", "green", "purple", "pink", "indigo")
SORTS = tuple(collections.SORTS)
MAX_COLLECTIONS = 1000
_MAX_TITLE, _MAX_DESCRIPTION = 60, 150
_FIRST_ITEMS = 4


@attrs.frozen
class CollectionQuery:
    """Conditions for listing collections: every given one must match, with at least one of its values."""

    owners: Sequence[str] = ()
    items: Sequence[str] = ()
    text: str = ""
    sort: str = "lastModified"
    after: tuple[float, int] | None = None
    limit: int = 100


@attrs.frozen
class CollectionDraft:
    """A collection to create; ``item``: kind and name of its first item."""

    title: str
    namespace: str | None = None
    description: str | None = None
    is_private: bool = False
    item: tuple[str, str] | None = None


@attrs.frozen
class CollectionUpdate:
    """Changes to a collection; None leaves a value as it is."""

    title: str | None = None
    description: str | None = None
    position: int | None = None
    is_private: bool | None = None
    theme: str | None = None


def list_collections(hub: HubContext, caller: MaybeCaller, question: CollectionQuery) -> Page[Collection]:
    """Return the collections that the caller may see, with at most four items each.

    Raises:
        Malformed: the order is unknown, or the item's name is malformed.
    """
    with hub.read() as tx:
        found = _rows(tx, caller, question)
        return Page(collection_views.show_all(tx, caller, found.items, most=_FIRST_ITEMS), found.after)


def list_rows(hub: HubContext, caller: MaybeCaller, question: CollectionQuery) -> Page[CollectionRow]:
    """Return what :func:`list_collections` returns without reading any items; errors as there."""
    with hub.read() as tx:
        return _rows(tx, caller, question)


def get(hub: HubContext, caller: MaybeCaller, slug: str) -> Collection:
    """Return the collection whose id is at the end of the slug.

    Raises:
        ThingNotFound: it does not exist, or is private and not visible to the caller.
    """
    with hub.read() as tx:
        return collection_views.show(tx, caller, collection_views.visible(tx, caller, slug))


def get_to_change(hub: HubContext, caller: MaybeCaller, slug: str) -> Collection:
    """Return a collection that the caller may change.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        row, editor = collection_views.editable(tx, caller, slug)
        return collection_views.show(tx, editor, row)


def create(hub: HubContext, caller: MaybeCaller, draft: CollectionDraft) -> Collection:
    """Create a collection.

    Raises:
        LoginRequired, NotAllowed: the caller may not create it there.
        InvalidName: title or description is too long, or empty.
        AlreadyExists: a collection has this title; its slug is the error's ``url``.
        RepoNotFound, ThingNotFound, Malformed: its first item cannot be added.
        LimitExceeded: the namespace has too many collections.
    """
    maker = require_change(caller)
    title, description = _title(draft.title), _description(draft.description)
    with hub.write(Lock.hub(), by=caller) as tx:
        owner = _namespace(tx, maker, draft.namespace or maker.account.name)
        other = collections.titled(tx, owner.id, title)
        if other is not None:
            raise AlreadyExists("You already created a collection with this title", collection_views.slug_of(other))
        number, now = collections.count(tx, owner.id), hub.now_ms()
        if number >= MAX_COLLECTIONS:
            raise LimitExceeded("the number of collections", MAX_COLLECTIONS, "delete one that is not needed")
        fresh = CollectionRow(
            id=0, uid=new_uid(), namespace_id=owner.id, title=title, description=description,
            is_private=draft.is_private, theme=THEMES[number % len(THEMES)], position=number, upvotes=0,
            created_ms=now, updated_ms=now, namespace=owner.name,
        )  # fmt: skip
        row = collections.add(tx, fresh)
        if draft.item is not None:
            collection_items.put(tx, maker, row, draft.item, None)
        return collection_views.show(tx, maker, row)


def update(hub: HubContext, caller: MaybeCaller, slug: str, edits: CollectionUpdate) -> Collection:
    """Change a collection; a new title changes its slug, but not the id in it.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
        InvalidName, Malformed: a value cannot be used.
        AlreadyExists: another collection has this title.
    """
    if edits.theme is not None and edits.theme not in THEMES:
        raise Malformed("theme", f"expected one of {', '.join(THEMES)}")
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        row, editor = collection_views.editable(tx, caller, slug)
        values: dict[str, object] = {"updated_ms": hub.now_ms()}
        if edits.title is not None:
            values["title"] = _title(edits.title)
            other = collections.titled(tx, row.namespace_id, _title(edits.title))
            if other is not None and other.id != row.id:
                raise AlreadyExists("You already created a collection with this title", collection_views.slug_of(other))
        if edits.description is not None:
            values["description"] = _description(edits.description)
        if edits.is_private is not None:
            values["is_private"] = edits.is_private
            if edits.is_private != row.is_private:
                audit.record(hub, tx, editor, "collection.settings", _subject(row), {"private": edits.is_private})
        if edits.theme is not None:
            values["theme"] = edits.theme
        collections.update(tx, row.id, **values)
        if edits.position is not None:
            order = collection_views.reordered(collections.of_namespace(tx, row.namespace_id), row.id, edits.position)
            for position, collection_id in enumerate(order):
                collections.update(tx, collection_id, position=position)
        return collection_views.show(tx, editor, collection_views.reload(tx, row))


def delete(hub: HubContext, caller: MaybeCaller, slug: str) -> None:
    """Delete a collection; its items are not deleted.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        row, remover = collection_views.editable(tx, caller, slug)
        collections.remove(tx, row.id)
        audit.record(hub, tx, remover, "collection.delete", _subject(row), {"title": row.title})


def _subject(row: CollectionRow) -> str:
    return f"collection {row.namespace}/{row.uid}"


def vote(hub: HubContext, caller: MaybeCaller, slug: str, *, is_for: bool) -> Collection:
    """Vote for a collection, or withdraw the vote.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    with hub.write(Lock.hub(), by=caller) as tx:
        row = collection_views.visible(tx, caller, slug)
        voter = require_permission(caller, scopes.COLLECT)
        if is_for:
            collections.vote(tx, row.id, voter.account.id)
        else:
            collections.withdraw_vote(tx, row.id, voter.account.id)
        return collection_views.show(tx, voter, collection_views.reload(tx, row))


def _rows(tx: Read, caller: MaybeCaller, question: CollectionQuery) -> Page[CollectionRow]:
    if question.sort not in collections.SORTS:
        raise Malformed("parameter 'sort'", f"expected one of {', '.join(SORTS)}")
    rows = collections.listed(tx, _filters(tx, caller, question))
    page = rows[: question.limit]
    return Page(page, collections.position_of(page[-1], question.sort) if len(rows) > len(page) else None)


def _filters(tx: Read, caller: MaybeCaller, question: CollectionQuery) -> CollectionFilter:
    seen = collection_views.seen_namespaces(caller)
    wanted = CollectionFilter(
        seen, text=question.text, sort=question.sort, after=question.after, limit=question.limit + 1
    )
    if question.owners:
        found = [accounts.find(tx, name) for name in question.owners]
        wanted = attrs.evolve(wanted, owners=tuple(account.id for account in found if account is not None))
    if question.items:
        repo_ids, linked_ids, names = [], [], []
        for text in question.items:
            kind, _, name = text.partition("/")
            singular = kind.removesuffix("s")
            if singular == "collection":
                held = collections.find(tx, name[-24:])
                linked_ids.extend([held.id] if held is not None and collection_views.may_see(caller, held) else [])
                continue
            if singular not in collection_items.REPO_KINDS:
                names.append((singular, name))
                continue
            row = repositories.find(tx, RepoRef(RepoType(singular), parse_repo_id(name)))
            if row is not None and access.may_see(tx, caller, row):
                repo_ids.append(row.id)
        wanted = attrs.evolve(wanted, repo_ids=tuple(repo_ids), linked_ids=tuple(linked_ids), names=tuple(names))
    return wanted


def _namespace(tx: Read, maker: Caller, name: str) -> Account:
    found = accounts.find(tx, name)
    if found is None or found.parent_id is not None:
        raise AccountNotFound(name)
    collection_views.check_right(maker, found.id, found.name)
    return found


def _title(text: str) -> str:
    title = " ".join(text.split())
    if not 0 < len(title) <= _MAX_TITLE or not title.isprintable():
        raise InvalidName("title", text[:200], f"expected 1 to {_MAX_TITLE} printable characters")
    return title


def _description(text: str | None) -> str | None:
    if text is not None and len(text) > _MAX_DESCRIPTION:
        raise InvalidName("description", text[:200], f"expected at most {_MAX_DESCRIPTION} characters")
    return text or None
