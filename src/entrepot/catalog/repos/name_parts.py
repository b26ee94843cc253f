"""The index of parts of names: it finds repositories and accounts whose names contain a text.

For each position of a name, or of the id of a repository, a row has the characters that begin there. A text that a name
contains is therefore the beginning of one of its rows, and those are found without looking at other names. Rows are
bytes, which all databases compare in one order. The index only narrows a search: a query still compares the names.

The duration of a search could reveal names that the caller may not see. Therefore rows of private repositories are
marked with their namespace, and only those of namespaces in which the caller sees something private are counted and
read; see :mod:`~entrepot.catalog.search.text_scopes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices

LENGTH = 12
"""Bytes of a part; a longer text is looked up by its beginning."""

PUBLIC = 0
"""The mark of rows of public repositories."""

_REPOS_AT_ONCE = 200
_R, _N = tables.repos, tables.namespaces
_RP, _NP = tables.repo_name_parts, tables.account_name_parts
_Query = sa.Select[tuple[int]]


def put_accounts(tx: Write, names: Mapping[int, str]) -> None:
    """Index the names of new users and organisations, by row id."""
    rows = [{"account_id": row_id, "part": part} for row_id, name in names.items() for part in parts_of(name)]
    if rows:
        tx.sql.execute(sa.insert(_NP), rows)


def remove_account(tx: Write, account_id: int, name: str) -> None:
    """Remove the name of an account that is deleted."""
    for parts in slices(sorted(parts_of(name))):
        tx.sql.execute(sa.delete(_NP).where((_NP.c.account_id == account_id) & _NP.c.part.in_(parts)))


def put_repos(tx: Write, chosen: sa.ColumnElement[bool]) -> None:
    """Index the ids of repositories that are not indexed.

    Args:
        chosen: a condition on rows of ``repos``.
    """
    mark = sa.case((_R.c.visibility == "public", PUBLIC), else_=_R.c.namespace_id)
    for batch in _ids(tx, chosen, mark):
        rows = [{"repo_id": row_id, "part": part, "mark": mark} for row_id, name, mark in batch for part in name]
        tx.sql.execute(sa.insert(_RP), rows)


def remove_repos(tx: Write, chosen: sa.ColumnElement[bool]) -> None:
    """Remove the ids of repositories that are erased, or before they change.

    Args:
        chosen: a condition on rows of ``repos``, which still have the indexed names.
    """
    one = (_RP.c.repo_id == sa.bindparam("row")) & (_RP.c.part == sa.bindparam("some"))
    for batch in _ids(tx, chosen, sa.literal(PUBLIC)):
        rows = [{"row": row_id, "some": part} for row_id, name, _ in batch for part in name]
        tx.sql.execute(sa.delete(_RP).where(one), rows)


def renew_repos(tx: Write, chosen: sa.ColumnElement[bool]) -> None:
    """Index repositories again after their visibility has changed."""
    remove_repos(tx, chosen)
    put_repos(tx, chosen)


def find_repos(
    tx: Read, terms: Sequence[str], namespaces: Iterable[int] | None, *, most: int
) -> sa.ColumnElement[bool] | None:
    """Return a condition on ``repos`` that all public ones with one of the terms in their id meet, and few others.

    The term is the one that the fewest have.

    Args:
        terms: parts of ids (``namespace/name``) in lower case.
        namespaces: row ids of those whose private repositories meet it too; None: of all.
        most: None is returned if each term may be in the ids of more repositories than this.
    """
    known = _marked(namespaces)
    found = _rarest(tx, [sa.select(_RP.c.repo_id).where(_begins(_RP, term) & known) for term in terms if term], most)
    return None if found is None else _R.c.id.in_(found)


def starting(terms: Sequence[str], namespaces: Iterable[int] | None) -> sa.ColumnElement[bool] | None:
    """Return the condition on ``repo_name_parts`` that a part begins with the longest term; None if all are empty.

    A repository has several such rows if its id contains the term more than once.

    Args:
        terms, namespaces: as for :func:`find_repos`.
    """
    longest = max(terms, key=len, default="")
    return _begins(_RP, longest) & _marked(namespaces) if longest else None


def find_accounts(tx: Read, terms: Sequence[str], *, most: int) -> sa.ColumnElement[bool] | None:
    """Return a condition on ``namespaces``, as :func:`find_repos` does for repositories; no account is private."""
    found = _rarest(tx, [sa.select(_NP.c.account_id).where(_begins(_NP, term)) for term in terms if term], most)
    return None if found is None else _N.c.id.in_(found)


def parts_of(name: str) -> set[bytes]:
    """Return the parts of a name, or of an id."""
    key = name.lower().encode()
    return {key[at : at + LENGTH] for at in range(len(key))}


def _ids(
    tx: Read, chosen: sa.ColumnElement[bool], mark: sa.ColumnElement[int]
) -> Iterable[Sequence[tuple[int, set[bytes], int]]]:
    """Yield row ids, parts of ids, and marks of repositories, some at a time."""
    query = sa.select(_R.c.id, _N.c.name + "/" + _R.c.name, mark).join(_N, _N.c.id == _R.c.namespace_id)
    rows = tx.sql.execute(query.where(chosen)).all()
    for batch in slices(rows, _REPOS_AT_ONCE):
        yield [(row_id, parts_of(name), mark) for row_id, name, mark in batch]


def _marked(namespaces: Iterable[int] | None) -> sa.ColumnElement[bool]:
    return sa.true() if namespaces is None else _RP.c.mark.in_(bounded([PUBLIC, *namespaces]))


def _begins(table: sa.Table, text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a part begins with a text, or, if the text is long, with its beginning."""
    first = text.encode("utf-8", "replace")[:LENGTH]
    end = first[:-1] + bytes([first[-1] + 1])  # no byte of UTF-8 is the highest one
    return (table.c.part >= first) & (table.c.part < end)


def _rarest(tx: Read, found: Iterable[_Query], most: int) -> _Query | None:
    """Return the query with the fewest rows; None if all have more than ``most``."""
    best, fewest = None, most + 1
    for query in found:
        first = query.limit(fewest).subquery()
        rows = tx.sql.execute(sa.select(sa.func.count()).select_from(first)).scalar_one()
        if rows < fewest:
            best, fewest = query, rows
    return best
