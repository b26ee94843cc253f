"""Zip archives that are written as a stream; members are stored as they are, so the length is known before.

Checksums follow the bytes of each member, in data descriptors; sizes and offsets from 4 GiB on are in zip64 fields.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable

import attrs

from entrepot.errors import LimitExceeded

MEDIA_TYPE = "application/zip"

_LOCAL, _DESCRIPTOR, _CENTRAL = b"PK\x03\x04", b"PK\x07\x08", b"PK\x01\x02"
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_FLAGS = 0x0008 | 0x0800  # a data descriptor follows; the name is UTF-8
_STORED = 0
_MADE_BY_UNIX = 3 << 8
_MODE = 0o100644 << 16
_BIG, _MANY = 0xFFFFFFFF, 0xFFFF
_OLD, _ZIP64 = 20, 45
_LONGEST_NAME = 0xFFFF
_FIRST, _LAST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)


@attrs.frozen
class _Begun:
    name: bytes
    size: int
    offset: int


class ZipWriter:
    """Returns the bytes of an archive around those of its members; for one archive.

    For each member: :meth:`begin`, then its bytes, then :meth:`end`; at last :meth:`finish`.
    """

    def __init__(self, time_s: int) -> None:
        """Prepare an archive whose members were all changed at this time, in seconds since 1970 (UTC)."""
        self._at = 0
        self._count = 0
        self._begun: _Begun | None = None
        self._directory = bytearray()
        year, month, day, hour, minute, second = max(_FIRST, min(_LAST, time.gmtime(max(time_s, 0))[:6]))
        self._moment = struct.pack("<HH", hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day)

    def begin(self, name: str, size: int) -> bytes:
        """Return the local header of a member, which precedes its bytes.

        Args:
            name: its path, with slashes.
            size: how many bytes follow.

        Raises:
            LimitExceeded: the name is longer than 65,535 bytes.
        """
        encoded = name.encode()
        if len(encoded) > _LONGEST_NAME:
            raise LimitExceeded("the length of a name in a zip archive", _LONGEST_NAME)
        self._begun = _Begun(encoded, size, self._at)
        is_big = size >= _BIG
        extra = struct.pack("<HHQQ", 1, 16, 0, 0) if is_big else b""
        sizes = (_BIG, _BIG) if is_big else (0, 0)
        head = (
            struct.pack("<4sHHH", _LOCAL, _ZIP64 if is_big else _OLD, _FLAGS, _STORED)
            + self._moment
            + struct.pack("<LLLHH", 0, *sizes, len(encoded), len(extra))
            + encoded
            + extra
        )
        self._at += len(head) + size
        return head

    def end(self, checksum: int) -> bytes:
        """Return the data descriptor of a member, which follows its bytes; ``checksum``: their CRC-32."""
        begun = self._begun
        assert begun is not None, "a member has begun"
        self._begun = None
        is_big = begun.size >= _BIG
        tail = struct.pack("<4sLQQ" if is_big else "<4sLLL", _DESCRIPTOR, checksum, begun.size, begun.size)
        self._at += len(tail)
        self._count += 1
        self._directory += self._entry(begun, checksum)
        return tail

    def finish(self) -> bytes:
        """Return the directory, which ends the archive."""
        size, offset, count = len(self._directory), self._at, self._count
        ends = b""
        if count >= _MANY or offset >= _BIG or size >= _BIG:
            numbers = (44, _ZIP64 | _MADE_BY_UNIX, _ZIP64, 0, 0, count, count, size, offset)
            ends = struct.pack("<4sQHHLLQQQQ", _END64, *numbers)
            ends += struct.pack("<4sLQL", _LOCATOR64, 0, offset + size, 1)
        counts, places = (min(count, _MANY),) * 2, (min(size, _BIG), min(offset, _BIG))
        ends += struct.pack("<4sHHHHLLH", _END, 0, 0, *counts, *places, 0)
        return bytes(self._directory) + ends

    def _entry(self, begun: _Begun, checksum: int) -> bytes:
        large = [begun.size, begun.size] if begun.size >= _BIG else []
        large += [begun.offset] if begun.offset >= _BIG else []
        extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        version, size = _ZIP64 if large else _OLD, min(begun.size, _BIG)
        return (
            struct.pack("<4sHHHH", _CENTRAL, version | _MADE_BY_UNIX, version, _FLAGS, _STORED)
            + self._moment
            + struct.pack("<LLLHHH", checksum, size, size, len(begun.name), len(extra), 0)
            + struct.pack("<HHLL", 0, 0, _MODE, min(begun.offset, _BIG))
            + begun.name
            + extra
        )


def length_of(members: Iterable[tuple[str, int]]) -> int:
    """Return the length of an archive of members with these names and sizes, in bytes.

    Raises:
        LimitExceeded: as :meth:`ZipWriter.begin`.
    """
    writer, length = ZipWriter(0), 0
    for name, size in members:
        length += len(writer.begin(name, size)) + size + len(writer.end(0))
    return length + len(writer.finish())
