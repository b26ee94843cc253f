"""Words of private texts, which are indexed apart from those of public ones.

A lookup in the index reads all texts with a word, so the duration of a search could reveal texts that the caller may
not read. Therefore each word of a private text is stored twice, with a prefix (its *scope*): the namespace, for callers
who may see something private in it, and an empty namespace, for administrators. A search looks up words without a
prefix, which finds public texts only, and with the prefix of each namespace in which the caller may see something
private; for very many, it looks up all private texts, and filters the matches.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Sequence

from entrepot.catalog.database import Read
from entrepot.catalog.search.word_vectors import COMBINING_MARKS
from entrepot.catalog.visibility import Visibility, namespaces_of
from entrepot.names import RepoType

SENTINEL = "\ue000"
"""A private-use character, which both databases treat as a letter; it is removed from texts and queries."""

PUBLIC_SCOPE, PRIVATE_SCOPE = "", SENTINEL + SENTINEL
"""The prefixes of words of public texts, and of all private texts."""

NAMED, LABELLED = f"{SENTINEL}n{SENTINEL}", f"{SENTINEL}t{SENTINEL}"
"""Further prefixes: of words of names, and of words of names and tags, so that they are found without other matches."""

_APART = "\x1f"
_CLEANED = str.maketrans(dict.fromkeys(f"{SENTINEL}{_APART}\0\x02\x03", " "))
_WORD = re.compile(f"{SENTINEL}?[^\\W_](?:[^\\W_]|[{COMBINING_MARKS}])*")
_SCOPE = re.compile(f"{SENTINEL}[0-9]*(?:{SENTINEL}|$)")


def clean(text: str) -> str:
    """Return a text without the characters that separate what is indexed, mark what is found, or cannot be stored."""
    return text.translate(_CLEANED)


def of_namespace(namespace_id: int) -> str:
    """Return the prefix of words of private texts of a namespace."""
    return f"{SENTINEL}{namespace_id}{SENTINEL}"


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
    return character == SENTINEL or unicodedata.ucd_3_2_0.category(character)[0] in "LMN"


def hidden(text: str, namespace_id: int) -> str:
    """Return a private text as it is indexed."""
    return f"{within(text, of_namespace(namespace_id))}{_APART}{within(text, PRIVATE_SCOPE)}"


def stored(text: str, namespace_id: int | None, places: Sequence[str], more: str = "") -> str:
    """Return a name, or tags, as they are indexed.

    Args:
        namespace_id: that of a private text; None for a public one.
        places: further prefixes; the words are stored once more with each of them.
        more: further words, which are stored without these prefixes.
    """
    scopes = (PUBLIC_SCOPE,) if namespace_id is None else (of_namespace(namespace_id), PRIVATE_SCOPE)
    forms = [within(f"{text} {more}" if more else text, scope) for scope in scopes]
    forms += [within(text, scope + place) for scope in scopes for place in places]
    return " ".join(forms)


def shown(text: str) -> str:
    """Return the original of a text, or of its beginning, that :func:`hidden` has returned."""
    return _SCOPE.sub("", text.partition(_APART)[0])


def kind_word(kind: RepoType) -> str:
    """Return the word that is added to all texts of a type of repositories, to limit searches to this type."""
    return SENTINEL + kind.value


def of_searcher(tx: Read, seen: Visibility | None) -> Sequence[str]:
    """Return the scopes of a search: public texts, and the private ones of namespaces in which the caller sees some."""
    namespaces = namespaces_of(tx, seen)
    if namespaces is None:
        return (PUBLIC_SCOPE, PRIVATE_SCOPE)
    return (PUBLIC_SCOPE, *(of_namespace(number) for number in namespaces))
