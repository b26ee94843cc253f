from __future__ import annotations

import struct

import pytest

from entrepot.errors import LimitExceeded, Malformed
from entrepot.xet import XorbBuilder, chunk_hash, parse_xorb, recompress, xorb_hash

HASH = chunk_hash(b"x")


def test_chunks_are_numbered_and_counted() -> None:
    builder = XorbBuilder()
    assert (builder.count, builder.raw_size) == (0, 0)
    assert [builder.add(b"abc", chunk_hash(b"abc")), builder.add(b"de", chunk_hash(b"de"))] == [0, 1]
    assert (builder.count, builder.raw_size) == (2, 5)
    xorb = builder.finish()
    assert xorb.hash == xorb_hash(chunk_hash(b"abc") + chunk_hash(b"de"), [3, 2])
    assert xorb.data == b"\0\x03\0\0\0\x03\0\0abc\0\x02\0\0\0\x02\0\0de"
    assert parse_xorb(xorb.data, xorb.hash) == xorb.index


def test_a_buffer_may_be_reused_immediately() -> None:
    builder, buffer = XorbBuilder(), bytearray(b"abc")
    builder.add(buffer, chunk_hash(b"abc"))
    buffer[:] = b"xyz"
    xorb = builder.finish()
    assert parse_xorb(xorb.data, xorb.hash).count == 1


def test_a_builder_is_full_at_8192_chunks() -> None:
    builder = XorbBuilder()
    for _ in range(8192):
        assert builder.has_room(1)
        builder.add(b"x", HASH)
    assert not builder.has_room(1)
    with pytest.raises(LimitExceeded):
        builder.add(b"x", HASH)


def test_a_builder_is_full_at_64_mib() -> None:
    builder, chunk = XorbBuilder(), bytes(131_072)
    for _ in range(511):
        builder.add(chunk, HASH)
    builder.add(chunk[1:], HASH)
    assert builder.has_room(1)
    assert not builder.has_room(2)
    with pytest.raises(LimitExceeded):
        builder.add(b"xy", HASH)
    builder.add(b"x", HASH)
    assert builder.finish().index.raw_size == 67_108_864


@pytest.mark.parametrize(("chunk", "raw_hash"), [(b"", HASH), (bytes(131_073), HASH), (b"x", HASH[1:])])
def test_bytes_that_are_no_chunk_are_malformed(chunk: bytes, raw_hash: bytes) -> None:
    with pytest.raises(Malformed):
        XorbBuilder().add(chunk, raw_hash)


def test_an_empty_xorb_cannot_be_made() -> None:
    with pytest.raises(Malformed):
        XorbBuilder().finish()


def test_a_xorb_is_compressed_again_in_the_way_of_the_builder() -> None:
    chunks = [b"ab" * 500, b"x"]
    plain = b"".join(struct.pack("<II", len(chunk) << 8, len(chunk) << 8) + chunk for chunk in chunks)
    builder = XorbBuilder()
    for chunk in chunks:
        builder.add(chunk, chunk_hash(chunk))
    packed = builder.finish()
    again = recompress(plain, parse_xorb(plain, packed.hash))
    assert (again.data, again.index) == (packed.data, packed.index)
    assert len(again.data) < len(plain)
