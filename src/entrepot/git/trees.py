"""Tree objects, which contain the entries of one folder.

A tree is a sequence of ``octal-mode SP name NUL 20-byte-id``, in git's order.
Source: git, ``tree-walk.c`` (decoding) and ``tree.c`` (``base_name_compare``).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from entrepot.errors import Malformed
from entrepot.names import Oid


class Mode(enum.IntEnum):
    """The modes that git writes. Old histories also contain ``0o100664``, which means FILE."""

    FILE = 0o100644
    EXECUTABLE = 0o100755
    SYMLINK = 0o120000
    FOLDER = 0o040000
    GITLINK = 0o160000


_FORMAT = 0o170000


class Entry(NamedTuple):
    """One entry of a tree.

    ``name`` is decoded as UTF-8 with ``surrogateescape``, so that every name
    that git can store survives a round trip; ``mode`` is the stored number,
    which need not be one of :class:`Mode`.
    """

    name: str
    mode: int
    oid: Oid

    @property
    def is_folder(self) -> bool:
        """Whether the entry is another tree; links to commits are not."""
        return self.mode & _FORMAT == Mode.FOLDER


# Every repetition below is followed by a byte it cannot match, so nothing backtracks.
# Written for speed: "." with DOTALL is three times faster than a set, so "/" is checked elsewhere.
BLOCK_ENTRIES = 64
_ENTRY = rb"[0-7]{5,6}+ [^\0]++\0.{20}"
_BLOCK = re.compile(rb"(?:%s){1,%d}" % (_ENTRY, BLOCK_ENTRIES), re.DOTALL)
_FIELDS = re.compile(rb"([0-7]{5,6}+) ([^\0]++)\0(.{20})", re.DOTALL)


def block_starts(content: bytes) -> list[int]:
    """Return the offsets of every 64th entry.

    The whole content is validated entry by entry from its first byte, so the
    bytes of an id are never mistaken for an entry.

    Returns:
        Ascending; the first is 0; empty for an empty tree.

    Raises:
        Malformed: an entry is truncated, or its mode or name is invalid.
    """
    return [start for start, _ in iterate_blocks(content)]


def iterate_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where every 64 entries begin and end; what a caller does not ask for is not validated.

    Raises:
        Malformed: as :func:`block_starts`, when the entry is reached.
    """
    at = 0
    while at < len(content):
        block = _BLOCK.match(content, at)
        if block is None:
            raise _malformed(content, at)
        yield at, block.end()
        at = block.end()


def match_entry(content: bytes, at: int) -> re.Match[bytes]:
    """Return the match of the entry that begins at an offset: its mode, name and id.

    Raises:
        Malformed: as :func:`block_starts`.
    """
    found = _FIELDS.match(content, at)
    if found is None:
        raise _malformed(content, at)
    return found


def _malformed(content: bytes, at: int) -> Malformed:
    return Malformed("tree object", f"no complete entry at byte {at:,} of {len(content):,}")


def parse_tree(content: bytes) -> list[Entry]:
    """Parse the entries of a tree, in stored order.

    Raises:
        Malformed: an entry is truncated, has an empty name, a ``/`` in its
            name, or a mode that is not 5 or 6 octal digits.
    """
    block_starts(content)
    fields = _FIELDS.findall(content)
    if any(b"/" in name for _, name, _ in fields):
        raise Malformed("tree object", "a name contains '/'")
    return [
        Entry(name.decode("utf-8", "surrogateescape"), int(mode, 8), Oid(digest.hex())) for mode, name, digest in fields
    ]


def entry_of(found: re.Match[bytes]) -> Entry:
    """Return the entry that a pattern has found, whose groups are mode, name and id.

    Raises:
        Malformed: the name contains a ``/``.
    """
    mode, name, digest = found.groups()
    if b"/" in name:
        raise Malformed("tree object", "a name contains '/'")
    return Entry(name.decode("utf-8", "surrogateescape"), int(mode, 8), Oid(digest.hex()))


def encode_tree(entries: Iterable[Entry]) -> bytes:
    """Return the content of a tree in git's order; the entries may be in any order.

    Raises:
        Malformed: a name is empty, contains ``/`` or NUL, is ``.`` or ``..``, or
            occurs twice; an id is not 40 hex digits.
    """
    rows: list[tuple[bytes, bytes]] = []
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise Malformed("tree object", f"the name {entry.name!r} occurs twice")
        seen.add(entry.name)
        name = entry_name(entry.name)
        rows.append((sort_key(name, entry.mode), encode_entry(name, entry.mode, entry.oid)))
    rows.sort()
    return b"".join(row for _, row in rows)


def sort_key(name: bytes, mode: int) -> bytes:
    """Return the key by which git sorts entries: folders sort as if their name ended in ``/``."""
    return name + b"/" if mode & _FORMAT == Mode.FOLDER else name


def entry_name(name: str) -> bytes:
    """Return the bytes of a name.

    Raises:
        Malformed: the name is empty, ``.`` or ``..``, cannot be encoded, or contains ``/`` or NUL.
    """
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise Malformed("tree object", f"an entry cannot be named {name!r}")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Malformed("tree object", f"the name {name!r} is not valid Unicode") from None


def encode_entry(name: bytes, mode: int, oid: Oid) -> bytes:
    """Return the stored bytes of one entry.

    Raises:
        Malformed: git cannot store the mode, or the id is not 40 hex digits.
    """
    if not 0o010000 <= mode <= 0o777777:
        raise Malformed("tree object", f"{mode:o} is not the mode of an entry")
    try:
        digest = bytes.fromhex(oid)
    except ValueError:
        digest = b""
    if len(digest) != 20:
        raise Malformed("tree object", f"{oid!r} is not an object id")
    return b"%o %s\x00%s" % (mode, name, digest)
