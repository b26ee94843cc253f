"""Whose private repositories somebody sees, as a value and as a condition on rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import sqlalchemy as sa

from entrepot.catalog import tables

_R = tables.repos


class Visibility(frozenset[int]):
    """Row ids of the namespaces whose private repositories are seen, and of single ``repos`` besides.

    It *is* the set of namespaces: whoever looks at nothing else shows less than
    might be seen, never more.
    """

    repos: frozenset[int]

    def __new__(cls, namespaces: Iterable[int] = (), repos: Iterable[int] = ()) -> Self:
        """The namespaces, and the single repositories."""
        made = super().__new__(cls, namespaces)
        made.repos = frozenset(repos)
        return made


def visible_private(seen: frozenset[int]) -> sa.ColumnElement[bool]:
    """Whether a row of ``repos`` is one of those that are seen although they are private."""
    inside = _R.c.namespace_id.in_(seen)
    single = seen.repos if isinstance(seen, Visibility) else frozenset[int]()
    return inside | _R.c.id.in_(single) if single else inside


def visible_condition(seen: frozenset[int] | None) -> sa.ColumnElement[bool]:
    """Whether a row of ``repos`` is public, or seen although it is private; None sees everything."""
    return sa.true() if seen is None else (_R.c.visibility == "public") | visible_private(seen)
