"""A range reader as a file object, for parsers of the standard library, and compressed files as range readers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import Any

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

MOST_READ = 64 << 20
"""Bytes that one read may return: what a parser asks for comes from the file and cannot be trusted."""


class SeekableFile:
    """The part of a binary file object that ``zipfile`` and ``tarfile`` need.

    Args:
        kind: the format, for messages.
        most_read: bytes that one read may return.
        most: bytes that all reads together may return; None: any number.

    Raises:
        Malformed: :meth:`read` was asked for more.
    """

    _BLOCK = 1 << 18

    def __init__(self, source: RangeReader, kind: str, *, most_read: int = MOST_READ, most: int | None = None) -> None:
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


class DecompressedFile:
    """What a compressed file contains, for readers that go forward through it.

    It is decompressed twice, to know its size and to read it, and once more for each read of what lies far behind.

    Args:
        compression: of :data:`~entrepot.previews.table_formats.COMPRESSIONS`; ``zstd`` and ``lz4`` need pyarrow.
        most: bytes that it may contain.

    Raises:
        Malformed: it is damaged, or contains more.
    """

    _PIECE, _KEPT = 1 << 20, 1 << 20

    def __init__(self, source: RangeReader, compression: str, most: int) -> None:
        self._source, self._compression = source, compression
        self._begin()
        while self._pass_on(self._PIECE):
            if self._at > most:
                raise Malformed("compressed file", f"it contains more than {most:,} bytes, which may be unpacked")
        self.size = self._at
        self._begin()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        end = min(offset + length, self.size)
        if offset < self._at - len(self._kept):
            self._begin()
        while self._at < offset:
            self._pass_on(min(self._PIECE, offset - self._at))
        pieces = [self._kept[len(self._kept) - (self._at - offset) :][: max(0, end - offset)]]
        while self._at < end:
            pieces.append(self._pass_on(min(self._PIECE, end - self._at)))
        return b"".join(pieces)

    def _begin(self) -> None:
        self._stream = _open_compressed(self._source, self._compression)
        self._at, self._kept = 0, b""

    def _pass_on(self, length: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        try:
            data: bytes = self._stream.read(length)
        except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Malformed("compressed file", f"it is no intact {self._compression} file: {reason[:200]}") from error
        self._at += len(data)
        self._kept = (self._kept + data)[-self._KEPT :]
        return data


def _open_compressed(source: RangeReader, compression: str) -> Any:  # noqa: ANN401 - files of several libraries
    file: Any = SeekableFile(source, "compressed file")
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if compression == "bz2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    import pyarrow as pa

    from entrepot.previews.tables import TableSource

    return pa.CompressedInputStream(pa.PythonFile(TableSource(source), mode="r"), compression)
