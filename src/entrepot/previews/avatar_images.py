"""Pictures of accounts: PNG and JPEG files, checked without decoding them, and stored without their metadata.

A photograph may say where it was taken. Only the parts that browsers need to show it are kept; texts, times and
places are dropped, and with them the orientation that a camera records.
Source: PNG (Third Edition), sections 5 and 11; ITU-T T.81, annex B; Exif 2.32, section 4.5.
"""

from __future__ import annotations

import re
import zlib

import attrs

from entrepot.errors import LimitExceeded, Malformed

MAX_BYTES = 256 << 10
"""Maximum size of a file in bytes."""

MAX_SIDE = 1_024
"""Maximum width and height in pixels: a small file can unpack to a very large picture."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"IEND"))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_DROPPED = (frozenset(range(0xE0, 0xF0)) | {0xFE}) - {0xE0, 0xEE}  # JFIF and Adobe say how colours are meant
_SCAN, _JFIF, _JFIF_BYTES = 0xDA, 0xE0, 14
_JPEG_END = b"\xff\xd9"
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed byte, nor a restart, nor a fill byte


@attrs.frozen
class AvatarImage:
    """A picture that can be shown: its media type, its sides in pixels, and its bytes."""

    media_type: str
    width: int
    height: int
    data: bytes


def read_avatar(data: bytes) -> AvatarImage:
    """Return a picture without its metadata.

    Raises:
        Malformed: it is neither PNG nor JPEG, or is damaged.
        LimitExceeded: it has more than 256 KiB, or more than 1,024 pixels on a side.
    """
    if len(data) > MAX_BYTES:
        raise LimitExceeded("the size of the picture in bytes", MAX_BYTES, "make it smaller")
    if data.startswith(_PNG):
        found = _read_png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        found = _read_jpeg(data)
    else:
        raise Malformed("picture", "expected PNG or JPEG")
    if not (0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE):
        raise LimitExceeded("the width and height of the picture in pixels", MAX_SIDE, "make it smaller")
    return found


def _read_png(data: bytes) -> AvatarImage:
    at, kept, kinds = len(_PNG), [_PNG], list[bytes]()
    while not kinds or kinds[-1] != b"IEND":
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise Malformed("picture", "it is cut off or damaged")
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
            kinds.append(kind)
        at = end
    if kinds[0] != b"IHDR" or len(kept[1]) != 25 or b"IDAT" not in kinds:
        raise Malformed("picture", "it is damaged")
    return AvatarImage("image/png", int.from_bytes(kept[1][8:12]), int.from_bytes(kept[1][12:16]), b"".join(kept))


def _read_jpeg(data: bytes) -> AvatarImage:
    at, kept, width, height, has_scan = 2, [data[:2]], 0, 0, False
    while data[at : at + 2] != _JPEG_END:  # the first: cameras append further pictures, with places of their own
        marker, size = data[at + 1 : at + 2], int.from_bytes(data[at + 2 : at + 4])
        if data[at : at + 2] == b"\xff\xff":  # a fill byte
            at += 1
            continue
        end = at + 2 + size
        if data[at : at + 1] != b"\xff" or size < 2 or end > len(data):
            raise Malformed("picture", "it is cut off or damaged")
        if marker[0] in _FRAMES:
            height = max(height, int.from_bytes(data[at + 5 : at + 7]))
            width = max(width, int.from_bytes(data[at + 7 : at + 9]))
        if marker[0] == _SCAN:
            has_scan, end = True, _end_of_scan(data, end)
        if _shows(marker[0], data[at + 4 : end]):
            kept.append(data[at:end])
        at = end
    if not has_scan or not (width or height):
        raise Malformed("picture", "it is cut off or damaged")
    return AvatarImage("image/jpeg", width, height, b"".join((*kept, _JPEG_END)))


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the marker behind the coded pixels of a scan begins; comments may follow, and further scans."""
    found = _AFTER_SCAN.search(data, at)
    if found is None:
        raise Malformed("picture", "it is cut off or damaged")
    return found.start()


def _shows(marker: int, content: bytes) -> bool:
    """Return whether a segment is needed to show a picture; JFIF may add a small copy, maybe of what was cut away."""
    if marker == _JFIF:
        return content.startswith(b"JFIF\0") and len(content) <= _JFIF_BYTES
    return marker not in _JPEG_DROPPED
