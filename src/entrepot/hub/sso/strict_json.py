"""JSON of other issuers, in which everything is refused that two readers could understand differently.

A name that occurs twice has two values. Half of a surrogate pair is no character: it can be neither encoded nor stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from entrepot.errors import Malformed


def parse_object(data: bytes, what: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Args:
        what: names it in the error.

    Raises:
        Malformed: it is not one, nests too deeply, contains half of a surrogate pair, or a name occurs
            twice in it or in a part of it.
    """
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Malformed(what, "it is not JSON without duplicate names and unpaired surrogates") from None
    if not isinstance(found, dict):
        raise Malformed(what, "it is not a JSON object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
