"""The index of parts of names: it finds repositories and accounts whose names contain a text.

For each position of a name, or of the id of a repository, a row has the characters that begin there. A text that a name
contains is therefore the beginning of one of its rows, and those are found without looking at other names. Rows are
bytes, which all databases compare in one order. The index only narrows a search: a query still compares the names.

The duration of a search could reveal names that the caller may not see. Therefore rows of private repositories are
marked with their namespace, the key of the table begins with the mark, and only rows of namespaces in which the caller
sees something private are counted and read; see :mod:`~entrepot.catalog.search.text_scopes`. Private repositories have
each row a second time, with one mark for all, for callers who see those of all namespaces or of very many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.prepared import PreparedWrite
from entrepot.catalog.visibility import PUBLIC

LENGTH = 12
"""Bytes of a part; a longer text is looked up by its beginning."""

ALL_PRIVATE = -1
"""The mark of the second rows of private repositories, of all namespaces."""

_REPOS_AT_ONCE = 200
_R, _N = tables.repos, tables.namespaces
_RP, _NP = tables.repo_name_parts, tables.account_name_parts
_Query = sa.Select[tuple[int]]
_INSERT = PreparedWrite(lambda _dialect: sa.insert(_RP), ["repo_id", "part", "mark"])
# The visibility may have changed since: with all marks that a row may have, the key of the table finds it alone.
_DELETE = PreparedWrite(
    lambda _dialect: sa.delete(_RP).where(
        (_RP.c.part == sa.bindparam("part"))
        & _RP.c.mark.in_([sa.literal(PUBLIC), sa.literal(ALL_PRIVATE), sa.bindparam("mark")])
        & (_RP.c.repo_id == sa.bindparam("repo_id"))
    )
)


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
    for batch in _ids(tx, chosen, _R.c.mark):
        _INSERT.run_all(tx, [row for row_id, name, mark in batch for row in _rows(row_id, name, mark)])


def put_repo(tx: Write, repo_id: int, name: str, namespace_id: int, *, is_public: bool) -> None:
    """Index the id (``namespace/name``) of a repository that is new."""
    mark = PUBLIC if is_public else namespace_id
    _INSERT.run_all(tx, _rows(repo_id, parts_of(name), mark))


def remove_repos(tx: Write, chosen: sa.ColumnElement[bool]) -> None:
    """Remove the ids of repositories that are erased, or before they change.

    Args:
        chosen: a condition on rows of ``repos``, which still have the indexed names.
    """
    for batch in _ids(tx, chosen, _R.c.namespace_id):
        _DELETE.run_all(tx, [_row(row_id, part, mark) for row_id, name, mark in batch for part in name])


def renew_repos(tx: Write, chosen: sa.ColumnElement[bool]) -> None:
    """Index repositories again after their visibility has changed."""
    remove_repos(tx, chosen)
    put_repos(tx, chosen)


def having(table: sa.FromClause, term: str, namespaces: Iterable[int] | None) -> sa.ColumnElement[bool]:
    """Return the condition on rows of ``repo_name_parts`` that all public repositories with a term in their id meet.

    A repository has several such rows if its id contains the term more than once, and a few others have one if the
    term is longer than a part.

    Args:
        table: the table, or an alias of it.
        term: a part of an id (``namespace/name``) in lower case, not empty.
        namespaces: row ids of those whose private repositories meet it too; None: of all.
    """
    private = [ALL_PRIVATE] if namespaces is None else namespaces
    return table.c.mark.in_(bounded([PUBLIC, *private])) & _begins(table, term)


def find_accounts(tx: Read, terms: Sequence[str], *, most: int) -> sa.ColumnElement[bool] | None:
    """Return a condition on ``namespaces`` that all with one of the terms in their name meet, and few others.

    The term is the one that the fewest have.

    Args:
        terms: parts of names in lower case.
        most: None is returned if each term may be in more names than this.
    """
    found = _rarest(tx, [sa.select(_NP.c.account_id).where(_begins(_NP, term)) for term in terms if term], most)
    return None if found is None else _N.c.id.in_(found)


def parts_of(name: str) -> set[bytes]:
    """Return the parts of a name, or of an id."""
    key = name.lower().encode()
    return {key[at : at + LENGTH] for at in range(len(key))}


def _rows(repo_id: int, parts: set[bytes], mark: int) -> list[dict[str, object]]:
    """Return the rows of a repository; ``mark`` is that of public ones, or its namespace."""
    marks = (PUBLIC,) if mark == PUBLIC else (mark, ALL_PRIVATE)
    return [_row(repo_id, part, each) for each in marks for part in parts]


def _row(repo_id: int, part: bytes, mark: int) -> dict[str, object]:
    return {"repo_id": repo_id, "part": part, "mark": mark}


def _ids(
    tx: Read, chosen: sa.ColumnElement[bool], mark: sa.ColumnElement[int]
) -> Iterable[Sequence[tuple[int, set[bytes], int]]]:
    """Yield row ids, parts of ids, and marks of repositories, some at a time."""
    query = sa.select(_R.c.id, _N.c.name + "/" + _R.c.name, mark).join(_N, _N.c.id == _R.c.namespace_id)
    rows = tx.sql.execute(query.where(chosen)).all()
    for batch in slices(rows, _REPOS_AT_ONCE):
        yield [(row_id, parts_of(name), mark) for row_id, name, mark in batch]


def _begins(table: sa.FromClause, text: str) -> sa.ColumnElement[bool]:
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
