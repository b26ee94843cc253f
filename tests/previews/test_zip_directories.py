from __future__ import annotations

import io
import struct
import zipfile

import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.zip_directories import ZipMember, read_directory


def packed(comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/é.txt", b"x" * 1_000)
        archive.writestr("plain", b"y")
        archive.comment = comment
    return out.getvalue()


def listed(data: bytes) -> list[tuple[str, int, int]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(it.filename, it.file_size, it.compress_size) for it in archive.infolist()]


@pytest.mark.parametrize("comment", [b"", b"said"])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\n"])
def test_the_directory_says_what_the_standard_library_says(comment: bytes, before: bytes) -> None:
    data = before + packed(comment)
    found = [(it.name, it.size, it.packed) for it in read_directory(BytesRangeReader(data))]
    assert found == listed(data)


def test_sizes_of_more_than_four_gigabytes_stand_in_an_extra_field() -> None:
    extra = struct.pack("<HHI", 7, 4, 0) + struct.pack("<HHQQ", 1, 16, 6 << 30, 5 << 30)
    fixed = (20, 20, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 1, len(extra), 0, 0, 0, 0, 0)
    directory = b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", *fixed) + b"w" + extra
    data = directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), 0, 0)
    assert list(read_directory(BytesRangeReader(data))) == [ZipMember("w", 6 << 30, 5 << 30)]
    assert listed(data) == [("w", 6 << 30, 5 << 30)]


def test_an_archive_without_members_has_none() -> None:
    assert list(read_directory(BytesRangeReader(b"PK\5\6" + bytes(18)))) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\5\6", b"PK\3\4" + bytes(100), b"x" * 46 + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 0, 0)],
)
def test_what_has_no_directory_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="zip archive"):
        list(read_directory(BytesRangeReader(data)))
