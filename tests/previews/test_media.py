from __future__ import annotations

import pytest

from entrepot.previews.media import UNKNOWN, bytes_at, is_medium, leave_out_bytes, media_type, medium_of
from tests.support.media import png, wav


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(), "image/png"),
        (b"GIF89a" + bytes(20), "image/gif"),
        (wav(), "audio/wav"),
        (b"OggS" + bytes(20), "audio/ogg"),
        (b"fLaC" + bytes(20), "audio/flac"),
        (b"ID3" + bytes(20), "audio/mpeg"),
        (b"\xff\xfb" + bytes(20), "audio/mpeg"),
        (bytes(4) + b"ftypM4A ", "audio/mp4"),
        (bytes(4) + b"ftypisom", "video/mp4"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", UNKNOWN),
        (b"<!doctype html><script>alert(1)</script>", UNKNOWN),
        (b"%PDF-1.7", UNKNOWN),
        (b"RIFF\0\0\0\0AVI ", UNKNOWN),
        (b"\x89PNG", UNKNOWN),
        (b"\xff", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_the_first_bytes_say_what_a_medium_is(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


def test_a_cell_says_where_its_medium_is() -> None:
    data, path = {"bytes": png(4, 5), "path": "x.svg"}, {"bytes": None, "path": "a/b.wav"}
    assert medium_of(data, "Image") == {"src": "embedded:image/png", "height": 5, "width": 4}
    assert medium_of(png(4, 5), "Image") == medium_of(data, "Image")
    assert medium_of(path, "Audio") == [{"src": "file:a/b.wav", "type": "audio/wav"}]
    assert medium_of("a/b.mp4", "Video") == {"src": "file:a/b.mp4"}
    assert medium_of({"bytes": b"<svg>"}, "Image") == {"src": f"embedded:{UNKNOWN}", "height": None, "width": None}
    nowhere = {"src": None, "height": None, "width": None}
    for value in ({}, {"bytes": b"", "path": None}, {"bytes": 1, "path": 2}, "", "x" * 5_000):
        assert medium_of(value, "Image") == nowhere


def test_only_values_of_media_are_media() -> None:
    assert is_medium({"bytes": b""}, "Image")
    assert not is_medium({"bytes": b""}, "Value")
    assert not is_medium(None, "Image")
    assert not is_medium([1], "Audio")


def test_the_bytes_of_a_medium_are_found_within_a_cell() -> None:
    cell = {"pages": [{"bytes": b"a"}, {"bytes": None, "path": "b"}, b"c", None]}
    assert [bytes_at(cell, ["pages", at]) for at in "0123"] == [b"a", None, b"c", None]
    for parts in ([], ["pages"], ["pages", "0", "bytes", "x"], ["other"]):
        assert bytes_at(cell, parts) is None
    for index in ("9", "-1", "\u0663", "9" * 20, ""):
        assert bytes_at(cell, ["pages", index]) is None
    assert bytes_at(b"whole", []) == b"whole"


def test_bytes_of_media_are_left_out_in_words() -> None:
    medium = {"bytes": b"\xff\xd8", "path": "a"}
    told = {"bytes": "2 bytes of application/octet-stream, left out", "path": "a"}
    assert leave_out_bytes({"x": [medium, None], "y": b"z"}) == {"x": [told, None], "y": b"z"}
    for other in ({"bytes": b"x"}, {"bytes": None, "path": "a"}, 1):
        assert leave_out_bytes(other) == other
