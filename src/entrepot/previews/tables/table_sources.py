"""A source as the file that pyarrow reads, and what pyarrow says when it cannot."""

from __future__ import annotations

from entrepot.previews.sources import RangeReader


class TableSource:
    """A source as the file that pyarrow reads; it counts the bytes read."""

    def __init__(self, source: RangeReader) -> None:
        self._source, self._at = source, 0
        self.closed = False
        self.bytes_read = 0

    def read(self, length: int = -1) -> bytes:
        """Return the next bytes."""
        left = max(self._source.size - self._at, 0)
        data = self._source.read_at(self._at, left if length < 0 else min(length, left))
        self._at += len(data)
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset from the start (0), from here (1) or from the end (2)."""
        self._at = offset + (0, self._at, self._source.size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the file, not its source."""
        self.closed = True


def reason_of(error: BaseException) -> str:
    """Return the first line of an error of a library, at most 300 characters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
