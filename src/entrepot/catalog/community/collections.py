"""Queries on collections and their items."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import MAX_VALUES, bounded, slices
from entrepot.catalog.visibility import Visibility, visible_condition
from entrepot.names import Uid

_C = community_tables.collections
_I = community_tables.collection_items
_V = community_tables.collection_upvotes
_N = tables.namespaces
_R = tables.repos


@attrs.frozen
class CollectionRow:
    """One collection, with the name of its namespace."""

    id: int
    uid: Uid
    namespace_id: int
    title: str
    description: str | None
    is_private: bool
    theme: str
    position: int
    upvotes: int
    created_ms: int
    updated_ms: int
    namespace: str


@attrs.frozen
class ItemRow:
    """One item of a collection: a repository, another collection, or (``name``) something outside the hub."""

    id: int
    uid: Uid
    collection_id: int
    kind: str
    repo_id: int | None
    linked_id: int | None
    name: str | None
    position: int
    note: str | None


@attrs.frozen
class CollectionFilter:
    """A filter for collections; every given condition must hold.

    ``seen_by``: row ids of the namespaces whose private collections are listed;
    None: of all namespaces. Of ``owners``, and of ``repo_ids``, ``linked_ids`` and ``names`` together, one match is
    enough.
    """

    seen_by: frozenset[int] | None
    owners: tuple[int, ...] | None = None
    repo_ids: tuple[int, ...] | None = None
    linked_ids: tuple[int, ...] = ()
    names: tuple[tuple[str, str], ...] | None = None
    text: str = ""
    sort: str = "lastModified"
    after: tuple[float, int] | None = None
    limit: int = 100


SORTS: Mapping[str, sa.Column[Any]] = {
    "lastModified": _C.c.updated_ms,
    "trending": _C.c.upvotes,
    "upvotes": _C.c.upvotes,
}
_COLUMNS: list[sa.Column[Any]] = [
    _C.c[field.name] for field in attrs.fields(CollectionRow) if field.name != "namespace"
]
_SELECT: sa.Select[Any] = sa.select(*_COLUMNS, _N.c.name).join(_N, _N.c.id == _C.c.namespace_id)
_ITEMS: list[sa.Column[Any]] = [_I.c[field.name] for field in attrs.fields(ItemRow)]


def add(tx: Write, row: CollectionRow) -> CollectionRow:
    """Insert a collection (its ``id`` is ignored) and return it with its id."""
    values = attrs.asdict(row, filter=attrs.filters.exclude("id", "namespace"))
    key = tx.sql.execute(sa.insert(_C).values(**values)).inserted_primary_key
    assert key is not None
    return attrs.evolve(row, id=key[0])


def find(tx: Read, uid: str) -> CollectionRow | None:
    """Return the collection with this public id, or None."""
    row = tx.sql.execute(_SELECT.where(_C.c.uid == uid)).first()
    return CollectionRow(*row) if row else None


def by_ids(tx: Read, ids: Sequence[int]) -> dict[int, CollectionRow]:
    """Return the collections with these row ids."""
    found: dict[int, CollectionRow] = {}
    for batch in slices(ids):
        found.update((row.id, CollectionRow(*row)) for row in tx.sql.execute(_SELECT.where(_C.c.id.in_(batch))))
    return found


def titled(tx: Read, namespace_id: int, title: str) -> CollectionRow | None:
    """Return the collection of a namespace with this title, or None."""
    row = tx.sql.execute(_SELECT.where((_C.c.namespace_id == namespace_id) & (_C.c.title == title))).first()
    return CollectionRow(*row) if row else None


def count(tx: Read, namespace_id: int) -> int:
    """Return the number of collections of a namespace."""
    return tx.sql.execute(sa.select(sa.func.count()).where(_C.c.namespace_id == namespace_id)).scalar_one()


def of_namespace(tx: Read, namespace_id: int) -> Sequence[int]:
    """Return the row ids of the collections of a namespace, in display order."""
    query = sa.select(_C.c.id).where(_C.c.namespace_id == namespace_id).order_by(_C.c.position, _C.c.id)
    return tx.sql.execute(query).scalars().all()


def listed(tx: Read, wanted: CollectionFilter) -> Sequence[CollectionRow]:
    """Return one page of collections, in descending order of the sort value.

    Collections that the caller may not see are not read, so that what a list takes does not reveal them; only the items
    of all are looked up, if ``repo_ids`` or ``names`` are given.
    """
    is_private, column = _C.c.is_private, SORTS[wanted.sort]
    found = [_page(tx, wanted, is_private.is_(False), column)]
    if wanted.seen_by is None:
        found.append(_page(tx, wanted, is_private.is_(True), column))
    else:
        places = wanted.seen_by if wanted.owners is None else wanted.seen_by.intersection(wanted.owners)
        here = is_private.is_(True) & _C.c.namespace_id.in_(bounded(places))
        # "+ 0": others are not read in the order of the index.
        found += [_page(tx, attrs.evolve(wanted, owners=None), here, column + 0)] if places else []
    rows = sorted(itertools.chain(*found), key=lambda row: position_of(row, wanted.sort), reverse=True)
    return rows[: wanted.limit]


def _page(
    tx: Read, wanted: CollectionFilter, visible: sa.ColumnElement[bool], column: sa.ColumnElement[Any]
) -> list[CollectionRow]:
    query = _SELECT.where(visible).order_by(column.desc(), _C.c.id.desc()).limit(wanted.limit)
    if wanted.owners is not None:
        query = query.where(_C.c.namespace_id.in_(bounded(wanted.owners)))
    if wanted.repo_ids is not None or wanted.names is not None:
        holds = _I.c.repo_id.in_(bounded(wanted.repo_ids or ())) | _I.c.linked_id.in_(bounded(wanted.linked_ids))
        named = (
            sa.tuple_(_I.c.kind, _I.c.name).in_(bounded(wanted.names, MAX_VALUES // 2)) if wanted.names else sa.false()
        )
        query = query.where(_C.c.id.in_(sa.select(_I.c.collection_id).where(holds | named)))
    if wanted.text:
        words = sa.func.lower(_C.c.title + " " + sa.func.coalesce(_C.c.description, ""))
        query = query.where(words.contains(wanted.text.lower(), autoescape=True))
    if wanted.after is not None:
        last = sa.tuple_(*(sa.literal(part) for part in wanted.after))
        query = query.where(sa.tuple_(column, _C.c.id) < last)
    return [CollectionRow(*row) for row in tx.sql.execute(query)]


def update(tx: Write, collection_id: int, **values: object) -> None:
    """Set columns of a collection."""
    tx.sql.execute(sa.update(_C).where(_C.c.id == collection_id).values(**values))


def remove(tx: Write, collection_id: int) -> None:
    """Delete a collection with its items and votes, and its item in other collections."""
    tx.sql.execute(sa.delete(_I).where((_I.c.collection_id == collection_id) | (_I.c.linked_id == collection_id)))
    tx.sql.execute(sa.delete(_V).where(_V.c.collection_id == collection_id))
    tx.sql.execute(sa.delete(_C).where(_C.c.id == collection_id))


def items(tx: Read, collection_ids: Sequence[int]) -> dict[int, list[ItemRow]]:
    """Return the items of the given collections, in order."""
    found: dict[int, list[ItemRow]] = {collection_id: [] for collection_id in collection_ids}
    query = sa.select(*_ITEMS).where(_I.c.collection_id.in_(bounded(collection_ids))).order_by(_I.c.position, _I.c.id)
    for row in tx.sql.execute(query):
        found[row.collection_id].append(ItemRow(*row))
    return found


def first_items(
    tx: Read,
    collection_ids: Sequence[int],
    *,
    most: int,
    seen_by: Visibility | None,
    namespaces: frozenset[int] | None,
) -> dict[int, list[ItemRow]]:
    """Return the first items of the given collections that a caller sees, in order, at most ``most`` of each.

    Args:
        seen_by: the private repositories that the caller sees; None for all.
        namespaces: row ids of the namespaces whose private collections the caller sees; None for all.
    """
    other = _C.alias()
    is_linked: sa.ColumnElement[bool] = other.c.id.is_not(None)
    if namespaces is not None:
        is_linked = other.c.is_private.is_(False) | other.c.namespace_id.in_(bounded(namespaces))
    is_repo = _R.c.deleted_ms.is_(None) & visible_condition(seen_by)
    is_shown = sa.case(
        (_I.c.repo_id.is_not(None), is_repo),
        (_I.c.linked_id.is_not(None), is_linked),
        else_=sa.true(),
    )
    order = (_I.c.position, _I.c.id)
    rank = sa.func.row_number().over(partition_by=_I.c.collection_id, order_by=order).label("rank")
    ranked = (
        sa.select(_I.c.id, rank)
        .outerjoin(_R, _R.c.id == _I.c.repo_id)
        .outerjoin(other, other.c.id == _I.c.linked_id)
        .where(_I.c.collection_id.in_(bounded(collection_ids)) & is_shown)
        .subquery()
    )
    query = sa.select(*_ITEMS).join(ranked, ranked.c.id == _I.c.id).where(ranked.c.rank <= most).order_by(*order)
    found: dict[int, list[ItemRow]] = {collection_id: [] for collection_id in collection_ids}
    for row in tx.sql.execute(query):
        found[row.collection_id].append(ItemRow(*row))
    return found


def add_item(tx: Write, item: ItemRow) -> None:
    """Add an item to a collection; the row's ``id`` is ignored."""
    tx.sql.execute(sa.insert(_I).values(**attrs.asdict(item, filter=attrs.filters.exclude("id"))))


def update_item(tx: Write, item_id: int, **values: object) -> None:
    """Set columns of an item."""
    tx.sql.execute(sa.update(_I).where(_I.c.id == item_id).values(**values))


def remove_item(tx: Write, item_id: int) -> None:
    """Remove an item from a collection."""
    tx.sql.execute(sa.delete(_I).where(_I.c.id == item_id))


def vote(tx: Write, collection_id: int, user_id: int) -> None:
    """Record a user's vote for a collection; idempotent."""
    if not has_voted(tx, collection_id, user_id):
        tx.sql.execute(sa.insert(_V).values(collection_id=collection_id, user_id=user_id))
        update(tx, collection_id, upvotes=_C.c.upvotes + 1)


def withdraw_vote(tx: Write, collection_id: int, user_id: int) -> None:
    """Delete a user's vote for a collection; idempotent."""
    here = (_V.c.collection_id == collection_id) & (_V.c.user_id == user_id)
    if tx.sql.execute(sa.delete(_V).where(here)).rowcount:
        update(tx, collection_id, upvotes=_C.c.upvotes - 1)


def public_upvotes(tx: Read, namespace_id: int) -> int:
    """Return the total number of votes for the public collections of a namespace."""
    query = sa.select(sa.func.coalesce(sa.func.sum(_C.c.upvotes), 0))
    return int(
        tx.sql.execute(query.where((_C.c.namespace_id == namespace_id) & _C.c.is_private.is_(False))).scalar_one()
    )


def has_voted(tx: Read, collection_id: int, user_id: int) -> bool:
    """Return whether a user has voted for a collection."""
    here = (_V.c.collection_id == collection_id) & (_V.c.user_id == user_id)
    return tx.sql.execute(sa.select(_V.c.user_id).where(here)).first() is not None


def voted(tx: Read, collection_ids: Sequence[int], user_id: int) -> frozenset[int]:
    """Return the given collections that a user has voted for."""
    here = _V.c.collection_id.in_(bounded(collection_ids)) & (_V.c.user_id == user_id)
    return frozenset(tx.sql.execute(sa.select(_V.c.collection_id).where(here)).scalars())


def position_of(row: CollectionRow, sort: str) -> tuple[float, int]:
    """Return the ``after`` value with which the page after this row starts."""
    return (row.updated_ms if sort == "lastModified" else row.upvotes), row.id
