"""Words of texts as PostgreSQL indexes them, divided and folded as SQLite's FTS5 does it.

PostgreSQL's own parser takes ``team/model-2`` for the path of a file, and whether accents can be
removed depends on how the server was installed; so words are found here, and stored as a vector.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence

COMBINING_MARKS = "\u0300-\u0304\u0306-\u030c\u030f\u0311\u031b\u0323-\u0328\u032d\u032e\u0330\u0331"
"""The marks that FTS5 takes for a part of the word that they follow; all others end it."""

_TOKEN = re.compile(rf"(?:[^\W_]|\ue000)(?:[^\W_]|[\ue000{COMBINING_MARKS}])*")
_TERM = re.compile(r'"([^"]*)"(\*?)')
_LAST_POSITION = 16_383
_MAX_POSITIONS = 255
_LONGEST = 256
_LARGEST, _OVERHEAD = 1_000_000, 6
_BEFORE, _SHOWN = 6, 24


def vector(weighted: Sequence[tuple[str, str]]) -> str:
    """Return the text of a ``tsvector``, without the last words if they make it too large.

    Args:
        weighted: pairs of a weight, A to D, and a text.
    """
    places: dict[str, list[str]] = {}
    number = size = 0
    for weight, text in weighted:
        for token in _TOKEN.findall(text):
            number += 1
            word = _fold(token)[:_LONGEST]
            if word not in places:
                size += len(word.encode()) + _OVERHEAD
                if size > _LARGEST:
                    break
            found = places.setdefault(word, [])
            if len(found) < _MAX_POSITIONS:
                size += 2
                found.append(f"{min(number, _LAST_POSITION)}{weight}")
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items() if word)


def query(text: str, weights: str = "", *, joined: str = " & ") -> str:
    """Return the text of a ``tsquery`` for a query as :func:`~entrepot.catalog.search.full_text.query_of` returns it.

    A word with an underscore or the like is a phrase; the last part of each may be the beginning of a word, if the
    word is followed by an asterisk.

    Args:
        weights: those that words must have; empty: any.
        joined: what is between the words: ``" | "`` if one of them is enough.
    """
    phrases = []
    for parts, is_beginning in _terms(text):
        marks = [weights] * (len(parts) - 1) + [("*" if is_beginning else "") + weights]
        words = (f"'{part}'{':' if mark else ''}{mark}" for part, mark in zip(parts, marks, strict=True))
        phrases.append(f"({' <-> '.join(words)})")
    return joined.join(phrases)


def snippet(body: str, text: str, begin: str, end: str) -> str:
    """Return about 24 words of a text around the first one that matches a query, with marks around all that match."""
    terms = list(_terms(text))
    words = frozenset(part for parts, _ in terms for part in parts)
    starts = tuple(parts[-1] for parts, is_beginning in terms if is_beginning)

    def is_hit(token: str) -> bool:
        folded = _fold(token)
        return folded in words or folded.startswith(starts)

    tokens, first, has_hit = list[re.Match[str]](), 0, False
    for token in _TOKEN.finditer(body):
        if has_hit and len(tokens) > first + _SHOWN:
            break
        if not has_hit and is_hit(token[0]):
            has_hit, first = True, max(0, len(tokens) - _BEFORE)
        tokens.append(token)
    shown = tokens[first : first + _SHOWN]
    if not shown:
        return ""
    at = shown[0].start() if first else 0
    last = shown[-1].end() if first + _SHOWN < len(tokens) else len(body)
    pieces = ["…"] if first else []
    for token in shown:
        pieces += [body[at : token.start()], f"{begin}{token[0]}{end}" if has_hit and is_hit(token[0]) else token[0]]
        at = token.end()
    return "".join([*pieces, body[at:last], "" if last == len(body) else "…"])


def _terms(text: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the parts of each word, and whether the last one may be the beginning of a word."""
    for word, star in _TERM.findall(text):
        parts = [_fold(token)[:_LONGEST] for token in _TOKEN.findall(word)]
        if parts:
            yield parts, bool(star)


@functools.lru_cache(maxsize=4096)
def _fold(token: str) -> str:
    apart = unicodedata.normalize("NFKD", token.lower())
    # A letter that is nothing but a mark, such as the sound mark of half-width kana, stays: no word is empty.
    return "".join(character for character in apart if not unicodedata.combining(character)) or token
