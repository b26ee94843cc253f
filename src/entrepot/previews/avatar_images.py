"""Pictures of accounts: PNG and JPEG files, checked without decoding them, and stored without their metadata.

A photograph may say where it was taken. Only the parts that browsers need to show it are kept; texts, times and
places are dropped, and with them the orientation that a camera records.
Source: PNG (Third Edition), sections 5 and 11; ITU-T T.81, annex B; Exif 2.32, section 4.5.
"""

from __future__ import annotations

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
_SCAN = 0xDA


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
    at, kept, sides = 2, [data[:2]], (0, 0)
    while True:
        marker, size = data[at + 1 : at + 2], int.from_bytes(data[at + 2 : at + 4])
        end = at + 2 + size
        if data[at : at + 1] != b"\xff" or size < 2 or end > len(data):
            raise Malformed("picture", "it is cut off or damaged")
        if marker[0] in _FRAMES:
            sides = (int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        if marker[0] == _SCAN:
            break
        if marker[0] not in _JPEG_DROPPED:
            kept.append(data[at:end])
        at = end
    stop = data.rfind(b"\xff\xd9", at)
    if stop < 0 or sides == (0, 0):
        raise Malformed("picture", "it is cut off or damaged")
    return AvatarImage("image/jpeg", *sides, b"".join((*kept, data[at : stop + 2])))
