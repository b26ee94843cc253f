from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable

import lz4.frame
import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables.compressed_files import DecompressedFile


@pytest.mark.parametrize(
    ("compression", "pack"),
    [("gzip", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("lz4", lz4.frame.compress)],
)
def test_what_a_compressed_file_contains_is_read_forwards_and_backwards(
    compression: str, pack: Callable[[bytes], bytes]
) -> None:
    content = random.Random(1).randbytes(3 << 20)
    file = DecompressedFile(BytesRangeReader(pack(content)), compression, len(content))
    assert file.size == len(content)
    for offset, length in ((0, 10), (5, 3_000_000), (2_999_000, 500_000), (100, 7), (1 << 20, 0), (file.size, 5)):
        assert file.read_at(offset, length) == content[offset : offset + length]


def test_a_compressed_file_that_contains_more_is_refused() -> None:
    packed = BytesRangeReader(gzip.compress(bytes(1_001)))
    assert DecompressedFile(packed, "gzip", 1_001).size == 1_001
    with pytest.raises(Malformed, match="it contains more than 1,000 bytes"):
        DecompressedFile(packed, "gzip", 1_000)
