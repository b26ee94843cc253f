"""Search for repositories: one query, with pages that stay stable under inserts.

No list and no number reads rows of repositories in whose namespace the caller sees nothing private: what a list takes
would reveal them. See :mod:`~entrepot.catalog.visibility`. The exception are callers with more than a thousand private
repositories in their namespaces, whose lists are read in the order of an index, beside the private ones of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.prepared import Prepared, PreparedForList
from entrepot.catalog.repos import name_parts
from entrepot.catalog.repos.repositories import COLUMNS, RepoRow, row_of
from entrepot.catalog.search import full_text
from entrepot.catalog.visibility import (
    PUBLIC,
    PUBLIC_ONLY,
    Visibility,
    condition_in,
    marks_of,
    namespaces_of,
    visible_condition,
    visible_private,
)
from entrepot.names import RepoType

_TAGS_AT_ONCE = 500
_MAX_SORTED = 500
"""Matches that are all read, to be sorted. If there are more, repositories are read in order until enough match."""

_MAX_PRIVATE = 1_000
"""Private repositories of the namespaces of a caller that are sorted; more are read in the order of an index."""

_MAX_CRITERIA, _MAX_ROWS = 4, 10_000
"""Terms, and tags, for which an index is read, and its rows that are counted in order to begin with the rarest."""

_Position = tuple[float, int]
"""The sort value of a repository, and its row id."""

SORTS = {
    "lastModified": tables.repos.c.updated_ms,
    "createdAt": tables.repos.c.created_ms,
    "downloads": tables.repos.c.downloads,
    "likes": tables.repos.c.likes,
    "trending": tables.repos.c.trending,
    "size": tables.repos.c.size,
}
"""Sort keys and their columns; the row id breaks ties."""


def _first_rows(repo_id: sa.ColumnElement[int], condition: sa.ColumnElement[bool]) -> sa.Select[int]:
    """Return the query for the number of rows of an index, up to :data:`_MAX_ROWS`; nothing but the index is read."""
    rows = sa.select(repo_id).where(condition).limit(_MAX_ROWS).subquery()
    return sa.select(sa.func.count()).select_from(rows)


_HAS_TAG = tables.repo_tags.c.tag == sa.bindparam("tag")
_HAS_TASK = (tables.repos.c.type == sa.bindparam("type")) & (tables.repos.c.pipeline_tag == sa.bindparam("task"))
_TAGGED = Prepared(_first_rows(tables.repo_tags.c.repo_id, _HAS_TAG))
_TAGGED_AMONG = PreparedForList(
    tables.repo_tags.c.mark, lambda seen: _first_rows(tables.repo_tags.c.repo_id, _HAS_TAG & seen)
)
_WITH_TASK = Prepared(_first_rows(tables.repos.c.id, _HAS_TASK))
_WITH_TASK_AMONG = PreparedForList(tables.repos.c.mark, lambda seen: _first_rows(tables.repos.c.id, _HAS_TASK & seen))


@attrs.frozen
class Search:
    """The criteria of a search; every given condition must hold.

    ``seen_by`` limits the result to what a caller can read: ``None`` for
    everything, else the namespaces (as a Visibility also the single
    repositories) that are visible although they are private, in addition to
    all public ones. ``owners``: row ids of accounts, whose folders count too.
    ``any_prefix``: some tag starts with one of these.
    ``terms``: substrings of the id; ``text``: a query as returned by
    :func:`full_text.query_of`. ``skip``: how many of the matches to leave out,
    after ``after``.
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
    skip: int = 0
    limit: int = 100


@attrs.frozen
class CountedRepos:
    """A page of repositories, and the number of all that match, see :func:`find_counted`."""

    rows: Sequence[RepoRow]
    total: int


@attrs.frozen
class _Namespaces:
    """Where a search looks for repositories, as row ids of namespaces.

    ``owned``: of the owners, None: anywhere; ``private``: in which the caller sees something private, None: all.
    """

    owned: Sequence[int] | None
    private: Sequence[int] | None


@attrs.frozen
class _Criterion:
    """A condition that rows of an index answer.

    ``repo_id``: the column of the index; ``condition``: on rows of all repositories; ``seen``: that a row is of a
    public one or of a namespace in which the caller sees something private; ``rows``: how many there are, up to
    :data:`_MAX_ROWS`; ``is_term``: a repository may have several of them, which are not found by its id.
    """

    repo_id: sa.ColumnElement[int]
    condition: sa.ColumnElement[bool]
    rows: int
    seen: sa.ColumnElement[bool] = attrs.field(factory=sa.true)
    is_term: bool = False


def find(tx: Read, search: Search) -> list[RepoRow]:
    """Return one page of repositories.

    Args:
        search: ``after`` is the (sort value, row id) of the last repository
            of the previous page, so that inserts neither repeat nor skip rows.
    """
    within = _namespaces(tx, search)
    criteria = _criteria(tx, search, within)
    # One criterion that many meet says little: those that are read first meet it too.
    if not criteria or (len(criteria) == 1 and criteria[0].rows > _MAX_SORTED):
        return _in_order(tx, search, within)
    matches = _matches(tx, search, criteria)
    return _in_order(tx, search, within) if len(matches) > _MAX_SORTED else _sorted(tx, search, matches)


def find_counted(tx: Read, search: Search, *, most: int) -> CountedRepos:
    """Return one page of repositories, as :func:`find` does, and the number that :func:`count` returns.

    Args:
        most: stop counting at this number: more than a page has, and at most 501.
    """
    within = _namespaces(tx, search)
    criteria = _criteria(tx, search, within)
    if not criteria:
        rows = _in_order(tx, search, within)
        is_whole = search.after is None and not search.skip and len(rows) < search.limit
        return CountedRepos(rows, len(rows) if is_whole else _count(tx, search, within, criteria, most))
    matches = _matches(tx, search, criteria)
    rows = _in_order(tx, search, within) if len(matches) > _MAX_SORTED else _sorted(tx, search, matches)
    return CountedRepos(rows, min(most, len(matches)))


def count(tx: Read, search: Search, *, most: int | None = None) -> int:
    """Return the total number of matching repositories; ``after`` and ``limit`` are ignored.

    Args:
        most: stop counting at this number; None: count all.
    """
    within = _namespaces(tx, search)
    return _count(tx, search, within, _criteria(tx, search, within), most)


def _count(tx: Read, search: Search, within: _Namespaces, criteria: Sequence[_Criterion], most: int | None) -> int:
    queries = [_led(tx, search, criteria)] if criteria else [query for query, _ in _parts(tx, search, within)]
    total = 0
    for query in queries:
        matches = query.limit(None if most is None else most - total).subquery()
        total += tx.sql.execute(sa.select(sa.func.count()).select_from(matches)).scalar_one()
    return total


def counts(tx: Read, namespace_id: int, seen_by: Visibility | None) -> dict[RepoType, int]:
    """Return the number of repositories of each type in a namespace that are visible to ``seen_by``."""
    repos = tables.repos
    query = sa.select(repos.c.type, sa.func.count()).where(
        (repos.c.namespace_id == namespace_id) & repos.c.deleted_ms.is_(None)
    )
    query = query.where(condition_in(tx, seen_by, namespace_id))
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
    marks = marks_of(namespaces_of(tx, seen_by))
    if marks is not None:
        kept &= on.c.mark.in_(bounded(marks))
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


def _in_order(tx: Read, search: Search, within: _Namespaces) -> list[RepoRow]:
    """Return one page of repositories, which are read in order until enough of them match."""
    column, repos = SORTS[search.sort], tables.repos
    found, passed = list[RepoRow](), list[_Position]()
    end: _Position | None = None
    for query, is_in_order in _parts(tx, search, within):
        # What is not in the order of the index is few: "+ 0" keeps SQLite from scanning all in that order.
        value = column if is_in_order else column + 0
        here = sa.tuple_(value, repos.c.id)
        order = (value.asc(), repos.c.id.asc()) if search.is_ascending else (value.desc(), repos.c.id.desc())
        first = query.order_by(*order).limit(search.skip + search.limit)
        if search.after is not None:
            first = first.where(here > _tuple(search.after) if search.is_ascending else here < _tuple(search.after))
        if end is not None:  # what comes after a whole page of others is not on it
            first = first.where(here < _tuple(end) if search.is_ascending else here > _tuple(end))
        if search.skip:  # what is left out is not read whole
            passed += map(tuple, tx.sql.execute(first.with_only_columns(column, repos.c.id)))
            end = passed[-1] if len(passed) == search.skip + search.limit else None
            continue
        if is_in_order:
            rows = tx.sql.execute(first.with_only_columns(*COLUMNS))
        else:  # only the rows of the page are read whole
            ids = sa.select(first.subquery().c.id)
            rows = tx.sql.execute(_selected().where(repos.c.id.in_(ids)))
        found += map(row_of, rows)
        end = position_of(found[-1], search.sort) if is_in_order and len(found) == search.limit else None
    if search.skip:
        return _sorted(tx, search, passed)
    found.sort(key=lambda row: position_of(row, search.sort), reverse=not search.is_ascending)
    return found[: search.limit]


def _tuple(position: _Position) -> sa.ColumnElement[Any]:
    return sa.tuple_(*(sa.literal(part) for part in position))


def _sorted(tx: Read, search: Search, matches: Sequence[_Position]) -> list[RepoRow]:
    """Return one page of repositories, given the positions of all that match."""
    positions = sorted(matches, reverse=not search.is_ascending)
    if search.after is not None:
        last = search.after
        positions = [each for each in positions if (each > last if search.is_ascending else each < last)]
    wanted = [row_id for _, row_id in positions[search.skip : search.skip + search.limit]]
    found = dict[int, RepoRow]()
    for batch in slices(wanted):
        rows = tx.sql.execute(_selected().where(tables.repos.c.id.in_(batch)))
        found |= {row[0]: row_of(row) for row in rows}
    return [found[row_id] for row_id in wanted]


def _selected() -> sa.Select[Any]:
    return sa.select(*COLUMNS).join(tables.namespaces, tables.namespaces.c.id == tables.repos.c.namespace_id)


def _namespaces(tx: Read, search: Search) -> _Namespaces:
    """Return where to look for the repositories of a search."""
    namespaces, owned = tables.namespaces, None
    if search.author is not None:
        named = sa.select(namespaces.c.id).where(namespaces.c.name_key == search.author.lower())
        owned = set(tx.sql.execute(named).scalars())
    if search.owners:
        owners = bounded(search.owners)
        below = sa.select(namespaces.c.id).where(namespaces.c.parent_id.in_(owners))
        within = {*owners, *tx.sql.execute(below).scalars()}
        owned = within if owned is None else owned & within
    private = namespaces_of(tx, search.seen_by)
    if owned is not None:
        private = sorted(owned if private is None else owned.intersection(private))
    return _Namespaces(None if owned is None else sorted(owned), private)


def _parts(tx: Read, search: Search, within: _Namespaces) -> Iterator[tuple[sa.Select[Any], bool]]:
    """Yield the queries for the ids of matches, public ones and private ones, and whether an index has their order.

    A caller who sees something in namespaces with many private repositories has those of all read in order.
    """
    repos = tables.repos
    is_anywhere = within.owned is None
    query = sa.select(repos.c.id).join(tables.namespaces, tables.namespaces.c.id == repos.c.namespace_id)
    public = query.where(repos.c.visibility == "public", *_conditions(tx, search, is_led=not is_anywhere))
    if within.owned is not None:
        public = public.where(repos.c.namespace_id.in_(bounded(within.owned)), repos.c.mark == PUBLIC)
    yield public, is_anywhere
    if within.private is None:
        private, is_few = query.where(repos.c.visibility == "private"), False
    elif within.private:
        here = repos.c.namespace_id.in_(bounded(within.private)) & repos.c.mark.in_(bounded(within.private))
        is_few = not is_anywhere or _are_few(tx, here & (repos.c.type == search.type.value))
        private = query.where(here if is_few else repos.c.visibility == "private")
    else:
        return
    seen = sa.true() if search.seen_by is None else visible_private(search.seen_by)
    yield private.where(seen, *_conditions(tx, search, is_led=is_few)), not is_few


def _are_few(tx: Read, condition: sa.ColumnElement[bool]) -> bool:
    first = sa.select(tables.repos.c.id).where(condition).limit(_MAX_PRIVATE + 1).subquery()
    return tx.sql.execute(sa.select(sa.func.count()).select_from(first)).scalar_one() <= _MAX_PRIVATE


def _criteria(tx: Read, search: Search, within: _Namespaces) -> list[_Criterion]:
    """Return the criteria that an index answers, rarest first; none for the repositories of an owner, which are few."""
    if within.owned is not None:
        return []
    found = list[_Criterion]()
    terms = sorted({term.lower() for term in search.terms if term}, key=lambda term: (-len(term), term))
    for term in terms[:_MAX_CRITERIA]:
        on = tables.repo_name_parts.alias()
        having = name_parts.having(on, term, within.private)
        rows = tx.sql.execute(_first_rows(on.c.repo_id, having)).scalar_one()
        found.append(_Criterion(on.c.repo_id, having, rows, is_term=True))
    marks = marks_of(within.private)
    for tag in search.tags[:_MAX_CRITERIA]:
        labelled, wanted = tables.repo_tags.alias(), {"tag": tag}
        rows = _TAGGED.scalar(tx, wanted) if marks is None else _TAGGED_AMONG.all(tx, marks, wanted)[0][0]
        seen = sa.true() if marks is None else labelled.c.mark.in_(bounded(marks))
        found.append(_Criterion(labelled.c.repo_id, labelled.c.tag == tag, rows, seen))
    if search.pipeline_tag is not None:
        repos = tables.repos.alias()
        wanted = {"type": search.type.value, "task": search.pipeline_tag}
        rows = _WITH_TASK.scalar(tx, wanted) if marks is None else _WITH_TASK_AMONG.all(tx, marks, wanted)[0][0]
        having = (repos.c.type == search.type.value) & (repos.c.pipeline_tag == search.pipeline_tag)
        seen = sa.true() if marks is None else repos.c.mark.in_(bounded(marks))
        found.append(_Criterion(repos.c.id, having, rows, seen))
    return sorted(found, key=lambda criterion: criterion.rows)


def _matches(tx: Read, search: Search, criteria: Sequence[_Criterion]) -> list[_Position]:
    """Return the positions of all that match, in any order; if they are more than can be sorted, of so many and one."""
    query = _led(tx, search, criteria).limit(_MAX_SORTED + 1)
    return [(value, row_id) for row_id, value in tx.sql.execute(query).all()]


def _led(tx: Read, search: Search, criteria: Sequence[_Criterion]) -> sa.Select[Any]:
    """Return the query for ids and sort values of matches that reads the rows of the first criterion, then of others.

    A repository is read only if it meets these too, because their conditions name the id that the first row has.
    """
    repos, (rarest, *others) = tables.repos, criteria
    query = sa.select(repos.c.id, SORTS[search.sort]).select_from(rarest.repo_id.table)
    query = query.join(repos, repos.c.id == rarest.repo_id)
    query = query.join(tables.namespaces, tables.namespaces.c.id == repos.c.namespace_id)
    query = query.where(rarest.condition, rarest.seen)
    for other in others:
        if not other.is_term:  # one row, of a repository that the first criterion has found: the mark says nothing new
            query = query.where(sa.exists().where((other.repo_id == rarest.repo_id) & other.condition))
        elif other.rows < _MAX_ROWS:
            # "+ 0": SQLite would begin with this list, and read the repositories in it.
            query = query.where((rarest.repo_id + 0).in_(sa.select(other.repo_id).where(other.condition)))
    rest = attrs.evolve(search, tags=search.tags[_MAX_CRITERIA:])
    query = query.where(visible_condition(search.seen_by), *_conditions(tx, rest, is_led=True))
    return query.distinct() if rarest.is_term else query


def _conditions(tx: Read, search: Search, *, is_led: bool) -> list[sa.ColumnElement[Any]]:
    """Return the conditions of a search, without those of who sees and who owns the repositories.

    Args:
        is_led: another condition says which rows are read; of these, the index of a type is useless then, and a
            function keeps SQLite from reading that index instead.
    """
    repos, namespaces, tags = tables.repos, tables.namespaces, tables.repo_tags
    kind = sa.func.lower(repos.c.type) if is_led else repos.c.type
    found: list[sa.ColumnElement[Any]] = [kind == search.type.value, repos.c.deleted_ms.is_(None)]
    full_id = namespaces.c.name_key + "/" + repos.c.name_key
    found.extend(full_id.contains(term.lower(), autoescape=True) for term in search.terms)
    if search.text is not None:
        found.append(full_text.matching(tx, search.text, search.seen_by))
    found.extend(sa.exists().where((tags.c.repo_id == repos.c.id) & (tags.c.tag == tag)) for tag in search.tags)
    if search.any_prefix:
        starts = sa.or_(*(tags.c.tag.startswith(prefix, autoescape=True) for prefix in search.any_prefix))
        found.append(sa.exists().where((tags.c.repo_id == repos.c.id) & starts))
    if search.pipeline_tag is not None:
        found.append(sa.func.coalesce(repos.c.pipeline_tag, "") == search.pipeline_tag)
    if search.gated is not None:
        found.append(repos.c.gated != "no" if search.gated else repos.c.gated == "no")
    if search.archived is not None:
        found.append(repos.c.is_archived.is_(search.archived))
    return found
