"""Forms with files, as browsers encode them: ``multipart/form-data``, read from a body on disk.

Nothing is copied: a part is a range of the body.
Source: RFC 7578; HTML Standard, "Multipart form data" (how names are escaped).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from mmap import mmap

import attrs

from entrepot.errors import LimitExceeded, Malformed

MAX_PARTS = 1_000
"""Maximum number of fields and files of a form."""

_MAX_HEADERS = 16 << 10
_BOUNDARY = re.compile(
    r"""multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE
)
_NAMES = re.compile(r"""\b(name|filename)="([^"]*)\"""", re.IGNORECASE)
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


@attrs.frozen
class Part:
    """A field or a file: the range of its content in the body. ``filename``: None for a field."""

    name: str
    filename: str | None
    start: int
    end: int

    @property
    def size(self) -> int:
        """Length of the content in bytes."""
        return self.end - self.start


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a ``Content-Type`` header names.

    Raises:
        Malformed: it is no form with files.
    """
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise Malformed("form", "expected multipart/form-data with a boundary")
    return (found[1] or found[2]).encode("latin-1", "replace")


def read_parts(body: mmap | bytes, boundary: bytes) -> Sequence[Part]:
    """Return the parts of a form, in their order.

    Raises:
        Malformed: its encoding is not that of a browser's form, or is cut off.
        LimitExceeded: it has more than 1,000 parts.
    """
    mark, found = b"--" + boundary, list[Part]()
    if body[: len(mark)] != mark:
        raise Malformed("form", "it does not begin with its boundary")
    at = len(mark)
    while body[at : at + 2] != b"--":
        if body[at : at + 2] != b"\r\n":
            raise Malformed("form", "a boundary is followed by other bytes")
        if len(found) == MAX_PARTS:
            raise LimitExceeded("the number of files of a form", MAX_PARTS, "upload them in several steps")
        head = body.find(b"\r\n\r\n", at, at + _MAX_HEADERS)
        end = body.find(b"\r\n" + mark, head + 2) if head >= 0 else -1
        if end < 0:
            raise Malformed("form", "it ends within a part")
        # A part without content has its end where its headers end.
        found.append(_part(body[at:head], head + 4, max(end, head + 4)))
        at = end + 2 + len(mark)
    return found


def fields_of(body: mmap | bytes, parts: Sequence[Part]) -> dict[str, list[str]]:
    """Return the fields of a form that are not files.

    Raises:
        Malformed: one is not UTF-8.
    """
    found: dict[str, list[str]] = {}
    for part in parts:
        if part.filename is None:
            try:
                found.setdefault(part.name, []).append(body[part.start : part.end].decode("utf-8"))
            except UnicodeDecodeError:
                raise Malformed("form", "a field is not UTF-8") from None
    return found


def _part(headers: bytes, start: int, end: int) -> Part:
    try:
        text = headers.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("form", "the name of a file is not UTF-8") from None
    for line in text.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            names = {name.lower(): _unescaped(raw) for name, raw in _NAMES.findall(value)}
            if "name" in names:
                return Part(names["name"], names.get("filename"), start, end)
    raise Malformed("form", "a part has no name")


def _unescaped(text: str) -> str:
    return re.sub("|".join(_ESCAPES), lambda found: _ESCAPES[found[0]], text)
