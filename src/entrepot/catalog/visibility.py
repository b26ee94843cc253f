"""The private repositories that a caller can see, as a value and as an SQL condition."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables

_R = tables.repos


def _ids(values: Iterable[int]) -> frozenset[int]:
    return frozenset(values)


@attrs.frozen
class Visibility:
    """The namespaces whose private repositories a caller can see, and single repositories besides, by row id.

    Public repositories are always visible; ``None`` instead of a ``Visibility`` means that everything is.
    """

    namespaces: frozenset[int] = attrs.field(default=(), converter=_ids)
    repos: frozenset[int] = attrs.field(default=(), converter=_ids)


PUBLIC_ONLY = Visibility()
"""Sees no private repository."""


def visible_private(seen: Visibility) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``repos`` is visible although it is private."""
    inside = _R.c.namespace_id.in_(seen.namespaces)
    return inside | _R.c.id.in_(seen.repos) if seen.repos else inside


def visible_condition(seen: Visibility | None) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``repos`` is public or visible although private; None sees everything."""
    return sa.true() if seen is None else (_R.c.visibility == "public") | visible_private(seen)
