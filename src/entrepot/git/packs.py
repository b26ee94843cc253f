"""Packs: git's format for transferring and storing many objects.

A pack is ``PACK``, version and number of objects, then for each object its
kind and size as a run of 7-bit groups before the zlib bytes of its content,
then the SHA-1 of all that. Its index lists the ids in order.

Source: git, Documentation/gitformat-pack.adoc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from entrepot.errors import Malformed
from entrepot.git.objects import Kind
from entrepot.names import Oid

HEADER_BYTES: Final = 12
"""The length of the header, in bytes."""

_CODES: Final = {Kind.COMMIT: 1, Kind.TREE: 2, Kind.BLOB: 3, Kind.TAG: 4}
_INDEX_MAGIC: Final = b"\xfftOc\x00\x00\x00\x02"
_FANOUT: Final = 256 * 4


def pack_header(count: int) -> bytes:
    """Return the header of a pack with this number of objects."""
    return struct.pack(">4sII", b"PACK", 2, count)


def read_pack_header(data: bytes) -> int:
    """Return the number of objects that the header of a pack announces.

    Args:
        data: at least the first twelve bytes.

    Raises:
        Malformed: it is not a pack of version 2 or 3.
    """
    if len(data) < HEADER_BYTES or data[:4] != b"PACK":
        raise Malformed("pack", "it does not begin with PACK")
    _, version, count = struct.unpack(">4sII", data[:HEADER_BYTES])
    if version not in (2, 3):
        raise Malformed("pack", f"its version is {version}; 2 and 3 are known")
    return int(count)


def entry_header(kind: Kind, size: int) -> bytes:
    """Return the header before the zlib bytes of an object that is not a delta; ``size`` is the content's size."""
    byte = _CODES[kind] << 4 | size & 15
    size >>= 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    header.append(byte)
    return bytes(header)


def read_index_ids(index: bytes) -> Iterator[Oid]:
    """Yield the ids of the objects in a pack in ascending order, from its index.

    Raises:
        Malformed: it is not an index of version 2, or it is truncated.
    """
    if index[:8] != _INDEX_MAGIC or len(index) < 8 + _FANOUT:
        raise Malformed("pack index", "it does not begin like a pack index of version 2")
    (count,) = struct.unpack_from(">I", index, 8 + _FANOUT - 4)
    start = 8 + _FANOUT
    if len(index) < start + 20 * count:
        raise Malformed("pack index", "it is cut short")
    for at in range(start, start + 20 * count, 20):
        yield Oid(index[at : at + 20].hex())
