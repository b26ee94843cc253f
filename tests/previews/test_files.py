from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.previews.files import MAX_READ, SeekableFile
from entrepot.previews.sources import BytesRangeReader


def test_a_range_reader_is_read_as_a_file() -> None:
    file = SeekableFile(BytesRangeReader(bytes(range(10))), "zip archive")
    assert file.seekable()
    assert file.read(3) == b"\0\1\2"
    assert (file.seek(-2, 2), file.read()) == (8, b"\x08\x09")
    assert (file.seek(2), file.seek(2, 1), file.tell(), file.read(1)) == (2, 4, 4, b"\4")
    assert (file.seek(50), file.read(3)) == (50, b"")


def test_a_large_read_and_an_offset_before_the_start_are_refused() -> None:
    class Large:
        size = MAX_READ + 1

        def read_at(self, offset: int, length: int) -> bytes:
            raise AssertionError

    with pytest.raises(Malformed, match="malformed zip archive: a part of its directory has"):
        SeekableFile(Large(), "zip archive").read()
    with pytest.raises(Malformed, match="before its start"):
        SeekableFile(Large(), "zip archive").seek(-1)
