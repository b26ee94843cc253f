"""Ranges of stored bytes, from several keys, as one content."""

from __future__ import annotations

import bisect
import itertools
import threading
from collections.abc import Sequence

import attrs

from entrepot.blobs import Blobs, Reader
from entrepot.errors import BlobUnreadable


@attrs.frozen
class StoredRange:
    """``length`` bytes from ``offset`` under a key."""

    key: str
    offset: int
    length: int


class JoinedRanges:
    """Ranges of stored bytes, one after the other; a key is opened when a read reaches it. Thread-safe."""

    def __init__(self, blobs: Blobs, ranges: Sequence[StoredRange]) -> None:
        """Open the first range.

        Raises:
            BlobMissing, StoreUnavailable: it cannot be opened.
        """
        self._blobs = blobs
        self._ranges = _merged(ranges)
        self._ends = list(itertools.accumulate(part.length for part in self._ranges))
        self._lock = threading.Lock()
        self._open: tuple[str, Reader] | None = None
        self.size = self._ends[-1] if self._ends else 0
        if self._ranges:
            self._reader(self._ranges[0].key)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end.

        Raises:
            BlobMissing, BlobUnreadable, StoreUnavailable: some of them are not there, or cannot be read.
        """
        pieces: list[bytes] = []
        stop = min(offset + length, self.size)
        with self._lock:
            while offset < stop:
                number = bisect.bisect_right(self._ends, offset)
                part, end = self._ranges[number], self._ends[number]
                wanted = min(stop, end) - offset
                at = part.offset + part.length - (end - offset)
                data = self._reader(part.key).read_at(at, wanted)
                if len(data) != wanted:
                    raise BlobUnreadable(part.key, f"it ends at {at + len(data):,}, before {at + wanted:,}")
                pieces.append(data)
                offset += wanted
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Release what is open."""
        with self._lock:
            if self._open is not None:
                self._open[1].close()
                self._open = None

    def _reader(self, key: str) -> Reader:
        if self._open is not None and self._open[0] == key:
            return self._open[1]
        reader = self._blobs.open(key)
        if self._open is not None:
            self._open[1].close()
        self._open = (key, reader)
        return reader


def _merged(ranges: Sequence[StoredRange]) -> list[StoredRange]:
    """Return the same bytes as few ranges."""
    merged: list[StoredRange] = []
    for part in ranges:
        last = merged[-1] if merged else None
        if last is not None and last.key == part.key and last.offset + last.length == part.offset:
            merged[-1] = StoredRange(part.key, last.offset, last.length + part.length)
        else:
            merged.append(part)
    return merged
