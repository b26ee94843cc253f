"""Full-text search in names, tags and cards of repositories.

On SQLite the index is a table of FTS5, on PostgreSQL one of word vectors; only this module depends on that.

Both rank by reading every match. Words that thousands of texts contain are therefore searched in another way: as
whole words, and the matches that were added last are ranked by where the words are, then by likes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded
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
FREQUENT = 1_000
"""A word in more texts than this is frequent, of those that the searcher may see."""

MOST_READ = 20 * FREQUENT
"""Matches of a word that are read to count the visible ones; a word with more is frequent for everyone."""

MOST_RANKED, _MOST_NAMED = 500, 200
"""Matches of frequent words that are ranked: so many, and others with a word in the name or the tags."""

_MOST_SHOWN = 16_384
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


@attrs.frozen
class TextMatches:
    """A page of matches, best first, and how many there are; ``is_more``: at least so many."""

    items: Sequence[TextMatch]
    total: int
    is_more: bool = False


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
) -> TextMatches:
    """Return one page of the matching repositories, best match first."""
    narrowed = _narrowed(tx, query, seen)
    if narrowed is not None:
        return _find_frequent(tx, narrowed, seen, kinds, skip=skip, limit=limit)
    has_vectors = _has_vectors(tx)
    rank = sa.func.ts_rank_cd(_WEIGHTS, _T.c.words, _tsquery(query)).desc() if has_vectors else _RANK
    conditions = _conditions(tx, query, seen, kinds)
    statement = (
        sa.select(*COLUMNS, _T.c.body if has_vectors else _SNIPPET)
        .select_from(_T)
        .join(_R, _R.c.id == _T.c.rowid)
        .join(_N, _N.c.id == _R.c.namespace_id)
        .where(*conditions)
        .order_by(rank, _R.c.id)
        .offset(skip)
        .limit(limit)
    )
    found = [
        TextMatch(row_of(row[:-1]), word_vectors.snippet(row[-1], query, BEGIN, END) if has_vectors else row[-1])
        for row in tx.sql.execute(statement)
    ]
    counted = sa.select(sa.func.count()).select_from(_T).join(_R, _R.c.id == _T.c.rowid).where(*conditions)
    return TextMatches(found, tx.sql.execute(counted).scalar_one())


def _narrowed(tx: Read, query: str, seen: Visibility | None) -> str | None:
    """Return a query in which frequent words match as whole words only; None if no word is frequent."""
    terms, has_frequent = [], False
    for term in query.split(" "):
        whole = term.removesuffix("*")
        is_common = _is_frequent(tx, whole, seen)
        terms.append(whole if is_common else term)
        has_frequent = has_frequent or is_common or _is_frequent(tx, term, seen)
    return " ".join(terms) if has_frequent else None


def _is_frequent(tx: Read, term: str, seen: Visibility | None) -> bool:
    """Return whether a word is frequent; by visible texts only, or the order of matches would tell of hidden ones."""
    read = sa.select(_T.c.rowid).where(_matches(tx, term)).limit(MOST_READ + 1).subquery()
    visible = sa.select(_R.c.id).join(read, read.c.rowid == _R.c.id)
    visible = visible.where(_R.c.deleted_ms.is_(None), visible_condition(seen))
    return _has_more(tx, visible, FREQUENT) or _has_more(tx, sa.select(read), MOST_READ)


def _has_more(tx: Read, query: sa.Select[Any], limit: int) -> bool:
    some = query.limit(limit + 1).subquery()
    return tx.sql.execute(sa.select(sa.func.count()).select_from(some)).scalar_one() > limit


def _find_frequent(
    tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType], *, skip: int, limit: int
) -> TextMatches:
    """Return one page of the matches that were added last: those in names and tags first, then by likes."""
    conditions = _conditions(tx, query, seen, kinds)
    newest = sa.select(_R.c.id, _R.c.likes).select_from(_T).join(_R, _R.c.id == _T.c.rowid).order_by(_T.c.rowid.desc())
    rest = conditions[1:]  # SQLite takes one MATCH only
    named = tx.sql.execute(newest.where(_matches_name(tx, query), *rest).limit(_MOST_NAMED)).all()
    others = tx.sql.execute(newest.where(*conditions).limit(MOST_RANKED + 1)).all()
    likes = {repo_id: (0, number) for repo_id, number in others[:MOST_RANKED]}
    likes |= {repo_id: (1, number) for repo_id, number in named}
    best = sorted(likes, key=lambda repo_id: (*likes[repo_id], repo_id), reverse=True)
    wanted = best[skip : skip + limit]
    statement = (
        sa.select(*COLUMNS, sa.func.substr(_T.c.body, 1, _MOST_SHOWN))
        .select_from(_T)
        .join(_R, _R.c.id == _T.c.rowid)
        .join(_N, _N.c.id == _R.c.namespace_id)
        .where(_T.c.rowid.in_(bounded(wanted)))
    )
    rows = [(row_of(row[:-1]), row[-1]) for row in tx.sql.execute(statement)] if wanted else []
    rows.sort(key=lambda row: wanted.index(row[0].id))
    found = [TextMatch(row, word_vectors.snippet(body, query, BEGIN, END)) for row, body in rows]
    return TextMatches(found, len(best), len(others) > MOST_RANKED)


def _conditions(
    tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType]
) -> list[sa.ColumnElement[bool]]:
    wanted = [kind.value for kind in kinds]
    return [_matches(tx, query), _R.c.type.in_(bounded(wanted)), _R.c.deleted_ms.is_(None), visible_condition(seen)]


def _has_vectors(tx: Read) -> bool:
    return tx.sql.dialect.name == "postgresql"


def _matches(tx: Read, query: str) -> sa.ColumnElement[bool]:
    return _T.c.words.op("@@")(_tsquery(query)) if _has_vectors(tx) else _THIS.op("MATCH")(query)


def _matches_name(tx: Read, query: str) -> sa.ColumnElement[bool]:
    """Return the condition that every word matches, and one of them in the name or the tags."""
    if _has_vectors(tx):
        named = _as_tsquery(word_vectors.query(query, "AB", joined=" | "))
        return _matches(tx, query) & _T.c.words.op("@@")(named)
    return _THIS.op("MATCH")(f"({query}) AND ({{name tags}} : ({query.replace(' ', ' OR ')}))")


def _tsquery(query: str) -> sa.ColumnElement[str]:
    return _as_tsquery(word_vectors.query(query))


def _as_tsquery(text: str) -> sa.ColumnElement[str]:
    return sa.cast(sa.literal(text, sa.Text), _Named("tsquery"))
