"""The private repositories that a caller can see, as a value and as an SQL condition.

The duration of a statement could reveal repositories that the caller may not see. Therefore public and private ones are
apart in the indexes: rows have a *mark*, 0 for public repositories and the namespace for private ones, and a statement
looks up 0 and the namespaces in which the caller sees something private. Callers who see all, or something in very many
namespaces, read the rows of all.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read
from entrepot.catalog.lists import MAX_VALUES, bounded

_R = tables.repos
_N = tables.namespaces
_F = tables.folders
_G = tables.folder_grants


_Ids = Collection[int] | sa.BindParameter[Any]


def _ids(values: Iterable[int]) -> frozenset[int]:
    return frozenset(values)


@attrs.frozen
class Visibility:
    """Row ids that make private repositories visible, in addition to all public ones.

    ``namespaces``: accounts whose repositories are visible, including those in their
    folders. ``repos``, ``folders``: single ones. ``grantees``: the accounts whose
    grants of folders count. ``None`` in place of a value means that everything
    is visible.
    """

    namespaces: frozenset[int] = attrs.field(default=(), converter=_ids)
    repos: frozenset[int] = attrs.field(default=(), converter=_ids)
    folders: frozenset[int] = attrs.field(default=(), converter=_ids)
    grantees: frozenset[int] = attrs.field(default=(), converter=_ids)


_MAX_VALUES = MAX_VALUES // 4
"""Maximum number of values of each kind in a statement."""

_KEPT = 64
"""Conditions that are kept: building one costs as much as a statement with it, and one page has several."""

PUBLIC_ONLY = Visibility()
"""Nothing that is private."""

PUBLIC = 0
"""The mark of public repositories."""

MAX_NAMESPACES = 50
"""Namespaces whose rows are looked up one by one; for more, all rows are read, and filtered."""


@functools.lru_cache(maxsize=_KEPT)
def visible_private(seen: Visibility) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``repos`` is visible although it is private."""
    return sa.or_(
        *_in_namespaces(seen.namespaces),
        *([_R.c.id.in_(bounded(seen.repos, _MAX_VALUES))] if seen.repos else []),
        *([_in_folder(_F.c.id.in_(bounded(seen.folders, _MAX_VALUES)))] if seen.folders else []),
        *([_in_folder(_is_granted_to(seen.grantees))] if seen.grantees else []),
        sa.false(),
    )


@functools.lru_cache(maxsize=_KEPT)
def visible_condition(seen: Visibility | None) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``repos`` is public or visible although private; None sees everything."""
    return sa.true() if seen is None else (_R.c.visibility == "public") | visible_private(seen)


def namespaces_of(tx: Read, seen: Visibility | None) -> list[int] | None:
    """Return the namespaces in which a caller sees something private; None for all, or more than fifty."""
    if seen is None or len(seen.namespaces) > MAX_NAMESPACES:
        return None
    namespaces = set(_namespaces(tx, seen))
    return None if len(namespaces) > MAX_NAMESPACES else sorted(namespaces)


def marks_of(namespaces: Collection[int] | None) -> list[int] | None:
    """Return the marks of the rows that a caller looks up, given what :func:`namespaces_of` has returned."""
    return None if namespaces is None else [PUBLIC, *namespaces]


def condition_in(tx: Read, seen: Visibility | None, namespace_id: int) -> sa.ColumnElement[bool]:
    """Return :func:`visible_condition` for a statement that looks rows of ``repos`` up in this namespace only."""
    namespaces = namespaces_of(tx, seen)
    sees_private = namespaces is None or namespace_id in namespaces
    return visible_condition(seen) if sees_private else _R.c.mark == PUBLIC


def marked_condition(tx: Read, seen: Visibility | None) -> sa.ColumnElement[bool]:
    """Return :func:`visible_condition` for a statement that looks rows of ``repos`` up in several namespaces."""
    marks = marks_of(namespaces_of(tx, seen))
    visible = visible_condition(seen)
    return visible if marks is None else _R.c.mark.in_(bounded(marks)) & visible


def mark_condition(tx: Read, seen: Visibility | None, mark: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that a row with the mark of its repository can be one that a caller sees.

    It only leaves unread what is hidden for certain: the repository decides, by :func:`visible_condition`.
    """
    marks = marks_of(namespaces_of(tx, seen))
    return sa.true() if marks is None else mark.in_(bounded(marks))


def _namespaces(tx: Read, seen: Visibility) -> Iterable[int]:
    yield from seen.namespaces
    queries = [
        sa.select(_N.c.id).where(_N.c.parent_id.in_(bounded(seen.namespaces))),
        sa.select(_R.c.namespace_id).where(_R.c.id.in_(bounded(seen.repos))),
        sa.select(_F.c.namespace_id).where(_F.c.id.in_(bounded(seen.folders))),
        sa.select(_F.c.namespace_id)
        .join(_G, _G.c.folder_id == _F.c.id)
        .where(_G.c.subject_id.in_(bounded(seen.grantees))),
    ]
    given = (seen.namespaces, seen.repos, seen.folders, seen.grantees)
    wanted = [query for query, values in zip(queries, given, strict=True) if values]
    if wanted:
        yield from tx.sql.execute(sa.union(*wanted).limit(MAX_NAMESPACES + 1)).scalars()


def prepared_private() -> sa.ColumnElement[bool]:
    """Return :func:`visible_private` with parameters, for statements that are built once; see :func:`parameters`."""
    return sa.or_(
        *_in_namespaces(_expanding("namespaces")),
        _R.c.id.in_(_expanding("repos")),
        _in_folder(_F.c.id.in_(_expanding("folders"))),
        _in_folder(_is_granted_to(_expanding("grantees"))),
    )


def parameters(seen: Visibility) -> Mapping[str, Any]:
    """Return the values of the parameters of :func:`prepared_private`."""
    return {f"seen_{name}": bounded(sorted(getattr(seen, name)), _MAX_VALUES) for name in _FIELDS}


_FIELDS = ("namespaces", "repos", "folders", "grantees")


def _expanding(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(f"seen_{name}", expanding=True)


def _in_namespaces(ids: _Ids) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a repository is of these accounts, or in a folder of theirs."""
    ids = ids if isinstance(ids, sa.BindParameter) else bounded(ids, _MAX_VALUES // 2)
    below = sa.select(_N.c.id).where(_N.c.parent_id.in_(ids)).correlate(None)
    return [_R.c.namespace_id.in_(ids), _R.c.namespace_id.in_(below)]


def _in_folder(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that a repository is in one of the folders that meet a condition."""
    # Not correlated: the database finds these folders once for a statement, not once for a repository.
    chosen = sa.select(_F.c.namespace_id, _F.c.type).where(condition).correlate(None)
    return sa.tuple_(_R.c.namespace_id, _R.c.type).in_(chosen)


def _is_granted_to(grantees: _Ids) -> sa.ColumnElement[bool]:
    grantees = grantees if isinstance(grantees, sa.BindParameter) else bounded(grantees, _MAX_VALUES)
    return _F.c.id.in_(sa.select(_G.c.folder_id).where(_G.c.subject_id.in_(grantees)).correlate(None))
