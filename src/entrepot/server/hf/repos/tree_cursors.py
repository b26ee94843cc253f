"""Cursors of tree listings: the position of the next page, as text that clients send back.

A cursor holds the last path of the previous page and the commit it was listed
at, so the pages of one listing are consistent even if the branch moves.
Cursors that clients build themselves, as for the public hub, hold the path
only. Source: docs/protocols/hf_api.md, section 1A.4.
"""

from __future__ import annotations

import base64
import json
import re

import attrs

from entrepot.errors import InvalidName, Malformed
from entrepot.names import Oid, RepoPath, parse_oid

_MAX_CHARACTERS = 1 << 16
_LIMIT_SUFFIX = re.compile(rb":[0-9]{1,9}\Z")


@attrs.frozen
class Cursor:
    """The position after the path ``after``; if ``commit`` is None, in the current commit of the revision."""

    after: RepoPath
    commit: Oid | None = None


def encode_cursor(cursor: Cursor) -> str:
    """Encode a cursor as URL-safe text."""
    fields = {"file_name": cursor.after, "commit": cursor.commit}
    # The standard library's JSON also encodes names that are not UTF-8.
    return base64.urlsafe_b64encode(json.dumps(fields).encode("ascii")).decode("ascii")


def parse_cursor(text: str) -> Cursor:
    """Parse a cursor: ours, ``base64(json)``, or ``base64(base64(json) + ":" + limit)``.

    Raises:
        Malformed: the text is none of these.
    """
    if len(text) > _MAX_CHARACTERS:
        raise _unreadable()
    data = _unpack(_LIMIT_SUFFIX.sub(b"", text.encode("utf-8", "replace")))
    if not data.startswith(b"{"):
        data = _unpack(_LIMIT_SUFFIX.sub(b"", data))
    try:
        fields = json.loads(data)
        after, commit = fields["file_name"], fields.get("commit")
        after.encode("utf-8", "surrogateescape")
        return Cursor(RepoPath(after), parse_oid(commit) if commit is not None else None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidName):
        raise _unreadable() from None


def _unpack(data: bytes) -> bytes:
    standard = data.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except ValueError:
        raise _unreadable() from None


def _unreadable() -> Malformed:
    return Malformed("parameter 'cursor'", "use the cursor in the Link header of the previous page")
