"""The members of zip archives as their directory names them, read one by one.

``zipfile`` reads a whole directory before it returns, which takes seconds for one with 500,000 members.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import attrs

from entrepot.errors import Malformed
from entrepot.previews.files import SeekableFile
from entrepot.previews.sources import RangeReader

_FORMAT = "zip archive"
_END, _LOCATOR, _WIDE_END = struct.Struct("<4s4H2IH"), struct.Struct("<4sIQI"), struct.Struct("<4sQ2H2I4Q")
_MEMBER = struct.Struct("<4s6H3I5H2I")
_MAX_COMMENT, _WIDE, _UTF8, _WIDE_SIZES = 0xFFFF, 0xFFFFFFFF, 0x800, 1


@attrs.frozen
class ZipMember:
    """A member as the directory states it: its name, its bytes unpacked, and its bytes in the archive."""

    name: str
    size: int
    packed: int


def read_directory(source: RangeReader) -> Iterator[ZipMember]:
    """Yield the members of an archive in the order of its directory.

    Raises:
        Malformed: it is not a zip archive, or its directory is damaged.
    """
    start, length = _find_directory(source)
    file = SeekableFile(source, _FORMAT)
    file.seek(start)
    left = length
    while left > 0:
        head = file.read(min(left, _MEMBER.size))
        if len(head) < _MEMBER.size or not head.startswith(b"PK\1\2"):
            raise Malformed(_FORMAT, "its directory is damaged")
        fields = _MEMBER.unpack(head)
        flags, packed, size = fields[3], fields[8], fields[9]
        names, extra_length, comment = fields[10:13]
        rest = file.read(names + extra_length)
        file.seek(file.tell() + comment)
        left -= _MEMBER.size + names + extra_length + comment
        if len(rest) < names + extra_length:
            raise Malformed(_FORMAT, "its directory is damaged")
        if _WIDE in (size, packed):
            size, packed = _wide_sizes(rest[names:], size, packed)
        text = rest[:names].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        yield ZipMember(text.partition("\0")[0], size, packed)


def _find_directory(source: RangeReader) -> tuple[int, int]:
    """Return where the directory begins, and its bytes; something may stand before the archive."""
    first = max(source.size - _END.size - _MAX_COMMENT, 0)
    tail = source.read_at(first, source.size - first)
    at = tail.rfind(b"PK\5\6", 0, max(len(tail) - _END.size + 4, 0))
    if at < 0:
        raise Malformed(_FORMAT, "it has no directory")
    fields = _END.unpack_from(tail, at)
    length, end = fields[5], first + at
    locator = source.read_at(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator.startswith(b"PK\6\7"):
        end -= _LOCATOR.size + _WIDE_END.size
        wide = source.read_at(end, _WIDE_END.size) if end >= 0 else b""
        if not wide.startswith(b"PK\6\6"):
            raise Malformed(_FORMAT, "its directory is damaged")
        length = _WIDE_END.unpack(wide)[8]
    if length > end:
        raise Malformed(_FORMAT, "its directory is larger than the archive")
    return end - length, length


def _wide_sizes(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """Return the sizes of a member with more than 4 GiB, which stand in a field of 64-bit numbers."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _WIDE_SIZES:
            numbers = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size = next(numbers, size) if size == _WIDE else size
            return size, next(numbers, packed) if packed == _WIDE else packed
        at += 4 + length
    return size, packed
