"""The files that readers of previews read."""

from __future__ import annotations

from typing import Protocol

from entrepot.errors import Malformed


class RangeReader(Protocol):
    """The bytes of one file, readable at any offset."""

    @property
    def size(self) -> int:
        """The number of bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end."""
        ...


class BytesRangeReader:
    """A source for bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        return self._data[offset : offset + length]


class MeteredReader:
    """Reads at most ``left`` bytes of a source.

    ``left`` falls with every read, and is 0 after one that asked for more.
    """

    def __init__(self, source: RangeReader, left: int) -> None:
        self.size, self.left = source.size, left
        self._source = source

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``.

        Raises:
            Malformed: more than ``left`` bytes would be read.
        """
        wanted = max(0, min(length, self.size - offset))
        if wanted > self.left:
            self.left = 0
            raise Malformed("file", "it takes too many bytes to describe itself")
        self.left -= wanted
        return self._source.read_at(offset, wanted)


class SequentialReader:
    """Reads a source from the start in blocks, up to a limit.

    Args:
        kind: the format for messages, such as ``GGUF file``.
        limit: the most bytes that may be read.
    """

    _BLOCK = 1 << 18

    def __init__(self, source: RangeReader, kind: str, limit: int) -> None:
        self._source, self._kind, self._limit = source, kind, limit
        self._block, self._start = b"", 0
        self.offset = 0

    def take(self, length: int) -> bytes:
        """Return exactly the next ``length`` bytes.

        Raises:
            Malformed: the file ends before, or the limit is reached.
        """
        end = self.offset + length
        if end > self._limit:
            raise Malformed(self._kind, f"its header is larger than {self._limit:,} bytes")
        if end > self._source.size:
            raise Malformed(self._kind, "it ends within its header")
        if end > self._start + len(self._block):
            self._block = self._source.read_at(self.offset, max(length, self._BLOCK))
            self._start = self.offset
            if len(self._block) < length:
                raise Malformed(self._kind, "it ends within its header")
        at = self.offset - self._start
        self.offset = end
        return self._block[at : at + length]

    def skip(self, length: int) -> None:
        """Pass over bytes without reading them.

        Raises:
            Malformed: the file ends earlier.
        """
        if self.offset + length > self._source.size:
            raise Malformed(self._kind, "it ends within its header")
        self.offset += length
        if self.offset > self._start + len(self._block):
            self._block, self._start = b"", self.offset
