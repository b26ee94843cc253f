"""Unpack the beginnings of compressed pickles, as joblib writes them.

Source: joblib, "Compressed joblib pickles": zlib, gzip, bz2, xz, LZMA or LZ4, each recognised by its first bytes.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from entrepot.errors import Malformed

MAX_MEMORY: Final = 256 << 20
"""Bytes of memory that unpacking LZMA may take; the strongest presets take 65 MiB."""

MAX_STREAMS: Final = 16
"""Streams of one file that are unpacked: each takes time and memory of its own, however short it is."""

_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_NOT_UNPACKED: Final = (b"\x04\x22\x4d\x18", b"ZF")
"""How files in LZ4 begin, and those of joblib before 0.10: behind the size in hexadecimal digits, they have zlib."""

_FORMATS: Final[Mapping[bytes, Callable[[], Any]]] = {
    b"\x78": lambda: zlib.decompressobj(_ZLIB_OR_GZIP),
    b"\x1f\x8b": lambda: zlib.decompressobj(_ZLIB_OR_GZIP),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_MEMORY),
    b"\x5d\x00": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, MAX_MEMORY),
}


def unpack_beginning(data: bytes, most: int) -> tuple[bytes, bool] | None:
    """Return the first bytes of what a compressed file contains, and whether nothing of it is missing; None for others.

    Of LZ4, which the standard library does not unpack, and of joblib's oldest format everything is missing.

    Args:
        data: the file, or its first bytes.
        most: bytes to unpack at most, which bounds the memory that this takes.

    Raises:
        Malformed: nothing of it can be unpacked, though it begins as a compressed file.
    """
    if data.startswith(_NOT_UNPACKED):
        return b"", False
    begin = next((begin for start, begin in _FORMATS.items() if data.startswith(start)), None)
    if begin is None:
        return None
    found, left = b"", data
    try:
        for _ in range(MAX_STREAMS):  # one may follow another
            stream = begin()
            found += stream.decompress(left, most - len(found))
            if not stream.eof:
                return found, False
            left = stream.unused_data
            if not left or len(found) >= most:
                break
    except lzma.LZMAError:  # also if it takes too much memory here, which other programs may spend
        return found, False
    except (zlib.error, OSError, EOFError) as error:
        if not found:
            raise Malformed("pickle", f"it cannot be unpacked: {error}") from error
        return found, False
    return found, not left
