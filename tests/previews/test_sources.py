from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader, MeteredReader, SequentialReader


def test_bytes_are_taken_and_skipped_in_order() -> None:
    reader = SequentialReader(BytesRangeReader(bytes(range(10))), "file", 100)
    assert reader.take(2) == b"\0\1"
    reader.skip(3)
    assert (reader.take(2), reader.offset) == (b"\5\6", 7)


def test_a_large_source_is_read_in_blocks() -> None:
    data = bytes(i % 251 for i in range(1_000_000))
    reader = SequentialReader(BytesRangeReader(data), "file", 1_000_000)
    assert b"".join(reader.take(1_000) for _ in range(1_000)) == data


def test_the_end_and_the_limit_are_errors() -> None:
    reader = SequentialReader(BytesRangeReader(bytes(10)), "GGUF file", 8)
    with pytest.raises(Malformed, match="malformed GGUF file: its header is larger than 8 bytes"):
        reader.take(9)
    reader.take(5)
    with pytest.raises(Malformed, match="it ends within its header"):
        reader.skip(6)
    with pytest.raises(Malformed, match="it ends within its header"):
        SequentialReader(BytesRangeReader(b"ab"), "file", 100).take(3)


def test_a_metered_reader_ends_at_its_budget() -> None:
    reader = MeteredReader(BytesRangeReader(bytes(range(10))), 6)
    assert (reader.read_at(8, 100), reader.left) == (b"\x08\x09", 4)
    with pytest.raises(Malformed, match="too many bytes"):
        reader.read_at(0, 5)
    assert reader.left == 0
    with pytest.raises(Malformed):
        reader.read_at(0, 1)
