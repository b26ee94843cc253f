"""The footer that old clients append to a xorb: validated and removed.

Its content is not used, because the server computes all of it from the chunks.
Its structure must be correct, because bytes of unknown meaning are not stored.

Source: docs/protocols/xet.md, section 5.
"""

from __future__ import annotations

import struct

from entrepot.errors import Malformed
from entrepot.xet.hashes import HASH_BYTES

MAGIC = b"XETBLOB"
"""The first bytes of a footer; a chunk never begins with them, because its first byte is its version, 0."""

_PREFIX = len(MAGIC) + 1 + HASH_BYTES
_SECTION = 8 + 4
_SPARE = 16


def footer_bytes(version: int, count: int) -> int:
    """Return the length of a footer of version 0 or 1 for ``count`` chunks, including its trailing length field."""
    if version == 0:
        return _PREFIX + 4 + (4 + HASH_BYTES) * count + _SPARE + 4
    return _PREFIX + 2 * _SECTION + (HASH_BYTES + 4 + 4) * count + 12 + _SPARE + 4


def check_footer(footer: memoryview, count: int) -> None:
    """Check that the bytes after the chunks of a xorb are exactly one footer.

    Args:
        footer: all bytes after the last chunk.
        count: the number of chunks before it.

    Raises:
        Malformed: its version is unknown, or it is not the footer of
            ``count`` chunks.
    """
    if footer[: len(MAGIC)] != MAGIC or bytes(footer[len(MAGIC) :][:1]) not in (b"\x00", b"\x01"):
        raise Malformed("xorb footer", "it is of no known version")
    version = footer[len(MAGIC)]
    if len(footer) != footer_bytes(version, count):
        raise Malformed("xorb footer", f"{len(footer)} bytes cannot be the footer of {count} chunks")
    counts = [(_PREFIX, b"")]
    if version == 1:
        boundaries = _PREFIX + _SECTION + HASH_BYTES * count
        counts = [(_PREFIX, b"XBLBHSH\x00"), (boundaries, b"XBLBBND\x01"), (len(footer) - 4 - _SPARE - 12, b"")]
    for at, title in counts:
        if footer[at : at + len(title)] != title or _number(footer, at + len(title)) != count:
            raise Malformed("xorb footer", f"it does not describe {count} chunks at byte {at}")
    if _number(footer, len(footer) - 4) != len(footer) - 4:
        raise Malformed("xorb footer", "it announces another length than it has")


def _number(view: memoryview, at: int) -> int:
    (number,) = struct.unpack_from("<I", view, at)
    return int(number)
