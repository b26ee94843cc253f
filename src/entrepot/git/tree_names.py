"""Search for parts of names in the bytes of a tree."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence

from entrepot.git.tree_scan import TreeScan
from entrepot.git.trees import Entry, block_starts, entry_of

_FIELDS = re.compile(rb"([0-7]{5,6}+) ([^\0]++)\0(.{20})", re.DOTALL)
_ENTRY_WEIGHT, _BASE_WEIGHT = 400, 700


class TreeNames:
    """The names in one tree, searchable without an object for every entry.

    ``folders``: the entries that are folders, in stored order.

    Guarantees: a search for what no name contains takes one search in the bytes of the tree.

    Raises:
        Malformed: the content is not a tree, or the name of a folder contains a ``/``.
    """

    __slots__ = ("_content", "_lowered", "_starts", "folders")

    def __init__(self, content: bytes) -> None:
        self._content, self._lowered = content, content.lower()
        self._starts = block_starts(content)
        self.folders = tuple(TreeScan(content).folders()) if b"40000 " in content else ()

    @property
    def size(self) -> int:
        """The size of the tree in bytes."""
        return len(self._content)

    @property
    def weight(self) -> int:
        """The memory that the names take, in bytes, approximately."""
        return 2 * len(self._content) + 40 * len(self._starts) + _ENTRY_WEIGHT * len(self.folders) + _BASE_WEIGHT

    def files(self, words: Sequence[bytes]) -> Iterator[Entry]:
        """Yield the entries that are no folders and whose names contain all words, in stored order.

        Args:
            words: in lower case; the case of ASCII letters in names does not matter. Without words, all are yielded.

        Raises:
            Malformed: the name of a file contains a ``/``; when its entry is reached.
        """
        content, lowered, starts = self._content, self._lowered, self._starts
        # A search of bytes leads to the next 64 entries that may match; ids contain words by chance, so names decide.
        longest, at = words[0] if words else b"", 0
        while at < len(content) and (at := lowered.find(longest, at)) >= 0:
            block = bisect.bisect_right(starts, at) - 1
            stop = starts[block + 1] if block + 1 < len(starts) else len(content)
            for found in _FIELDS.finditer(content, starts[block], stop):
                name = found[2].lower()
                if all(word in name for word in words):
                    entry = entry_of(found)
                    if not entry.is_folder:
                        yield entry
            at = stop
