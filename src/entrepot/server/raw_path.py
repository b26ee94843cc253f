"""The raw path of a request, percent-encoded, and its decoding by segment.

``%2F`` inside a segment is part of a name, ``/`` separates names; a decoded
path loses the difference. Routing therefore uses the raw path.

Source: docs/protocols/hf_api.md, section 0.4, "Path decoding".
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from entrepot.errors import Malformed

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def raw_path(scope: MutableMapping[str, Any]) -> str:
    """Return the path of a request as it was sent, without the query string."""
    raw = scope.get("raw_path")
    if raw is None:  # optional in ASGI
        return quote(scope["path"], safe="/:@!$&'()*+,;=~-._")
    text: str = raw.decode("latin-1")
    return text.partition("?")[0]


def decode_segment(text: str) -> str:
    """Decode one segment (or a slash-separated tail) of a raw path.

    Raises:
        Malformed: a ``%`` is not followed by two hex digits, or the bytes are
            not UTF-8.
    """
    if "%" not in text and text.isascii():
        return text
    if _BROKEN_ESCAPE.search(text):
        raise Malformed("path", "a '%' is not followed by two hex digits")
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode("utf-8")
    except UnicodeError as error:
        raise Malformed("path", "its percent-encoded bytes are not UTF-8") from error


def split_revision(tail: str) -> tuple[str, str]:
    """Split the raw tail ``{revision}[/{path}]`` of a URL into revision and path, both decoded; the path may be empty.

    A revision is one segment (``refs%2Fpr%2F1``), or three if the first is
    ``refs`` (``refs/pr/1``), as browsers and the JavaScript client send it.
    Slashes in the path may be encoded or not.

    Raises:
        Malformed: as :func:`decode_segment`.

    Source: docs/protocols/hf_api.md, section 0.4, "Path decoding".
    """
    segments = tail.split("/")
    width = 3 if segments[0] == "refs" else 1
    return decode_segment("/".join(segments[:width])), decode_segment("/".join(segments[width:]))
