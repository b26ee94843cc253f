"""What compressed files contain, for readers of tables."""

from __future__ import annotations

from typing import Any

from entrepot.errors import Malformed
from entrepot.previews.files import SeekableFile
from entrepot.previews.sources import RangeReader
from entrepot.previews.tables.table_sources import TableSource


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
        import lzma
        import zlib

        try:
            data: bytes = self._stream.read(length)
        except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Malformed(
                "compressed file", f"it is not an intact {self._compression} file: {reason[:200]}"
            ) from error
        self._at += len(data)
        self._kept = (self._kept + data)[-self._KEPT :]
        return data


def _open_compressed(source: RangeReader, compression: str) -> Any:  # noqa: ANN401 - files of several libraries
    import bz2  # here, because processes that read other tables begin sooner without them
    import gzip
    import lzma

    file: Any = SeekableFile(source, "compressed file")
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if compression == "bz2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(TableSource(source), mode="r"), compression)
