from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest

from entrepot.errors import LimitExceeded, Malformed, StoreFull
from entrepot.xet import XorbBuilder, XorbWriter, chunk_hash, parse_xorb, recompress, xorb_hash
from tests.support.xet_codec import read_chunks

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


def test_a_writer_passes_on_what_the_builder_collects_a_megabyte_at_a_time() -> None:
    noise = np.random.default_rng(3).bytes(5_000_000)
    chunks = [noise[at : at + 100_000 + at % 7] for at in range(0, 4_800_000, 100_000)] + [bytes(131_072), b"x"]
    pieces: list[bytes] = []
    writer, builder = XorbWriter(lambda piece: pieces.append(bytes(piece))), XorbBuilder()
    for chunk in chunks:
        writer.add(chunk, chunk_hash(chunk))
        builder.add(chunk, chunk_hash(chunk))
    index, xorb = writer.finish(), builder.finish()
    assert (b"".join(pieces), index) == (xorb.data, xorb.index)
    assert all(1 << 20 <= len(piece) < (1 << 20) + 140_000 for piece in pieces[:-1])
    assert read_chunks(xorb.data, index, 0, index.count) == b"".join(chunks)


def test_what_follows_is_compressed_by_the_same_method_for_a_while() -> None:
    noise, zeros = np.random.default_rng(4).bytes(9_000), bytes(9_000)
    writer = XorbWriter(lambda _piece: None)
    writer.add(noise, chunk_hash(noise))
    for _ in range(8):
        writer.add(zeros, chunk_hash(zeros), follows=True)
    writer.add(zeros, chunk_hash(zeros))
    ends = writer.finish().ends
    sizes = [end - start for start, end in pairwise([0, *ends])]
    assert sizes[:8] == [9_008] * 8  # judged by the first one
    assert max(sizes[8:]) < 200


def test_an_error_of_the_reader_of_a_xorb_is_passed_on() -> None:
    def fail(_piece: memoryview) -> None:
        raise StoreFull("a xorb")

    writer = XorbWriter(fail)
    writer.add(b"x", HASH)
    with pytest.raises(StoreFull):
        writer.finish()
