from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import LimitExceeded, Malformed
from entrepot.previews.avatar_images import MAX_BYTES, MAX_SIDE, read_avatar


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 3, more: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def jpeg(width: int = 4, height: int = 5, more: bytes = b"") -> bytes:
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    tables = segment(0xE0, b"JFIF\0") + more + segment(0xDB, b"\0" * 65)
    return b"\xff\xd8" + tables + frame + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"scan\xff\x00scan\xff\xd9"


def test_sides_and_type_are_read() -> None:
    found = read_avatar(png())
    assert (found.media_type, found.width, found.height, found.data) == ("image/png", 2, 3, png())
    found = read_avatar(jpeg())
    assert (found.media_type, found.width, found.height, found.data) == ("image/jpeg", 4, 5, jpeg())


def test_what_a_picture_says_besides_is_removed() -> None:
    said = chunk(b"tEXt", b"Author\0someone") + chunk(b"eXIf", b"where") + chunk(b"acTL", b"frames")
    assert read_avatar(png(more=said) + b"<script>").data == png()
    said = segment(0xE1, b"Exif\0\0where") + segment(0xFE, b"a comment") + segment(0xED, b"Photoshop")
    assert read_avatar(jpeg(more=said) + b"<script>").data == jpeg()


def test_what_a_jpeg_says_behind_its_first_scan_is_removed_too() -> None:
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"more\xff\x00\xff\xd0more"
    clean = jpeg()[:-2] + scan + b"\xff\xd9"
    said = segment(0xE1, b"Exif\0\0where") + segment(0xFE, b"a comment")
    assert read_avatar(jpeg()[:-2] + said + b"\xff" + scan + said + b"\xff\xd9").data == clean
    # Cameras append the next picture, with a header of its own.
    assert read_avatar(clean + jpeg(more=said)).data == clean


def test_a_small_copy_of_the_original_is_removed() -> None:
    copies = segment(0xE0, b"JFXX\0\x10" + jpeg()) + segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\1\1rgb")
    assert read_avatar(jpeg(more=copies)).data == jpeg()


def test_a_picture_is_within_the_bounds() -> None:
    for data in (png(MAX_SIDE + 1, 1), png(1, MAX_SIDE + 1), jpeg(MAX_SIDE + 1, 1), png(0, 1), b"\0" * (MAX_BYTES + 1)):
        with pytest.raises(LimitExceeded):
            read_avatar(data)
    assert read_avatar(png(MAX_SIDE, MAX_SIDE)).width == MAX_SIDE


@pytest.mark.parametrize("data", [b"", b"<svg onload='alert(1)'/>", b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_nothing_else_is_a_picture(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_avatar(data)


@pytest.mark.parametrize("whole", [png(), jpeg()])
def test_a_picture_that_is_cut_off_or_damaged_is_none(whole: bytes) -> None:
    for end in range(len(whole)):
        with pytest.raises((Malformed, LimitExceeded)):
            read_avatar(whole[:end])
    damaged = bytearray(png())
    damaged[20] ^= 1
    with pytest.raises(Malformed):
        read_avatar(bytes(damaged))


@given(st.sampled_from([png(), jpeg()]), st.integers(0, 200), st.binary(max_size=30))
def test_any_bytes_are_a_picture_or_refused(whole: bytes, at: int, other: bytes) -> None:
    try:
        found = read_avatar(whole[:at] + other + whole[at + len(other) :])
    except (Malformed, LimitExceeded):
        return
    assert 0 < found.width <= MAX_SIDE
