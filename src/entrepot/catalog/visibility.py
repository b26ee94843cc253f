"""The private repositories that a caller can see, as a value and as an SQL condition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import sqlalchemy as sa

from entrepot.catalog import tables

_R = tables.repos


class Visibility(frozenset[int]):
    """The namespaces whose private repositories a caller can see, and single repositories besides, by row id.

    The object *is* the set of namespaces; ``repos`` adds single repositories.
    Code that ignores ``repos`` fails safe: it hides repositories, it never
    reveals one.
    """

    repos: frozenset[int]

    def __new__(cls, namespaces: Iterable[int] = (), repos: Iterable[int] = ()) -> Self:
        """Create the set of namespaces, with the single repositories."""
        made = super().__new__(cls, namespaces)
        made.repos = frozenset(repos)
        return made


def visible_private(seen: frozenset[int]) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``repos`` is visible although it is private."""
    inside = _R.c.namespace_id.in_(seen)
    single = seen.repos if isinstance(seen, Visibility) else frozenset[int]()
    return inside | _R.c.id.in_(single) if single else inside


def visible_condition(seen: frozenset[int] | None) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``repos`` is public or visible although private; None sees everything."""
    return sa.true() if seen is None else (_R.c.visibility == "public") | visible_private(seen)
