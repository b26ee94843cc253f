"""Full-text search in names, tags and cards of repositories.

On SQLite the index is a table of FTS5, on PostgreSQL one of word vectors; only this module depends on that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.repos.repositories import COLUMNS, RepoRow, row_of
from entrepot.catalog.search import word_vectors
from entrepot.catalog.visibility import Visibility, visible_condition
from entrepot.names import RepoType

BEGIN, END = "\x02", "\x03"
"""The characters that enclose a matched word in :attr:`TextMatch.snippet`."""


class _Named(sa.types.UserDefinedType[str]):
    """A type of PostgreSQL by its name: its dialect takes 1.5 MiB, which a hub on SQLite saves."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_kw: object) -> str:
        """Return the name."""
        return self.name


_T = sa.table("repo_texts", *(sa.column(name) for name in ("rowid", "name", "tags", "body", "words")))
_R = tables.repos
_N = tables.namespaces
_WORD = re.compile(r"\w+")
_MAX_WORDS, _MAX_WORD = 16, 64
_THIS: sa.ColumnClause[str] = sa.literal_column("repo_texts")
# A match in the name weighs ten times as much as one in the card.
_RANK = sa.func.bm25(_THIS, 10.0, 4.0, 1.0)
_SNIPPET = sa.func.snippet(_THIS, 2, BEGIN, END, "…", 24)
_WEIGHTS: sa.ColumnClause[str] = sa.literal_column("CAST('{0.1, 0.1, 0.4, 1.0}' AS real[])")


@attrs.frozen
class TextMatch:
    """A repository that matches, with the text of its card around the first match."""

    row: RepoRow
    snippet: str


def put(tx: Write, repo_id: int, name: str, tags: Sequence[str], body: str) -> None:
    """Replace the indexed text of a repository.

    Args:
        name: the id of the repository, ``namespace/name``.
        body: the text of the card.
    """
    remove(tx, repo_id)
    if _has_vectors(tx):
        vector = word_vectors.vector([("A", name), ("B", " ".join(tags)), ("D", body)])
        words = sa.cast(sa.literal(vector, sa.Text), _Named("tsvector"))
        tx.sql.execute(sa.insert(_T).values(rowid=repo_id, body=body, words=words))
    else:
        tx.sql.execute(sa.insert(_T).values(rowid=repo_id, name=name, tags=" ".join(tags), body=body))


def rename_all(tx: Write, namespace_id: int, kind: RepoType) -> None:
    """Update the indexed names of all repositories of a type in a namespace that has another name now."""
    named = sa.select(_R.c.id, _N.c.name + "/" + _R.c.name).join(_N, _N.c.id == _R.c.namespace_id)
    rows = tx.sql.execute(named.where((_N.c.id == namespace_id) & (_R.c.type == kind.value))).all()
    this = sa.update(_T).where(_T.c.rowid == sa.bindparam("repo"))
    if rows and _has_vectors(tx):
        words = sa.cast(sa.bindparam("vector", type_=sa.Text), _Named("tsvector"))
        rest = sa.func.ts_filter(_T.c.words, sa.literal_column("CAST('{b,c,d}' AS \"char\"[])"))
        found = [{"repo": repo_id, "vector": word_vectors.vector([("A", name)])} for repo_id, name in rows]
        tx.sql.execute(this.values(words=words.op("||")(rest)), found)
    elif rows:
        found = [{"repo": repo_id, "called": name} for repo_id, name in rows]
        tx.sql.execute(this.values(name=sa.bindparam("called")), found)


def remove(tx: Write, repo_id: int) -> None:
    """Delete a repository from the index."""
    tx.sql.execute(sa.delete(_T).where(_T.c.rowid == repo_id))


def remove_all(tx: Write, namespace_id: int, kind: RepoType) -> None:
    """Delete all repositories of a type in a namespace from the index."""
    here = sa.select(_R.c.id).where((_R.c.namespace_id == namespace_id) & (_R.c.type == kind.value))
    tx.sql.execute(sa.delete(_T).where(_T.c.rowid.in_(here)))


def query_of(text: str) -> str | None:
    """Return the index query that matches every word of a text by prefix, or None if it has no words."""
    words = [word[:_MAX_WORD] for word in _WORD.findall(text)[:_MAX_WORDS]]
    # Quoted words are never operators of the query language.
    return " ".join(f'"{word}"*' for word in words) if words else None


def matching(tx: Read, query: str) -> sa.ColumnElement[bool]:
    """Return the condition on rows of ``repos`` that every word matches."""
    return _R.c.id.in_(sa.select(_T.c.rowid).where(_matches(tx, query)))


def find(
    tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType], *, skip: int, limit: int
) -> Sequence[TextMatch]:
    """Return one page of the matching repositories, best match first."""
    has_vectors = _has_vectors(tx)
    rank = sa.func.ts_rank_cd(_WEIGHTS, _T.c.words, _tsquery(query)).desc() if has_vectors else _RANK
    statement = (
        sa.select(*COLUMNS, _T.c.body if has_vectors else _SNIPPET)
        .select_from(_T)
        .join(_R, _R.c.id == _T.c.rowid)
        .join(_N, _N.c.id == _R.c.namespace_id)
        .where(*_conditions(tx, query, seen, kinds))
        .order_by(rank, _R.c.id)
        .offset(skip)
        .limit(limit)
    )
    rows = tx.sql.execute(statement)
    if has_vectors:
        return [TextMatch(row_of(row[:-1]), word_vectors.snippet(row[-1], query, BEGIN, END)) for row in rows]
    return [TextMatch(row_of(row[:-1]), row[-1]) for row in rows]


def count(tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType]) -> int:
    """Return the number of matching repositories."""
    statement = sa.select(sa.func.count()).select_from(_T).join(_R, _R.c.id == _T.c.rowid)
    return tx.sql.execute(statement.where(*_conditions(tx, query, seen, kinds))).scalar_one()


def _conditions(
    tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType]
) -> list[sa.ColumnElement[bool]]:
    wanted = [kind.value for kind in kinds]
    return [_matches(tx, query), _R.c.type.in_(wanted), _R.c.deleted_ms.is_(None), visible_condition(seen)]


def _has_vectors(tx: Read) -> bool:
    return tx.sql.dialect.name == "postgresql"


def _matches(tx: Read, query: str) -> sa.ColumnElement[bool]:
    return _T.c.words.op("@@")(_tsquery(query)) if _has_vectors(tx) else _THIS.op("MATCH")(query)


def _tsquery(query: str) -> sa.ColumnElement[str]:
    return sa.cast(sa.literal(word_vectors.query(query), sa.Text), _Named("tsquery"))
