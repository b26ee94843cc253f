from __future__ import annotations

import random
import struct

import pytest

from entrepot.errors import Malformed
from entrepot.previews.images import ImageSize, measure_image
from entrepot.previews.sources import BytesRangeReader

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + bytes(20)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + bytes(20)
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "png"),
        (JPEG, "jpeg"),
        (b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(20), "gif"),
        (b"BM" + bytes(16) + struct.pack("<ii", 640, -480), "bmp"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\x00\xdf\x01\x00", "webp"),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + struct.pack("<I", 639 | 479 << 14), "webp"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480), "webp"),
    ],
)
def test_the_size_is_in_the_first_bytes(data: bytes, kind: str) -> None:
    assert measure_image(BytesRangeReader(data)) == ImageSize(kind, 640, 480)


@pytest.mark.parametrize(
    "data",
    [b"", b"text", PNG[:18], b"\xff\xd8\xff\xd9", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2_000, b"RIFF0000WEBPnone"],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="malformed image"):
        measure_image(BytesRangeReader(data))


def test_damaged_headers_are_read_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        data = bytearray(chance.choice([PNG, JPEG]))
        data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            measure_image(BytesRangeReader(bytes(data)))
        except Malformed:
            continue
