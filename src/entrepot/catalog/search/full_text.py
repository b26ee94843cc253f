"""Full-text search in names, tags and cards of repositories.

On SQLite the index is a table of FTS5, on PostgreSQL one of word vectors; only this module depends on that.

Matches are ranked by where the words are, then by likes, downloads and the time of the last change. Neither the ranks
nor the work of a search depend on texts that the caller may not read: see :mod:`~entrepot.catalog.search.text_scopes`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.repos import marks, name_parts
from entrepot.catalog.repos.repo_tags import tags_of
from entrepot.catalog.repos.repositories import COLUMNS, RepoRow, row_of
from entrepot.catalog.search import text_scopes, word_vectors
from entrepot.catalog.visibility import Visibility, visible_condition
from entrepot.names import RepoType

BEGIN, END = "\x02", "\x03"
"""The characters that enclose a matched word in :attr:`TextMatch.snippet`."""


class _Named(sa.types.UserDefinedType[str]):
    """A type of PostgreSQL, by name: importing SQLAlchemy's dialect would cost a hub on SQLite 1.5 MiB of memory."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_kw: object) -> str:
        """Return the name of the type in SQL."""
        return self.name


_T = sa.table("repo_texts", *(sa.column(name) for name in ("rowid", "name", "tags", "body", "words")))
_R = tables.repos
_N = tables.namespaces
_WORD = re.compile(rf"\w[\w{word_vectors.COMBINING_MARKS}]*")
_MAX_WORDS, _MAX_WORD = 16, 64
FREQUENT = 1_000
"""A word in more texts than this is frequent: it matches whole words only, because prefixes of it are slow to find."""

MAX_RANKED, _MAX_NAMED = 500, 200
"""Newest matches that are ranked: of all, and of each group with words in the name or the tags."""

_MAX_SHOWN, _BATCH = 16_384, 200
_THIS: sa.ColumnClause[str] = sa.literal_column("repo_texts")


@attrs.frozen
class TextMatch:
    """A repository that matches, with the text of its card around the first match."""

    row: RepoRow
    snippet: str


@attrs.frozen
class TextMatches:
    """A page of matches, best first; ``total``: the number of ranked matches; ``is_more``: there are others."""

    items: Sequence[TextMatch]
    total: int
    is_more: bool = False


@attrs.frozen
class RepoText:
    """The indexed text of a repository. ``name``: its id, ``namespace/name``; ``body``: the text of the card."""

    repo_id: int
    name: str
    tags: Sequence[str]
    body: str


def put(tx: Write, repo_id: int, name: str, tags: Sequence[str], body: str) -> None:
    """Replace the indexed text of a repository; for the arguments see :class:`RepoText`."""
    put_all(tx, [RepoText(repo_id, name, tags, body)])


def put_all(tx: Write, texts: Sequence[RepoText]) -> None:
    """Replace the indexed texts of repositories."""
    ids = [text.repo_id for text in texts]
    for batch in slices(ids, _BATCH):
        tx.sql.execute(sa.delete(_T).where(_T.c.rowid.in_(batch)))
    found = [
        row
        for batch in slices(ids, _BATCH)
        for row in tx.sql.execute(
            sa.select(_R.c.id, _R.c.visibility, _R.c.namespace_id, _R.c.type).where(_R.c.id.in_(batch))
        )
    ]
    places = {row.id: row for row in found}
    statement = sa.insert(_T)
    if _has_vectors(tx):
        words = sa.cast(sa.bindparam("vector", type_=sa.Text), _Named("tsvector"))
        statement = statement.values(rowid=sa.bindparam("repo"), body=sa.bindparam("text"), words=words)
    rows = [_row(tx, text, places[text.repo_id]) for text in texts]
    if rows:
        tx.sql.execute(statement, rows)


def _row(tx: Read, text: RepoText, place: sa.Row[Any, Any, Any, Any]) -> dict[str, object]:
    """Return a row of the index, or the parameters of the statement that stores it."""
    body = text_scopes.clean(text.body)
    kind = text_scopes.kind_word(RepoType(place.type))
    tags = text_scopes.clean(" ".join(text.tags))
    named, labelled = (text_scopes.NAMED, text_scopes.LABELLED), (text_scopes.LABELLED,)
    own = None if place.visibility == "public" else place.namespace_id
    pieces = [text_scopes.stored(text.name, own, named), text_scopes.stored(tags, own, labelled, kind), body]
    pieces[2] = body if own is None else text_scopes.hidden(body, own)
    if _has_vectors(tx):
        vector = word_vectors.vector(list(zip("ABD", pieces, strict=True)))
        return {"repo": text.repo_id, "text": body, "vector": vector}
    return {"rowid": text.repo_id, **dict(zip(("name", "tags", "body"), pieces, strict=True))}


def rename_all(tx: Write, namespace_id: int, kind: RepoType) -> None:
    """Update the indexed names of all repositories of a type in a namespace that has another name now."""
    here = (_R.c.namespace_id == namespace_id) & (_R.c.type == kind.value)
    _put_again(tx, here & (_R.c.visibility != "public"))
    named = sa.select(_R.c.id, _N.c.name + "/" + _R.c.name).join(_N, _N.c.id == _R.c.namespace_id)
    rows = tx.sql.execute(named.where(here & (_R.c.visibility == "public"))).all()
    indexed = [(row[0], text_scopes.stored(row[1], None, (text_scopes.NAMED, text_scopes.LABELLED))) for row in rows]
    this = sa.update(_T).where(_T.c.rowid == sa.bindparam("repo"))
    if rows and _has_vectors(tx):
        words = sa.cast(sa.bindparam("vector", type_=sa.Text), _Named("tsvector"))
        rest = sa.func.ts_filter(_T.c.words, sa.literal_column("CAST('{b,c,d}' AS \"char\"[])"))
        found = [{"repo": repo_id, "vector": word_vectors.vector([("A", name)])} for repo_id, name in indexed]
        tx.sql.execute(this.values(words=words.op("||")(rest)), found)
    elif rows:
        found = [{"repo": repo_id, "called": name} for repo_id, name in indexed]
        tx.sql.execute(this.values(name=sa.bindparam("called")), found)


def follow(tx: Write, repo_id: int) -> None:
    """Index the text, the name and the tags of a repository again after its visibility or namespace has changed."""
    name_parts.renew_repos(tx, _R.c.id == repo_id)
    marks.renew(tx, _R.c.id == repo_id)
    _put_again(tx, _R.c.id == repo_id)


def follow_all(tx: Write, namespace_id: int, kind: RepoType) -> None:
    """Index the texts, names and tags of all repositories of a type in a namespace again, after a change."""
    here = (_R.c.namespace_id == namespace_id) & (_R.c.type == kind.value)
    name_parts.renew_repos(tx, here & _R.c.deleted_ms.is_(None))
    marks.renew(tx, here)
    _put_again(tx, here)


def _put_again(tx: Write, condition: sa.ColumnElement[bool]) -> None:
    last = 0
    query = sa.select(_R.c.id, _N.c.name + "/" + _R.c.name, _T.c.body).join(_N, _N.c.id == _R.c.namespace_id)
    query = query.join(_T, _T.c.rowid == _R.c.id).where(condition).order_by(_R.c.id).limit(_BATCH)
    while rows := tx.sql.execute(query.where(_R.c.id > last)).all():
        tags = tags_of(tx, [row[0] for row in rows])
        put_all(tx, [RepoText(row[0], row[1], tags.get(row[0], ()), text_scopes.shown(row[2])) for row in rows])
        last = rows[-1][0]


def remove(tx: Write, repo_id: int) -> None:
    """Delete a repository from the index."""
    tx.sql.execute(sa.delete(_T).where(_T.c.rowid == repo_id))


def remove_all(tx: Write, namespace_id: int, kind: RepoType) -> None:
    """Delete all repositories of a type in a namespace from the index."""
    here = sa.select(_R.c.id).where((_R.c.namespace_id == namespace_id) & (_R.c.type == kind.value))
    tx.sql.execute(sa.delete(_T).where(_T.c.rowid.in_(here)))


def query_of(text: str) -> str | None:
    """Return the index query that matches every word of a text by prefix, or None if it has no words."""
    cleaned = text_scopes.clean(unicodedata.normalize("NFC", text))
    words = [word[:_MAX_WORD] for word in _WORD.findall(cleaned)[:_MAX_WORDS] if _has_letter(word)]
    # Quoted words are never operators of the query language. The beginning "a" is that of too many words.
    return " ".join(f'"{word}"' if _is_letter(word) else f'"{word}"*' for word in words) if words else None


def _has_letter(word: str) -> bool:
    return any(character.isalnum() for character in word)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isascii()


def matching(tx: Read, query: str, seen: Visibility | None) -> sa.ColumnElement[bool]:
    """Return the condition on rows of ``repos`` that every word matches; it does not check visibility."""
    search = _Searched(query, text_scopes.of_searcher(tx, seen), ())
    return _R.c.id.in_(sa.select(_T.c.rowid).where(_matches(tx, search.everywhere(tx))))


def find(
    tx: Read, query: str, seen: Visibility | None, kinds: Sequence[RepoType], *, skip: int, limit: int
) -> TextMatches:
    """Return one page of the matching repositories, best match first.

    Matches with all words in the name come first, then those with a word in the name or the tags. Within these groups,
    likes, downloads and the time of the last change decide. At most 500 matches are returned: the best of the newest
    500 and of the newest 200 of each of the first two groups.
    """
    scopes = text_scopes.of_searcher(tx, seen)
    counted = scopes if seen is None else scopes[:1]  # other scopes may contain texts that the caller may not see
    terms = [term.removesuffix("*") if _is_frequent(tx, term, counted) else term for term in query.split(" ")]
    kinds = () if set(kinds) == set(RepoType) else kinds
    search = _Searched(" ".join(terms), scopes, kinds)
    newest = sa.select(_R.c.id, _R.c.likes, _R.c.downloads, _R.c.updated_ms)
    newest = newest.select_from(_T).join(_R, _R.c.id == _T.c.rowid).order_by(_T.c.rowid.desc())
    newest = newest.where(_R.c.deleted_ms.is_(None), visible_condition(seen))
    if kinds:
        newest = newest.where(_R.c.type.in_(bounded([kind.value for kind in kinds])))
    ranks = dict[int, tuple[int, ...]]()
    others = tx.sql.execute(newest.where(_matches(tx, search.everywhere(tx))).limit(MAX_RANKED + 1)).all()
    ranks |= {row[0]: (0, *row[1:], row[0]) for row in others[:MAX_RANKED]}
    for rank, expression in ((1, search.partly_named(tx)), (2, search.named(tx))) if others else ():
        found = tx.sql.execute(newest.where(_matches(tx, expression)).limit(_MAX_NAMED)).all()
        ranks |= {row[0]: (rank, *row[1:], row[0]) for row in found}
    best = sorted(ranks, key=ranks.__getitem__, reverse=True)[:MAX_RANKED]
    items = _show(tx, query, best[skip : skip + limit])
    return TextMatches(items, len(best), len(others) > MAX_RANKED)


def _show(tx: Read, query: str, wanted: Sequence[int]) -> list[TextMatch]:
    statement = (
        sa.select(*COLUMNS, sa.func.substr(_T.c.body, 1, _MAX_SHOWN))
        .select_from(_T)
        .join(_R, _R.c.id == _T.c.rowid)
        .join(_N, _N.c.id == _R.c.namespace_id)
        .where(_T.c.rowid.in_(bounded(wanted)))
    )
    rows = {row[0]: row for row in tx.sql.execute(statement)} if wanted else {}
    return [
        TextMatch(
            row_of(rows[number][:-1]),
            word_vectors.snippet(text_scopes.shown(rows[number][-1]), query, BEGIN, END),
        )
        for number in wanted
    ]


def _is_frequent(tx: Read, term: str, scopes: Sequence[str]) -> bool:
    """Return whether more than :data:`FREQUENT` texts contain exactly this word."""
    words = _Searched(term.removesuffix("*"), scopes, ()).everywhere(tx)
    query = sa.select(_T.c.rowid).where(_matches(tx, words)).limit(1).offset(FREQUENT)
    return tx.sql.execute(query).first() is not None


@attrs.frozen
class _Searched:
    """A search for words in some scopes, as expressions of the index. ``kinds``: empty means all types."""

    query: str
    scopes: Sequence[str]
    kinds: Sequence[RepoType]

    def everywhere(self, tx: Read) -> str:
        """Return the expression that every word is somewhere."""
        return self._joined(tx, lambda scope: self._all(tx, scope))

    def named(self, tx: Read) -> str:
        """Return the expression that every word is in the name."""
        return self._joined(tx, lambda scope: self._all(tx, scope + text_scopes.NAMED))

    def partly_named(self, tx: Read) -> str:
        """Return the expression that every word is somewhere, and one of them in the name or the tags."""
        conjunction = _AND[_has_vectors(tx)]
        return self._joined(
            tx, lambda scope: f"{self._all(tx, scope)}{conjunction}{self._any(tx, scope + text_scopes.LABELLED)}"
        )

    def _all(self, tx: Read, scope: str) -> str:
        words = text_scopes.within(self.query, scope)
        return f"({word_vectors.query(words) if _has_vectors(tx) else words})"

    def _any(self, tx: Read, scope: str) -> str:
        words = text_scopes.within(self.query, scope)
        return f"({word_vectors.query(words, joined=' | ') if _has_vectors(tx) else words.replace(' ', ' OR ')})"

    def _joined(self, tx: Read, words_in: Callable[[str], str]) -> str:
        conjunction, disjunction = _AND[_has_vectors(tx)], _OR[_has_vectors(tx)]
        pieces = []
        for scope in self.scopes:
            kinds = [f'"{scope}{text_scopes.kind_word(kind)}"' for kind in self.kinds]
            written = [word_vectors.query(kind) for kind in kinds] if _has_vectors(tx) else kinds
            restricted = f"{conjunction}({disjunction.join(written)})" if written else ""
            pieces.append(f"({words_in(scope)}{restricted})")
        return disjunction.join(pieces)


_AND, _OR = {True: " & ", False: " AND "}, {True: " | ", False: " OR "}
"""The operators that join expressions, on PostgreSQL (True) and on SQLite."""


def _has_vectors(tx: Read) -> bool:
    return tx.sql.dialect.name == "postgresql"


def _matches(tx: Read, expression: str) -> sa.ColumnElement[bool]:
    if not _has_vectors(tx):
        return _THIS.op("MATCH")(expression)
    return _T.c.words.op("@@")(sa.cast(sa.literal(expression, sa.Text), _Named("tsquery")))
