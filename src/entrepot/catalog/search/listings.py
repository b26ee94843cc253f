"""Search for repositories: one query, with pages that stay stable under inserts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.repos import name_parts
from entrepot.catalog.repos.repositories import COLUMNS, RepoRow, row_of
from entrepot.catalog.search import full_text, text_scopes
from entrepot.catalog.visibility import PUBLIC_ONLY, Visibility, visible_condition
from entrepot.names import RepoType

_TAGS_AT_ONCE = 500
_MAX_SORTED = 1_000
"""Repositories that may have a term in their ids, or have a tag, and which are therefore all read to be sorted.

If there are more, repositories are read in order until enough of them match."""

SORTS = {
    "lastModified": tables.repos.c.updated_ms,
    "createdAt": tables.repos.c.created_ms,
    "downloads": tables.repos.c.downloads,
    "likes": tables.repos.c.likes,
    "trending": tables.repos.c.trending,
    "size": tables.repos.c.size,
}
"""Sort keys and their columns; the row id breaks ties."""


@attrs.frozen
class Search:
    """The criteria of a search; every given condition must hold.

    ``seen_by`` limits the result to what a caller can read: ``None`` for
    everything, else the namespaces (as a Visibility also the single
    repositories) that are visible although they are private, in addition to
    all public ones. ``owners``: row ids of accounts, whose folders count too.
    ``any_prefix``: some tag starts with one of these.
    ``terms``: substrings of the id; ``text``: a query as returned by
    :func:`full_text.query_of`.
    """

    type: RepoType
    seen_by: Visibility | None = PUBLIC_ONLY
    author: str | None = None
    owners: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()
    text: str | None = None
    tags: tuple[str, ...] = ()
    any_prefix: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    gated: bool | None = None
    archived: bool | None = None
    sort: str = "lastModified"
    is_ascending: bool = False
    after: tuple[float, int] | None = None
    limit: int = 100


def find(tx: Read, search: Search) -> list[RepoRow]:
    """Return one page of repositories.

    Args:
        search: ``after`` is the (sort value, row id) of the last repository
            of the previous page, so that inserts neither repeat nor skip rows.
    """
    column = SORTS[search.sort]
    repos = tables.repos
    few = _few(tx, search)
    # What has an author has few repositories, as what is rare: "+ 0" keeps SQLite from scanning all in index order.
    value = column + 0 if few is not None or _has_owner(search) else column
    order = (value.asc(), repos.c.id.asc()) if search.is_ascending else (value.desc(), repos.c.id.desc())
    query = (
        sa.select(*COLUMNS)
        .join(tables.namespaces, tables.namespaces.c.id == repos.c.namespace_id)
        .where(*_conditions(tx, search, is_led=few is not None), sa.true() if few is None else few)
        .order_by(*order)
        .limit(search.limit)
    )
    if search.after is not None:
        here = sa.tuple_(column, repos.c.id)
        last = sa.tuple_(*(sa.literal(part) for part in search.after))
        query = query.where(here > last if search.is_ascending else here < last)
    return [row_of(row) for row in tx.sql.execute(query)]


def count(tx: Read, search: Search, *, most: int | None = None) -> int:
    """Return the total number of matching repositories; ``after`` and ``limit`` are ignored.

    Args:
        most: stop counting at this number; None: count all.
    """
    repos, on, parts = tables.repos, tables.repo_tags.alias(), tables.repo_name_parts
    query = sa.select(repos.c.id).join(tables.namespaces, tables.namespaces.c.id == repos.c.namespace_id)
    named = name_parts.starting(*_terms_of(tx, search)) if search.terms and not _has_owner(search) else None
    is_led = named is not None or (bool(search.tags) and not _has_owner(search))
    if named is not None:
        query = query.join(parts, parts.c.repo_id == repos.c.id).where(named).distinct()
    elif is_led:
        query = query.join(on, on.c.repo_id == repos.c.id).where(on.c.tag == search.tags[0])
    elif search.pipeline_tag is not None:
        query = query.where(repos.c.pipeline_tag == search.pipeline_tag)
    matches = query.where(*_conditions(tx, search, is_led=is_led)).limit(most).subquery()
    return tx.sql.execute(sa.select(sa.func.count()).select_from(matches)).scalar_one()


def counts(tx: Read, namespace_id: int, seen_by: Visibility | None) -> dict[RepoType, int]:
    """Return the number of repositories of each type in a namespace that are visible to ``seen_by``."""
    repos = tables.repos
    query = sa.select(repos.c.type, sa.func.count()).where(
        (repos.c.namespace_id == namespace_id) & repos.c.deleted_ms.is_(None)
    )
    query = query.where(visible_condition(seen_by))
    return {RepoType(kind): int(number) for kind, number in tx.sql.execute(query.group_by(repos.c.type))}


def count_tagged(
    tx: Read, tags: Sequence[str], seen_by: Visibility | None, *, most: int | None = None
) -> dict[str, int]:
    """Return how many models that the caller may see have each of these tags; those that none has are left out.

    Args:
        most: stop counting the models of a tag at this number; None: count all.
    """
    repos, on, found = tables.repos, tables.repo_tags, dict[str, int]()
    kept = (
        (repos.c.type == RepoType.MODEL.value)
        & repos.c.deleted_ms.is_(None)
        & on.c.is_label.is_(False)
        & visible_condition(seen_by)
    )
    having = sa.select(on.c.tag).join(repos, repos.c.id == on.c.repo_id).where(kept)
    for batch in slices(tags, _TAGS_AT_ONCE):
        if most is None:
            matches = having.where(on.c.tag.in_(batch)).subquery()
        else:
            first = [having.where(on.c.tag == tag).limit(most).subquery() for tag in batch]
            matches = sa.union_all(*(sa.select(each.c.tag) for each in first)).subquery()
        query = sa.select(matches.c.tag, sa.func.count()).group_by(matches.c.tag)
        found.update((tag, number) for tag, number in tx.sql.execute(query))
    return found


def position_of(row: RepoRow, sort: str) -> tuple[float, int]:
    """Return the ``after`` value with which the page after this row starts."""
    values = {
        "lastModified": row.updated_ms,
        "createdAt": row.created_ms,
        "downloads": row.downloads,
        "likes": row.likes,
        "trending": row.trending,
        "size": row.size,
    }
    return values[sort], row.id


def _terms_of(tx: Read, search: Search) -> tuple[list[str], list[int] | None]:
    """Return the terms of a search, and the namespaces whose private repositories it looks at, None for all."""
    return [term.lower() for term in search.terms], text_scopes.namespaces_of(tx, search.seen_by)


def _has_owner(search: Search) -> bool:
    return search.author is not None or bool(search.owners)


def _few(tx: Read, search: Search) -> sa.ColumnElement[bool] | None:
    """Return a condition that finds the few repositories among which the matches are; None if there may be many."""
    if _has_owner(search):
        return None
    named = name_parts.find_repos(tx, *_terms_of(tx, search), most=_MAX_SORTED) if search.terms else None
    if named is not None:
        return named
    repos, on, other = tables.repos, tables.repo_tags, tables.repos.alias()
    found = [sa.select(on.c.repo_id).where(on.c.tag == tag) for tag in search.tags]
    if search.pipeline_tag is not None:
        task = (other.c.type == search.type.value) & (other.c.pipeline_tag == search.pipeline_tag)
        found.append(sa.select(other.c.id).where(task))
    short = next((query for query in found if _is_short(tx, query)), None)
    return None if short is None else repos.c.id.in_(short)


def _is_short(tx: Read, found: sa.Select[tuple[int]]) -> bool:
    """Return whether a query, which reads an index only, has at most :data:`_MAX_SORTED` rows."""
    first = found.limit(_MAX_SORTED + 1).subquery()
    return bool(tx.sql.execute(sa.select(sa.func.count()).select_from(first)).scalar_one() <= _MAX_SORTED)


def _conditions(tx: Read, search: Search, *, is_led: bool) -> list[sa.ColumnElement[Any]]:
    """Return the conditions of a search.

    Args:
        is_led: another condition says which rows are read; of these, the index of a type is useless then, and a
            function keeps SQLite from reading that index instead.
    """
    repos, namespaces, tags = tables.repos, tables.namespaces, tables.repo_tags
    kind = sa.func.lower(repos.c.type) if is_led else repos.c.type
    found: list[sa.ColumnElement[Any]] = [kind == search.type.value, repos.c.deleted_ms.is_(None)]
    found.append(visible_condition(search.seen_by))
    if search.author is not None:
        author = sa.select(namespaces.c.id).where(namespaces.c.name_key == search.author.lower())
        found.append(repos.c.namespace_id == author.correlate(None).scalar_subquery())
    if search.owners:
        owned = bounded(search.owners)
        spaces = sa.select(namespaces.c.id).where(namespaces.c.id.in_(owned) | namespaces.c.parent_id.in_(owned))
        found.append(repos.c.namespace_id.in_(spaces.correlate(None)))
    full_id = namespaces.c.name_key + "/" + repos.c.name_key
    found.extend(full_id.contains(term.lower(), autoescape=True) for term in search.terms)
    if search.text is not None:
        found.append(full_text.matching(tx, search.text, search.seen_by))
    found.extend(sa.exists().where((tags.c.repo_id == repos.c.id) & (tags.c.tag == tag)) for tag in search.tags)
    if search.any_prefix:
        starts = sa.or_(*(tags.c.tag.startswith(prefix, autoescape=True) for prefix in search.any_prefix))
        found.append(repos.c.id.in_(sa.select(tags.c.repo_id).where(starts)))
    if search.pipeline_tag is not None:
        found.append(sa.func.coalesce(repos.c.pipeline_tag, "") == search.pipeline_tag)
    if search.gated is not None:
        found.append(repos.c.gated != "no" if search.gated else repos.c.gated == "no")
    if search.archived is not None:
        found.append(repos.c.is_archived.is_(search.archived))
    return found
