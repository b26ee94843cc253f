"""Lookup in the bytes of a tree without an object for every entry.

A folder of 100,000 files is 4 MB of tree. One scan with a compiled pattern
validates it and records where every 64th entry begins; names are then found by
bisection (in small folders by a plain search), and edits become splices. This is several times faster than a
dictionary of entries, and entries that are not edited keep their exact bytes.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from entrepot.git.trees import BLOCK_ENTRIES, Entry, block_starts, entry_of, sort_key
from entrepot.names import Oid

# As Entry.is_folder decides it, and git: in old histories the first of six digits may be any even one.
_FOLDER = rb"[0246]?4[0-7]{4} [^\0]++\0.{20}"
_OTHER = rb"(?![0246]?4[0-7]{4} )[0-7]{5,6}+ [^\0]++\0.{20}"
# What is skipped is never given back, so one match is one pass over the bytes.
_NEXT_FOLDER = re.compile(rb"(?:%s)*+([0-7]{5,6}+) ([^\0]++)\0(.{20})" % _OTHER, re.DOTALL)
_NEXT_OTHER = re.compile(rb"(?:%s)*+([0-7]{5,6}+) ([^\0]++)\0(.{20})" % _FOLDER, re.DOTALL)

_SEARCHED = 64 * 1024
"""Bytes of a tree up to which a name is searched as bytes, which takes some microseconds."""
_MAX_DECEPTIONS = 8


class EntrySpan(NamedTuple):
    """The position of one entry (``start:end``) and its fields."""

    start: int
    end: int
    mode: int
    oid: Oid


class TreeScan:
    """The bytes of one tree, searchable by name.

    Guarantees: a name is only found at the start of an entry, never inside the
    bytes of an id. The entries must be in git's order, which git checks when it
    receives a push; in an unsorted tree, names may be missed.

    Raises:
        Malformed: the content is not a tree.
    """

    __slots__ = ("_folders_end", "_starts", "content")

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._starts = block_starts(content)
        self._folders_end = len(content)

    def __len__(self) -> int:
        """Return the number of entries."""
        if not self._starts:
            return 0
        last, at = 0, self._starts[-1]
        while at < len(self.content):
            at = self.content.index(0, at) + 21
            last += 1
        return (len(self._starts) - 1) * BLOCK_ENTRIES + last

    def find(self, name: bytes) -> EntrySpan | None:
        """Return the entry with this name, file or folder, or None."""
        if len(self.content) <= _SEARCHED and name and 0 not in name:
            needle, at = b" %b\0" % name, -1
            for _ in range(_MAX_DECEPTIONS):
                at = self.content.find(needle, at + 1)
                if at < 0:
                    return None
                if self.content[at - 5 : at].isdigit() and (span := self._named_at(at)) is not None:
                    return span
        for key in (name, name + b"/"):
            start, end = self.seek(key)
            if start != end:
                return self._entry_at(start)
        return None

    def find_each(self, names: Iterable[bytes]) -> list[EntrySpan | None]:
        """Return the entry with each name, or None.

        Names in stored order are found much faster than one by one: each is looked for behind the one before it.
        """
        found, at = list[EntrySpan | None](), len(self.content)
        for name in names:
            span = self._entry_at(at) if at < len(self.content) else None
            if span is None or self.content[at : span.end - 21].partition(b" ")[2] != name:
                span = self.find(name)
            found.append(span)
            at = at if span is None else span.end
        return found

    def folders(self, at: int = 0) -> Iterator[Entry]:
        """Yield the folders from the entry at a position on, in stored order.

        Raises:
            Malformed: the name of one contains a ``/``.
        """
        while at < self._folders_end:
            found = _NEXT_FOLDER.match(self.content, at)
            if found is None:
                self._folders_end = at
                return
            yield entry_of(found)
            at = found.end()

    def others(self, at: int = 0) -> Iterator[Entry]:
        """Yield the entries that are not folders, from a position on, in stored order.

        Raises:
            Malformed: the name of one contains a ``/``.
        """
        while (found := _NEXT_OTHER.match(self.content, at)) is not None:
            yield entry_of(found)
            at = found.end()

    def seek(self, key: bytes) -> tuple[int, int]:
        """Return the position of the entry with this sort key, or where it would be inserted.

        Returns:
            ``(start, end)`` of the entry; without one, ``(at, at)`` with the
            position where it belongs.
        """
        block = bisect.bisect_right(self._starts, key, key=self._key_at) - 1
        if block < 0:
            return 0, 0
        at = self._starts[block]
        stop = self._starts[block + 1] if block + 1 < len(self._starts) else len(self.content)
        while at < stop:
            end = self.content.index(0, at) + 21
            found = self._key_at(at)
            if found >= key:
                return (at, end) if found == key else (at, at)
            at = end
        return stop, stop

    def _entry_at(self, at: int) -> EntrySpan:
        """Return the entry that begins at a position."""
        mode, _, digest = self._read(at)
        return EntrySpan(at, self.content.index(0, at) + 21, mode, Oid(digest.hex()))

    def _named_at(self, space: int) -> EntrySpan | None:
        """Return the entry whose mode ends at this space; None if it is part of a name or an id."""
        at = self._starts[bisect.bisect_right(self._starts, space) - 1]
        while True:
            zero = self.content.index(0, at)
            end = zero + 21
            if space < end:
                break
            at = end
        if self.content.index(32, at) != space:
            return None
        return EntrySpan(at, end, int(self.content[at:space], 8), Oid(self.content[zero + 1 : end].hex()))

    def _key_at(self, at: int) -> bytes:
        space = self.content.index(32, at)
        name = self.content[space + 1 : self.content.index(0, space)]
        # A file with "100644 x" is the common case: the first digit decides.
        return name if self.content[at] == 0x31 else sort_key(name, int(self.content[at:space], 8))

    def _read(self, at: int) -> tuple[int, bytes, bytes]:
        space = self.content.index(32, at)
        zero = self.content.index(0, space)
        return int(self.content[at:space], 8), self.content[space + 1 : zero], self.content[zero + 1 : zero + 21]
