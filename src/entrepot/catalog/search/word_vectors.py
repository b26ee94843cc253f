"""Words of texts as PostgreSQL indexes them, divided and folded as SQLite's FTS5 does it.

PostgreSQL's own parser takes ``team/model-2`` for the path of a file, and whether accents can be
removed depends on how the server was installed; so words are found here, and stored as a vector.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r"[^\W_]+")
_TERM = re.compile(r'"([^"]*)"\*')
_LAST_POSITION = 16_383
_MOST_POSITIONS = 255
_LONGEST = 256
_BEFORE, _SHOWN = 6, 24


def vector(weighted: Sequence[tuple[str, str]]) -> str:
    """Return the text of a ``tsvector``.

    Args:
        weighted: pairs of a weight, A to D, and a text.
    """
    places: dict[str, list[str]] = {}
    number = 0
    for weight, text in weighted:
        for token in _TOKEN.findall(text):
            number += 1
            found = places.setdefault(_fold(token)[:_LONGEST], [])
            if len(found) < _MOST_POSITIONS:
                found.append(f"{min(number, _LAST_POSITION)}{weight}")
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items() if word)


def query(text: str) -> str:
    """Return the text of a ``tsquery`` for a query as :func:`~entrepot.catalog.search.full_text.query_of` returns it.

    A word with an underscore or the like is a phrase; the last part of each may be the beginning of a word.
    """
    phrases = (" <-> ".join(f"'{part}'" for part in term) + ":*" for term in _terms(text))
    return " & ".join(f"({phrase})" for phrase in phrases)


def snippet(body: str, text: str, begin: str, end: str) -> str:
    """Return about 24 words of a text around the first one that matches a query, with marks around all that match."""
    starts = tuple(part for term in _terms(text) for part in term)
    tokens = list(_TOKEN.finditer(body))
    hits = [bool(starts) and _fold(token[0]).startswith(starts) for token in tokens]
    first = max(0, hits.index(True) - _BEFORE) if True in hits else 0
    shown = tokens[first : first + _SHOWN]
    if not shown:
        return ""
    at = shown[0].start() if first else 0
    last = shown[-1].end() if first + _SHOWN < len(tokens) else len(body)
    pieces = ["…"] if first else []
    for token, is_hit in zip(shown, hits[first : first + _SHOWN], strict=True):
        pieces += [body[at : token.start()], f"{begin}{token[0]}{end}" if is_hit else token[0]]
        at = token.end()
    return "".join([*pieces, body[at:last], "" if last == len(body) else "…"])


def _terms(text: str) -> Iterator[list[str]]:
    for word in _TERM.findall(text):
        parts = [_fold(token)[:_LONGEST] for token in _TOKEN.findall(word)]
        if parts:
            yield parts


@functools.lru_cache(maxsize=4096)
def _fold(token: str) -> str:
    apart = unicodedata.normalize("NFKD", token.lower())
    return "".join(character for character in apart if not unicodedata.combining(character))
