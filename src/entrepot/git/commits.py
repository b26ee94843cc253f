"""Commit objects and their signatures (names, addresses and times).

Source: git, ``commit.c`` (parsing), ``ident.c`` (signatures) and ``fsck.c``
(what a server must not store).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Final

import attrs

from entrepot.errors import InvalidName, Malformed
from entrepot.names import Oid, parse_oid

LATEST_S: Final = 253_402_214_400
"""9999-12-31T00:00:00Z, the latest time of a signature; calendar libraries end with that year."""

MAX_COMMIT: Final = 1 << 20
"""Maximum size of a commit or an annotated tag, in bytes: lists of commits read hundreds of them."""

_SIGNATURE = re.compile(r"([^<\n]*?) ?<([^>\n]*)>(?:[^\n]*>)?(?: +([0-9]{1,20}))?(?: +([+-][0-9]{4}))?[^\n]*")
_ZONE = re.compile(r"[+-](?:0[0-9]|1[0-4])[0-5][0-9]")
_FORBIDDEN = re.compile(r"[<>\x00-\x1f\x7f]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Only text encodings: other Python codecs can be slow or do more than decode.
_CODEC = re.compile(
    r"utf-?8|us-ascii|ascii|iso-?8859-?[0-9]{1,2}|latin-?1|(?:windows-|cp)[0-9]{3,4}|koi8-[ru]"
    r"|euc-(?:jp|kr)|iso-2022-jp|shift_?jis|sjis|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
)


@attrs.frozen
class Signature:
    """The author or committer of a commit, or the tagger of a tag, with the time.

    ``time_s``: seconds since 1970, from 0 to :data:`LATEST_S`; ``zone``: the
    offset of the person's clock, ``+hhmm`` or ``-hhmm``, at most 14 hours.
    """

    name: str
    email: str
    time_s: int
    zone: str = "+0000"


@attrs.frozen
class Commit:
    """One commit.

    ``message`` is kept verbatim, with its last newline if it has one.
    ``extra`` are the headers after the committer (``encoding``, ``gpgsig``,
    ``mergetag`` ...) in their order; the lines of a value are separated by LF.
    """

    tree: Oid
    parents: tuple[Oid, ...]
    author: Signature
    committer: Signature
    message: str
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The first line of the message, without surrounding white space."""
        return self.message.lstrip("\n").partition("\n")[0].strip()

    @property
    def body(self) -> str:
        """The message after its title, without surrounding empty lines."""
        return self.message.lstrip("\n").partition("\n")[2].strip("\n")


def parse_commit(content: bytes) -> Commit:
    """Parse a commit.

    All text is valid Unicode: it is decoded as the ``encoding``
    header says, else as UTF-8, and undecodable bytes are replaced. Unusual
    signatures of old histories are accepted: a missing or unreadable time
    becomes 0, an invalid zone ``+0000``.

    Raises:
        Malformed: a header is missing, repeated or out of order, or an id or
            a signature cannot be read at all.

    Guarantees: ``encode_commit(parse_commit(content)) == content`` for every
    commit with clean signatures and text.
    """
    headers, message, codec = split_headers(content, "commit object")
    tree = _take_oid(headers, 0, "tree")
    position = 1
    while position < len(headers) and headers[position][0] == "parent":
        position += 1
    parents = [_take_oid(headers, at, "parent") for at in range(1, position)]
    author = _take_signature(headers, position, "author")
    committer = _take_signature(headers, position + 1, "committer")
    extra = tuple(headers[position + 2 :])
    return Commit(tree, tuple(parents), author, committer, message.decode(codec, "replace"), extra)


def encode_commit(commit: Commit) -> bytes:
    """Return the content of a commit object.

    ``<``, ``>`` and control characters are removed from names and addresses, NUL
    from messages. Text is encoded as the ``encoding`` header says, else as UTF-8.

    Raises:
        Malformed: the name of an extra header is invalid.
    """
    lines = [f"tree {commit.tree}", *(f"parent {parent}" for parent in commit.parents)]
    lines += [f"author {render_signature(commit.author)}", f"committer {render_signature(commit.committer)}"]
    for key, value in commit.extra:
        if not _KEY.fullmatch(key):
            raise Malformed("commit object", f"a header cannot be named {key!r}")
        lines.append(f"{key} {value}".replace("\0", "").replace("\n", "\n "))
    text = "\n".join(lines) + "\n\n" + commit.message.replace("\0", "")
    return text.encode(_codec(commit.extra), "replace")


def split_headers(content: bytes, what: str) -> tuple[list[tuple[str, str]], bytes, str]:
    """Split a commit or tag object into headers, message bytes and the codec of both.

    Raises:
        Malformed: a header line is invalid; ``what`` names the object in the message.
    """
    head, _, message = content.partition(b"\n\n")
    raw: list[tuple[bytes, list[bytes]]] = []
    for line in head.removesuffix(b"\n").split(b"\n"):
        if line.startswith(b" ") and raw:
            raw[-1][1].append(line[1:])
            continue
        key, space, value = line.partition(b" ")
        if not space or not _KEY.fullmatch(key.decode("latin-1")):
            raise Malformed(what, "a header line has no name")
        raw.append((key, [value]))
    named = [(key.decode("ascii"), b"\n".join(values)) for key, values in raw]
    codec = _codec((key, value.decode("latin-1")) for key, value in named)
    return [(key, value.decode(codec, "replace")) for key, value in named], message, codec


def parse_signature(text: str, what: str) -> Signature:
    """Parse ``name <email> seconds zone``.

    Raises:
        Malformed: there is no address in angle brackets; ``what`` names the object.
    """
    match = _SIGNATURE.fullmatch(text)
    if match is None:
        raise Malformed(what, "a signature has no address in angle brackets")
    name, email, time, zone = match.groups()
    return Signature(name, email, min(int(time or 0), LATEST_S), _zone(zone))


def render_signature(signature: Signature) -> str:
    """Return the text of a signature, which passes git's checks for any field values."""
    name = _FORBIDDEN.sub("", signature.name).strip()
    email = _FORBIDDEN.sub("", signature.email).strip()
    return f"{name} <{email}> {min(max(signature.time_s, 0), LATEST_S)} {_zone(signature.zone)}"


def _zone(zone: str | None) -> str:
    return zone if zone and _ZONE.fullmatch(zone) else "+0000"


def _codec(headers: Iterable[tuple[str, str]]) -> str:
    """Return the codec that the ``encoding`` header names if it is a text encoding of Python, else UTF-8."""
    name = next((value for key, value in headers if key == "encoding"), "utf-8")
    if not _CODEC.fullmatch(name):
        return "utf-8"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def _take_oid(headers: list[tuple[str, str]], position: int, key: str) -> Oid:
    value = _take(headers, position, key)
    try:
        return parse_oid(value)
    except InvalidName:
        raise Malformed("commit object", f"the {key} is not an object id") from None


def _take_signature(headers: list[tuple[str, str]], position: int, key: str) -> Signature:
    return parse_signature(_take(headers, position, key), "commit object")


def _take(headers: list[tuple[str, str]], position: int, key: str) -> str:
    if position >= len(headers) or headers[position][0] != key:
        raise Malformed("commit object", f"the header '{key}' is missing or out of place")
    return headers[position][1]
