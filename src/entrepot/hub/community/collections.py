"""Collections: lists of repositories, collections and papers, published by users and organisations.

Source of the rules: docs/protocols/hf_api.md, section 1B.3.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import collections
from entrepot.catalog.community.collections import CollectionFilter, CollectionRow, ItemRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    AccountNotFound,
    AlreadyExists,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    ThingNotFound,
)
from entrepot.hub import access, audit, scopes
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_change, require_permission
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType, new_uid, parse_repo_id

THEMES = ("orange", "blue", "green", "purple", "pink", "indigo")
SORTS = tuple(collections.SORTS)
MAX_ITEMS = 1000
MAX_COLLECTIONS = 1000
_MAX_TITLE, _MAX_DESCRIPTION, _MAX_NOTE = 60, 150, 500
_REPO_KINDS = frozenset(kind.value for kind in VERSIONED_TYPES)
_OTHER_KINDS = frozenset({"paper"})
_FIRST_ITEMS = 4


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


def slug_of(row: CollectionRow) -> str:
    """Return the slug of a collection: its namespace, words of its title, and its id, which alone identifies it."""
    words = "".join(char if char.isascii() and char.isalnum() else "-" for char in row.title.lower())
    short = "-".join(part for part in words.split("-") if part)
    return f"{row.namespace}/{f'{short}-' if short else ''}{row.uid}"


def list_collections(hub: HubContext, caller: MaybeCaller, question: CollectionQuery) -> Page[Collection]:
    """Return the collections that the caller may see, with at most four items each.

    Raises:
        Malformed: the order is unknown, or the item's name is malformed.
    """
    if question.sort not in collections.SORTS:
        raise Malformed("parameter 'sort'", f"expected one of {', '.join(SORTS)}")
    with hub.read() as tx:
        wanted = _filters(tx, caller, question)
        rows = collections.listed(tx, wanted)
        page = rows[: question.limit]
        shown = _show_all(tx, caller, page, most=_FIRST_ITEMS)
    return Page(shown, collections.position_of(page[-1], question.sort) if len(rows) > len(page) else None)


def get(hub: HubContext, caller: MaybeCaller, slug: str) -> Collection:
    """Return the collection whose id is at the end of the slug.

    Raises:
        ThingNotFound: it does not exist, or is private and not visible to the caller.
    """
    with hub.read() as tx:
        return _show(tx, caller, _visible(tx, caller, slug))


def get_to_change(hub: HubContext, caller: MaybeCaller, slug: str) -> Collection:
    """Return a collection that the caller may change.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        row, editor = _editable(tx, caller, slug)
        return _show(tx, editor, row)


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
    with hub.write(Lock.hub()) as tx:
        owner = _namespace(tx, maker, draft.namespace or maker.account.name)
        other = collections.titled(tx, owner.id, title)
        if other is not None:
            raise AlreadyExists("You already created a collection with this title", slug_of(other))
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
            _put_item(tx, maker, row, draft.item, None)
        return _show(tx, maker, row)


def update(hub: HubContext, caller: MaybeCaller, slug: str, edits: CollectionUpdate) -> Collection:
    """Change a collection; a new title changes its slug, but not the id in it.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
        InvalidName, Malformed: a value cannot be used.
        AlreadyExists: another collection has this title.
    """
    if edits.theme is not None and edits.theme not in THEMES:
        raise Malformed("theme", f"expected one of {', '.join(THEMES)}")
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        row, editor = _editable(tx, caller, slug)
        values: dict[str, object] = {"updated_ms": hub.now_ms()}
        if edits.title is not None:
            values["title"] = _title(edits.title)
            other = collections.titled(tx, row.namespace_id, _title(edits.title))
            if other is not None and other.id != row.id:
                raise AlreadyExists("You already created a collection with this title", slug_of(other))
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
            order = _reordered(collections.of_namespace(tx, row.namespace_id), row.id, edits.position)
            for position, collection_id in enumerate(order):
                collections.update(tx, collection_id, position=position)
        return _show(tx, editor, _reload(tx, row))


def delete(hub: HubContext, caller: MaybeCaller, slug: str) -> None:
    """Delete a collection; its items are not deleted.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        row, remover = _editable(tx, caller, slug)
        collections.remove(tx, row.id)
        audit.record(hub, tx, remover, "collection.delete", _subject(row), {"title": row.title})


def _subject(row: CollectionRow) -> str:
    return f"collection {row.namespace}/{row.uid}"


def add_item(hub: HubContext, caller: MaybeCaller, slug: str, item: tuple[str, str], note: str | None) -> Collection:
    """Append a repository, a collection or a paper to a collection.

    Args:
        item: kind and name.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
        RepoNotFound, ThingNotFound, Malformed: no item has this name.
        AlreadyExists: the collection contains it already.
        LimitExceeded, InvalidName: the collection is full; the note is too long.
    """
    with hub.write(Lock.hub()) as tx:
        row, editor = _editable(tx, caller, slug)
        _put_item(tx, editor, row, item, note)
        collections.update(tx, row.id, updated_ms=hub.now_ms())
        return _show(tx, editor, _reload(tx, row))


def update_item(
    hub: HubContext, caller: MaybeCaller, slug: str, uid: str, *, note: str | None = None, position: int | None = None
) -> None:
    """Change the note of an item (an empty one removes it), or its position.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access, or the item does not exist.
        InvalidName: the note is too long.
    """
    with hub.write(Lock.hub()) as tx:
        row, _ = _editable(tx, caller, slug)
        held = collections.items(tx, [row.id])[row.id]
        item = _item(held, uid)
        if note is not None:
            collections.update_item(tx, item.id, note=_note(note))
        if position is not None:
            for place, item_id in enumerate(_reordered([it.id for it in held], item.id, position)):
                collections.update_item(tx, item_id, position=place)
        collections.update(tx, row.id, updated_ms=hub.now_ms())


def move_item(hub: HubContext, caller: MaybeCaller, slug: str, uid: str, *, is_down: bool) -> None:
    """Move an item past the next one that the caller sees; hidden ones keep their places among the others.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access, or the item does not exist.
    """
    with hub.write(Lock.hub()) as tx:
        row, editor = _editable(tx, caller, slug)
        held = collections.items(tx, [row.id])[row.id]
        item = _item(held, uid)
        seen = [shown.row.id for shown in _show(tx, editor, row).items]
        rest = [one.id for one in held if one.id != item.id]
        if item.id not in seen:
            raise ThingNotFound("item", uid)
        at = seen.index(item.id) + (1 if is_down else -1)
        if not 0 <= at < len(seen):
            return
        rest.insert(rest.index(seen[at]) + is_down, item.id)
        for place, item_id in enumerate(rest):
            collections.update_item(tx, item_id, position=place)
        collections.update(tx, row.id, updated_ms=hub.now_ms())


def remove_item(hub: HubContext, caller: MaybeCaller, slug: str, uid: str) -> None:
    """Remove an item from a collection.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access, or the item does not exist.
    """
    with hub.write(Lock.hub()) as tx:
        row, _ = _editable(tx, caller, slug)
        collections.remove_item(tx, _item(collections.items(tx, [row.id])[row.id], uid).id)
        collections.update(tx, row.id, updated_ms=hub.now_ms())


def vote(hub: HubContext, caller: MaybeCaller, slug: str, *, is_for: bool) -> Collection:
    """Vote for a collection, or withdraw the vote.

    Raises:
        ThingNotFound, LoginRequired, NotAllowed: no access.
    """
    with hub.write(Lock.hub()) as tx:
        row = _visible(tx, caller, slug)
        voter = require_permission(caller, scopes.COLLECT)
        if is_for:
            collections.vote(tx, row.id, voter.account.id)
        else:
            collections.withdraw_vote(tx, row.id, voter.account.id)
        return _show(tx, voter, _reload(tx, row))


def _filters(tx: Read, caller: MaybeCaller, question: CollectionQuery) -> CollectionFilter:
    seen = None if caller is not None and caller.sees_all and caller.limits is None else _namespaces(caller)
    wanted = CollectionFilter(
        seen, text=question.text, sort=question.sort, after=question.after, limit=question.limit + 1
    )
    if question.owners:
        found = [accounts.find(tx, name) for name in question.owners]
        wanted = attrs.evolve(wanted, owners=tuple(account.id for account in found if account is not None))
    if question.items:
        repo_ids, names = [], []
        for text in question.items:
            kind, _, name = text.partition("/")
            singular = kind.removesuffix("s")
            if singular not in _REPO_KINDS:
                names.append((singular, name))
                continue
            row = repositories.find(tx, RepoRef(RepoType(singular), parse_repo_id(name)))
            if row is not None and access.may_see(tx, caller, row):
                repo_ids.append(row.id)
        wanted = attrs.evolve(wanted, repo_ids=tuple(repo_ids), names=tuple(names))
    return wanted


def _namespaces(caller: MaybeCaller) -> frozenset[int]:
    """Return the namespaces in which the caller may see private collections."""
    if caller is None:
        return frozenset()
    return frozenset(place for place in caller.roles if caller.role_in(place) is not None)


def _may_see(caller: MaybeCaller, row: CollectionRow) -> bool:
    return not row.is_private or (caller is not None and caller.role_in(row.namespace_id) is not None)


def _visible(tx: Read, caller: MaybeCaller, slug: str) -> CollectionRow:
    row = collections.find(tx, slug[-24:])
    is_named = "/" not in slug or (row is not None and slug.partition("/")[0].lower() == row.namespace.lower())
    if row is None or not _may_see(caller, row) or not is_named:
        raise ThingNotFound("collection", slug)
    return row


def _editable(tx: Read, caller: MaybeCaller, slug: str) -> tuple[CollectionRow, Caller]:
    row = _visible(tx, caller, slug)
    if caller is None:
        raise LoginRequired
    editor = require_change(caller)
    _check_right(editor, row.namespace_id, row.namespace)
    return row, editor


def _check_right(editor: Caller, namespace_id: int, name: str) -> None:
    role = editor.own_role(namespace_id)
    if role is None or role < Role.WRITE:
        raise NotAllowed(f"You don't have the rights to change collections of {name}")
    if not editor.permits(scopes.COLLECT, namespace_id):
        raise NotAllowed(f"This token lacks the permission '{scopes.COLLECT}' for {name}")


def _namespace(tx: Read, maker: Caller, name: str) -> Account:
    found = accounts.find(tx, name)
    if found is None or found.parent_id is not None:
        raise AccountNotFound(name)
    _check_right(maker, found.id, found.name)
    return found


def _show(tx: Read, caller: MaybeCaller, row: CollectionRow) -> Collection:
    return _show_all(tx, caller, [row])[0]


def _show_all(
    tx: Read, caller: MaybeCaller, rows: Sequence[CollectionRow], *, most: int | None = None
) -> list[Collection]:
    """Return collections as the caller sees them, with at most ``most`` items; the number of queries is constant."""
    held = collections.items(tx, [row.id for row in rows])
    everything = [item for items in held.values() for item in items]
    found = repositories.by_ids(tx, list({item.repo_id for item in everything if item.repo_id is not None}))
    linked = collections.by_ids(tx, [item.linked_id for item in everything if item.linked_id is not None])
    owners = accounts.by_ids(tx, list({row.namespace_id for row in rows}))
    access.load_grants(tx, caller, found.values())
    voted = collections.voted(tx, [row.id for row in rows], caller.account.id) if caller is not None else frozenset()
    shown = []
    for row in rows:
        seen = (
            _visible_item(tx, caller, item, found.get(item.repo_id or 0), linked.get(item.linked_id or 0))
            for item in held[row.id]
        )
        items = list(itertools.islice((item for item in seen if item is not None), most))
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
        return CollectionItem(item, slug_of(linked), None) if linked is not None and _may_see(caller, linked) else None
    return CollectionItem(item, item.name or "", None)


def _put_item(tx: Write, editor: Caller, row: CollectionRow, item: tuple[str, str], note: str | None) -> None:
    held = collections.items(tx, [row.id])[row.id]
    if len(held) >= MAX_ITEMS:
        raise LimitExceeded("the number of items in a collection", MAX_ITEMS, "begin another collection")
    fresh = attrs.evolve(
        _resolve_item(tx, editor, item), collection_id=row.id, position=len(held), note=_note(note) if note else None
    )
    key = (fresh.kind, fresh.repo_id, fresh.linked_id, fresh.name)
    if any((it.kind, it.repo_id, it.linked_id, it.name) == key for it in held):
        raise AlreadyExists("This item is already in the collection")
    if fresh.linked_id == row.id:
        raise Malformed("item", "a collection cannot hold itself")
    collections.add_item(tx, fresh)


def _resolve_item(tx: Read, editor: Caller, item: tuple[str, str]) -> ItemRow:
    """Return the repository, collection or paper that an item's kind and name identify."""
    kind, name = item
    empty = ItemRow(0, new_uid(), 0, kind, None, None, None, 0, None)
    if kind in _REPO_KINDS:
        repo = access.visible(tx, editor, RepoRef(RepoType(kind), parse_repo_id(name)))
        return attrs.evolve(empty, repo_id=repo.id)
    if kind == "collection":
        return attrs.evolve(empty, linked_id=_visible(tx, editor, name).id)
    if kind in _OTHER_KINDS and 0 < len(name) <= 100 and name.isascii() and name.isprintable():
        return attrs.evolve(empty, name=name)
    kinds = ", ".join(sorted(_REPO_KINDS | _OTHER_KINDS | {"collection"}))
    raise Malformed("item", f"expected one of {kinds}, and its id")


def _item(held: Sequence[ItemRow], uid: str) -> ItemRow:
    found = next((item for item in held if item.uid == uid), None)
    if found is None:
        raise ThingNotFound("item", uid)
    return found


def _reload(tx: Read, row: CollectionRow) -> CollectionRow:
    return collections.by_ids(tx, [row.id])[row.id]


def _reordered(ids: Sequence[int], moved: int, position: int) -> list[int]:
    rest = [one for one in ids if one != moved]
    rest.insert(max(0, min(position, len(rest))), moved)
    return rest


def _title(text: str) -> str:
    title = " ".join(text.split())
    if not 0 < len(title) <= _MAX_TITLE or not title.isprintable():
        raise InvalidName("title", text[:200], f"expected 1 to {_MAX_TITLE} printable characters")
    return title


def _description(text: str | None) -> str | None:
    if text is not None and len(text) > _MAX_DESCRIPTION:
        raise InvalidName("description", text[:200], f"expected at most {_MAX_DESCRIPTION} characters")
    return text or None


def _note(text: str) -> str | None:
    if len(text) > _MAX_NOTE:
        raise InvalidName("note", text[:200], f"expected at most {_MAX_NOTE} characters")
    return text or None
