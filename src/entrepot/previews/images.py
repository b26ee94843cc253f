"""Sizes of images, from their first bytes.

Source: PNG (third edition), section 11.2.1; JPEG (ITU-T T.81), B.2.2; GIF89a, section 18; the WebP container
specification; the Windows bitmap header.
"""

from __future__ import annotations

import struct

import attrs

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

_HEAD = 64
_MAX_SEGMENTS = 1_000
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@attrs.frozen
class ImageSize:
    """Format (``png``, ``jpeg``, ``gif``, ``webp`` or ``bmp``), width and height in pixels."""

    format: str
    width: int
    height: int


def measure_image(source: RangeReader) -> ImageSize:
    """Return the size of an image.

    Raises:
        Malformed: it is none of the known formats, or its header is cut off.
    """
    head = source.read_at(0, _HEAD)
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            return ImageSize("png", *struct.unpack_from(">II", head, 16))
        if head.startswith((b"GIF87a", b"GIF89a")):
            return ImageSize("gif", *struct.unpack_from("<HH", head, 6))
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(head)
        if head.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", head, 18)
            return ImageSize("bmp", width, abs(height))
    except struct.error as error:
        raise Malformed("image", "its header is cut off") from error
    if head.startswith(b"\xff\xd8"):
        return _jpeg(source)
    raise Malformed("image", "it is not PNG, JPEG, GIF, WebP or BMP")


def _webp(head: bytes) -> ImageSize:
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", head, 26))
    else:
        raise Malformed("image", "its WebP header is of an unknown kind")
    return ImageSize("webp", width, height)


def _jpeg(source: RangeReader) -> ImageSize:
    """Walk over the segments up to the frame header."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        head = source.read_at(at, 9)
        if len(head) < 9 or head[0] != 0xFF:
            break
        if head[1] == 0xFF:  # a fill byte
            at += 1
            continue
        if head[1] in _FRAMES:
            height, width = struct.unpack_from(">HH", head, 5)
            return ImageSize("jpeg", width, height)
        at += 2 + max(int.from_bytes(head[2:4], "big"), 2)
    raise Malformed("image", "its JPEG header has no frame")
