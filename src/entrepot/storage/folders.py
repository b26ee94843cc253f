"""The entries of one folder in the order of walks, folders first, from any entry on.

A small folder is parsed once and remembered. Of a large one, only the entries that a walk asks for are parsed: a page
of a folder with 100,000 files has at most a few hundred.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import attrs

from entrepot.git import Entry, Mode, parse_tree
from entrepot.git.tree_scan import TreeScan

LARGE = 64 * 1024
"""Size of a tree, in bytes, from which on it is not parsed as a whole."""


class FolderEntries(Protocol):
    """The entries of a folder without links to other repositories, folders before files."""

    def everything(self) -> Iterator[Entry]:
        """Yield all entries."""

    def after(self, name: str) -> tuple[Entry | None, Iterator[Entry]]:
        """Return the entry with this name or None, and the entries after it, or after the place of such a file."""


@attrs.frozen
class ParsedFolder:
    """A folder whose entries are known, in order."""

    entries: Sequence[Entry]

    def everything(self) -> Iterator[Entry]:
        """Yield all entries."""
        return iter(self.entries)

    def after(self, name: str) -> tuple[Entry | None, Iterator[Entry]]:
        """Return the entry with this name, and what follows it."""
        at = 0
        for is_file in (False, True):
            at = bisect.bisect_left(self.entries, _order(name, is_file), key=_order_of)
            if at < len(self.entries) and self.entries[at].name == name:
                return self.entries[at], iter(self.entries[at + 1 :])
        return None, iter(self.entries[at:])


@attrs.frozen
class ScannedFolder:
    """A large folder. ``keep`` receives all entries once a walk has seen them all."""

    scan: TreeScan
    keep: Callable[[tuple[Entry, ...]], None]

    def everything(self) -> Iterator[Entry]:
        """Yield all entries."""
        seen = []
        for entry in self._from(0, 0):
            seen.append(entry)
            yield entry
        self.keep(tuple(seen))

    def after(self, name: str) -> tuple[Entry | None, Iterator[Entry]]:
        """Return the entry with this name, and what follows it."""
        raw = name.encode("utf-8", "surrogateescape")
        start, end = self.scan.seek(raw + b"/")
        found = next(self.scan.folders(start), None) if start != end else None
        if found is not None and found.name == name:
            return found, self._from(end, 0)
        start, end = self.scan.seek(raw)
        found = next(self._from(None, start), None) if start != end else None
        return (found if found is not None and found.name == name else None), self._from(None, end)

    def _from(self, folder: int | None, file: int) -> Iterator[Entry]:
        if folder is not None:
            yield from self.scan.folders(folder)
        yield from (entry for entry in self.scan.others(file) if entry.mode != Mode.GITLINK)


def parse(content: bytes) -> tuple[Entry, ...]:
    """Return the entries of a tree as walks return them.

    Raises:
        Malformed: the content is not a tree.
    """
    parsed = parse_tree(content)
    others = (entry for entry in parsed if not entry.is_folder and entry.mode != Mode.GITLINK)
    return (*(entry for entry in parsed if entry.is_folder), *others)


def _order(name: str, is_file: bool) -> tuple[bool, bytes]:
    raw = name.encode("utf-8", "surrogateescape")
    return is_file, raw if is_file else raw + b"/"


def _order_of(entry: Entry) -> tuple[bool, bytes]:
    return _order(entry.name, not entry.is_folder)
