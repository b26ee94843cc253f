"""Words of private texts, which are indexed apart from those of public ones.

An index finds a word by reading everything that has it, hidden or not: how long a search takes would tell of texts
that the searcher may not read. So each word of a private text is stored twice: with its namespace in front, for those
who see the namespace, and with an empty one, for administrators. A search looks words up as they are, which finds
public texts only, and then with each namespace in which the searcher may see something private.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read
from entrepot.catalog.lists import bounded
from entrepot.catalog.search.word_vectors import MARKS
from entrepot.catalog.visibility import Visibility
from entrepot.names import RepoType

MARK = "\ue000"
"""A character for private use: both databases take it for a letter; no text and no query of a caller keeps it."""

PUBLIC, ADMINISTRATORS = "", MARK + MARK
"""What stands in front of words of public texts, and of all private ones."""

NAMED, LABELLED = f"{MARK}n{MARK}", f"{MARK}t{MARK}"
"""What also stands in front of words of names, and of names and tags, so that these are found without all others."""

MOST_SCOPES = 50
"""Namespaces that are searched one by one; who sees more searches all private texts, and leaves out the others."""

_APART = "\x1f"
_CLEANED = str.maketrans(dict.fromkeys(f"{MARK}{_APART}\0\x02\x03", " "))
_WORD = re.compile(f"{MARK}?[^\\W_](?:[^\\W_]|[{MARKS}])*")
_SCOPE = re.compile(f"{MARK}[0-9]*(?:{MARK}|$)")


def clean(text: str) -> str:
    """Return a text without the characters that separate what is indexed, mark what is found, or cannot be stored."""
    return text.translate(_CLEANED)


def of_namespace(namespace_id: int) -> str:
    """Return what stands in front of words of private texts of a namespace."""
    return f"{MARK}{namespace_id}{MARK}"


def within(text: str, scope: str) -> str:
    """Return a text, or a query, with a scope in front of each word."""
    if not scope:
        return text
    return _WORD.sub(lambda found: scope + _divided(found[0], scope), unicodedata.normalize("NFC", text))


def _divided(word: str, scope: str) -> str:
    """Return a word with a scope also before and after each letter that may not be one to FTS5, and end its word."""
    if word.isascii():
        return word
    pieces = [word[0]]
    for before, character in itertools.pairwise(word):
        pieces.append(character if _is_certain(before) and _is_certain(character) else scope + character)
    return "".join(pieces)


@functools.lru_cache(maxsize=4096)
def _is_certain(character: str) -> bool:
    """Return whether FTS5, which knows Unicode 6.1, takes a character of a word for a part of it: those of 3.2."""
    return character == MARK or unicodedata.ucd_3_2_0.category(character)[0] in "LMN"


def hidden(text: str, namespace_id: int) -> str:
    """Return a private text as it is indexed."""
    return f"{within(text, of_namespace(namespace_id))}{_APART}{within(text, ADMINISTRATORS)}"


def stored(text: str, namespace_id: int | None, places: Sequence[str], more: str = "") -> str:
    """Return a name, or tags, as they are indexed.

    Args:
        namespace_id: that of a private text; None for a public one.
        places: what also stands in front of the words, in forms of their own.
        more: further words, which are in none of the places.
    """
    scopes = (PUBLIC,) if namespace_id is None else (of_namespace(namespace_id), ADMINISTRATORS)
    forms = [within(f"{text} {more}" if more else text, scope) for scope in scopes]
    forms += [within(text, scope + place) for scope in scopes for place in places]
    return " ".join(forms)


def shown(text: str) -> str:
    """Return a text, or its beginning, as it was before :func:`hidden`."""
    return _SCOPE.sub("", text.partition(_APART)[0])


def kind_word(kind: RepoType) -> str:
    """Return the word that every text of this type of repositories has, so that a search for others leaves it out."""
    return MARK + kind.value


def of_searcher(tx: Read, seen: Visibility | None) -> Sequence[str]:
    """Return the scopes of a search: that of public texts, and those of the private ones that the searcher may see."""
    if seen is None:
        return (PUBLIC, ADMINISTRATORS)
    namespaces = set(_namespaces(tx, seen))
    if len(namespaces) > MOST_SCOPES:
        return (PUBLIC, ADMINISTRATORS)
    return (PUBLIC, *(of_namespace(number) for number in sorted(namespaces)))


def _namespaces(tx: Read, seen: Visibility) -> Iterable[int]:
    accounts, repos, folders, grants = tables.namespaces, tables.repos, tables.folders, tables.folder_grants
    yield from seen.namespaces
    queries = [
        sa.select(accounts.c.id).where(accounts.c.parent_id.in_(bounded(seen.namespaces))),
        sa.select(repos.c.namespace_id).where(repos.c.id.in_(bounded(seen.repos))),
        sa.select(folders.c.namespace_id).where(folders.c.id.in_(bounded(seen.folders))),
        sa.select(folders.c.namespace_id)
        .join(grants, grants.c.folder_id == folders.c.id)
        .where(grants.c.subject_id.in_(bounded(seen.grantees))),
    ]
    given = (seen.namespaces, seen.repos, seen.folders, seen.grantees)
    wanted = [query for query, values in zip(queries, given, strict=True) if values]
    if wanted:
        yield from tx.sql.execute(sa.union(*wanted).limit(MOST_SCOPES + 1)).scalars()
