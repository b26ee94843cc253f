"""Words of names, tags and cards, found through the full-text index of the database.

The index is SQLite's FTS5; this module alone knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.repos.repositories import COLUMNS, RepoRow, row_of
from entrepot.catalog.visibility import Visibility, visible_condition
from entrepot.names import RepoType

BEGIN, END = "\x02", "\x03"
"""What stands around the words that were found in :attr:`Hit.snippet`."""

_T = sa.table("repo_texts", *(sa.column(name) for name in ("rowid", "name", "tags", "body")))
_R = tables.repos
_N = tables.namespaces
_WORD = re.compile(r"\w+")
_MAX_WORDS, _MAX_WORD = 16, 64
_THIS: sa.ColumnClause[str] = sa.literal_column("repo_texts")
_MATCHES = _THIS.op("MATCH")(sa.bindparam("query"))
# A word of the name says ten times as much as one of the card.
_RANK = sa.func.bm25(_THIS, 10.0, 4.0, 1.0)
_SNIPPET = sa.func.snippet(_THIS, 2, BEGIN, END, "…", 24)


@attrs.frozen
class TextMatch:
    """A repository that was found, with the words of its card around the first find."""

    row: RepoRow
    snippet: str


def put(tx: Write, repo_id: int, name: str, tags: Sequence[str], body: str) -> None:
    """Replace what a repository is found by.

    Args:
        name: its id, ``namespace/name``.
        body: the text of its card.
    """
    remove(tx, repo_id)
    tx.sql.execute(sa.insert(_T).values(rowid=repo_id, name=name, tags=" ".join(tags), body=body))


def remove(tx: Write, repo_id: int) -> None:
    """Let a repository not be found any more."""
    tx.sql.execute(sa.delete(_T).where(_T.c.rowid == repo_id))


def query_of(text: str) -> str | None:
    """What to look for: every word of a text, or its beginning; None when it has none."""
    words = [word[:_MAX_WORD] for word in _WORD.findall(text)[:_MAX_WORDS]]
    # In quotes, no word is an operator of the index.
    return " ".join(f'"{word}"*' for word in words) if words else None


def matching(query: str) -> sa.ColumnElement[bool]:
    """A condition on rows of ``repos``: every word is found."""
    return _R.c.id.in_(sa.select(_T.c.rowid).where(_THIS.op("MATCH")(query)))


def find(
    tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType], *, skip: int, limit: int
) -> Sequence[TextMatch]:
    """Some of the repositories that are found, the best first."""
    statement = (
        sa.select(*COLUMNS, _SNIPPET)
        .select_from(_T)
        .join(_R, _R.c.id == _T.c.rowid)
        .join(_N, _N.c.id == _R.c.namespace_id)
        .where(*_conditions(seen, kinds))
        .order_by(_RANK, _R.c.id)
        .offset(skip)
        .limit(limit)
    )
    return [TextMatch(row_of(row[:-1]), row[-1]) for row in tx.sql.execute(statement, {"query": query})]


def count(tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType]) -> int:
    """How many repositories are found."""
    statement = sa.select(sa.func.count()).select_from(_T).join(_R, _R.c.id == _T.c.rowid)
    return tx.sql.execute(statement.where(*_conditions(seen, kinds)), {"query": query}).scalar_one()


def _conditions(seen: Visibility | None, kinds: Sequence[RepoType]) -> list[sa.ColumnElement[bool]]:
    wanted = [kind.value for kind in kinds]
    return [_MATCHES, _R.c.type.in_(wanted), _R.c.deleted_ms.is_(None), visible_condition(seen)]
