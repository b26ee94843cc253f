"""A range reader as a file object, for parsers of the standard library."""

from __future__ import annotations

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

MAX_READ = 64 << 20
"""Bytes that one read may return: what a parser asks for comes from the file and cannot be trusted."""


class SeekableFile:
    """The part of a binary file object that ``zipfile`` needs.

    Args:
        kind: the format, for messages.
        most_read: bytes that one read may return.
        most: bytes that all reads together may return; None: any number.

    Raises:
        Malformed: :meth:`read` was asked for more.
    """

    _BLOCK = 1 << 18

    def __init__(self, source: RangeReader, kind: str, *, most_read: int = MAX_READ, most: int | None = None) -> None:
        self._source, self._kind = source, kind
        self._most_read, self._left = most_read, most
        self._at = 0
        self._block, self._start = b"", 0

    def read(self, length: int = -1) -> bytes:
        """Return up to ``length`` bytes; fewer only at the end."""
        left = max(self._source.size - self._at, 0)
        length = left if length < 0 else min(length, left)
        if length > self._most_read:
            raise Malformed(self._kind, f"a part of its directory has {length:,} bytes")
        if self._left is not None:
            self._left -= length
            if self._left < 0:
                raise Malformed(self._kind, "its directory has too many bytes")
        if not self._start <= self._at <= self._at + length <= self._start + len(self._block):
            self._block, self._start = self._source.read_at(self._at, max(length, self._BLOCK)), self._at
        at = self._at - self._start
        data = self._block[at : at + length]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset from the start (0), from here (1) or from the end (2); return the new one."""
        base = (0, self._at, self._source.size)[whence]
        if base + offset < 0:
            raise Malformed(self._kind, "an offset lies before its start")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the offset of the next read."""
        return self._at

    def seekable(self) -> bool:
        """Return True."""
        return True
