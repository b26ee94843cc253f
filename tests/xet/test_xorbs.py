from __future__ import annotations

import hashlib
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import lz4.frame
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import ContentMismatch, LimitExceeded, Malformed
from entrepot.xet import (
    MAX_BODY_BYTES,
    MAX_RAW_BYTES,
    MAX_XORB_BYTES,
    Xorb,
    XorbBuilder,
    chunk_hash,
    decode_chunks,
    encode_hash,
    open_chunks,
    parse_xorb,
    read_hash,
    read_index,
    verify_chunks,
    xorb_hash,
)
from tests.support.xet_codec import read_chunks

PIECES = [
    b"first",
    b"2" * 9000,
    struct.pack("<900f", *(0.01 * i for i in range(900))),
    np.random.default_rng(1).bytes(99),
]
FOOTER = b"XETBLOB\0" + bytes(32) + struct.pack("<I", 4) + bytes(4 * 36 + 16) + struct.pack("<I", 204)


def build(pieces: list[bytes]) -> Xorb:
    builder = XorbBuilder()
    for piece in pieces:
        builder.add(piece, chunk_hash(piece))
    return builder.finish()


XORB = build(PIECES)
CONTENT = b"".join(PIECES)


def serialize(*chunks: tuple[int, bytes, int], version: int = 0) -> bytes:
    """Return the serialized form of chunks given as (scheme, payload, announced length)."""
    head = struct.Struct("<II")
    return b"".join(head.pack(version | len(p) << 8, scheme | length << 8) + p for scheme, p, length in chunks)


def name_of(*pieces: bytes) -> Any:
    return xorb_hash(b"".join(map(chunk_hash, pieces)), list(map(len, pieces)))


def test_xorbs_of_the_client_are_accepted(upload: Any) -> None:
    for sent in upload.xorbs:
        if sent.data is not None:
            index = parse_xorb(sent.data, sent.hash)
            assert list(index.ends) == sent.ends
            assert index.lengths(0, index.count).tolist() == sent.lengths
            assert index.hashes == b"".join(map(encode_hash, sent.hashes))
            content = read_chunks(sent.data, index, 0, index.count)
            assert upload.content.startswith(content)
            assert (
                name_of(*(content[end - n : end] for n, end in zip(sent.lengths, index.raw_ends, strict=True)))
                == sent.hash
            )


def test_xorbs_too_long_to_keep_are_rebuilt_and_accepted(uploads: dict[str, Any]) -> None:
    for name in ("sha_stream_1000000", "sha_stream_1000000_ins1"):
        (sent,) = uploads[name].xorbs
        ends = np.cumsum(sent.lengths).tolist()
        pieces = [uploads[name].content[end - n : end] for n, end in zip(sent.lengths, ends, strict=True)]
        data = serialize(*((0, piece, len(piece)) for piece in pieces))
        assert (len(data), hashlib.sha256(data).hexdigest()) == (sent.size, sent.sha256)
        assert list(parse_xorb(data, sent.hash).ends) == sent.ends


def test_a_built_xorb_uses_every_scheme_and_is_read_back() -> None:
    assert {XORB.data[XORB.index.offset(n) + 4] for n in range(4)} == {0, 1, 2}
    assert parse_xorb(XORB.data, XORB.hash) == XORB.index
    assert parse_xorb(memoryview(XORB.data), XORB.hash) == XORB.index


@pytest.mark.parametrize(("start", "end"), [(0, 4), (0, 1), (1, 3), (3, 4), (2, 4)])
def test_a_range_of_chunks_is_read_from_its_bytes_alone(start: int, end: int) -> None:
    index = XORB.index
    data = XORB.data[index.offset(start) : index.offset(end)]
    assert read_chunks(data, index, start, end) == b"".join(PIECES[start:end])
    verify_chunks(data, index, start, end)


def test_chunks_are_opened_one_by_one_and_copied_only_if_compressed() -> None:
    chunks = open_chunks(XORB.data, XORB.index, 0, 4)
    assert chunks == PIECES
    lies_in_place = [chunk.obj is XORB.data for chunk in chunks]
    assert lies_in_place == [XORB.data[XORB.index.offset(n) + 4] == 0 for n in range(4)]
    assert set(lies_in_place) == {True, False}


def test_a_footer_is_not_part_of_the_xorb() -> None:
    assert parse_xorb(XORB.data + FOOTER, XORB.hash) == XORB.index


@pytest.mark.parametrize("rest", [b"\0", bytes(8), FOOTER[:-1], FOOTER + b"\0", b"XETBLOB", FOOTER * 2], ids=len)
def test_nothing_else_may_follow_the_last_chunk(rest: bytes) -> None:
    with pytest.raises(Malformed):
        parse_xorb(XORB.data + rest, XORB.hash)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no chunks"),
        (FOOTER, "no chunks"),
        (b"\0" * 7, "header is cut off"),
        (serialize((0, b"abc", 3), version=1), "version 1"),
        (serialize((0, b"abc", 4)), "cannot be 4 bytes"),
        (serialize((0, b"", 0)), "0 bytes"),
        (serialize((0, b"abc", 3))[:-1], "payload is cut off"),
        (serialize((3, b"abc", 3)), "scheme 3"),
        (serialize((1, b"abc", 3)), "not an LZ4 frame"),
        (serialize((0, bytes(131_073), 131_073)), "131073 bytes"),
        (serialize((1, bytes(262_145), 3)), "stored bytes are too many"),
        (serialize((1, lz4.frame.compress(bytes(999_999)), 131_072)), "not have the 131072 bytes"),
    ],
)
def test_a_xorb_that_breaks_the_format_is_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_xorb(data, XORB.hash)


def test_the_error_names_the_number_of_the_bad_chunk() -> None:
    data = serialize((0, b"abc", 3), (1, b"junk", 3))
    with pytest.raises(Malformed, match="chunk 1:"):
        parse_xorb(data, name_of(b"abc", b"xyz"))


def test_other_chunks_than_announced_are_a_mismatch() -> None:
    with pytest.raises(ContentMismatch, match="xorb hash"):
        parse_xorb(serialize((0, b"abd", 3)), name_of(b"abc"))


def test_chunks_that_were_cut_otherwise_are_accepted() -> None:
    assert parse_xorb(serialize((0, b"a", 1), (0, b"b", 1)), name_of(b"a", b"b")).count == 2


def test_the_number_of_chunks_is_limited() -> None:
    pieces = [b"x"] * 8192
    assert parse_xorb(serialize(*((0, p, 1) for p in pieces)), name_of(*pieces)).count == 8192
    with pytest.raises(LimitExceeded):
        parse_xorb(serialize(*((0, p, 1) for p in [*pieces, b"x"])), name_of(*pieces, b"x"))


def test_a_xorb_may_have_more_content_than_the_xorbs_built_here() -> None:
    payload = lz4.frame.compress(bytes(131_072), store_size=False)
    large = parse_xorb(serialize(*[(1, payload, 131_072)] * 600), name_of(*[bytes(131_072)] * 600))
    assert large.raw_size == 600 * 131_072 > MAX_RAW_BYTES
    assert read_index(large.encode()) == large


def test_the_body_of_a_xorb_is_limited() -> None:
    assert MAX_XORB_BYTES == 67_174_400
    with pytest.raises(LimitExceeded):
        parse_xorb(bytes(MAX_BODY_BYTES + 1), XORB.hash)
    padded = serialize(*[(1, bytes(262_144), 1)] * 257)
    with pytest.raises(LimitExceeded):
        parse_xorb(padded, XORB.hash)


def test_verification_copies_nothing() -> None:
    pieces = [np.random.default_rng(n).bytes(65_536) for n in range(128)]
    data, name = serialize(*((0, p, len(p)) for p in pieces)), name_of(*pieces)
    tracemalloc.start()
    parse_xorb(data, name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_bytes_of_another_range_are_malformed() -> None:
    index = XORB.index
    with pytest.raises(Malformed):
        read_chunks(XORB.data[:-1], index, 0, 4)
    with pytest.raises(Malformed):
        read_chunks(XORB.data, index, 0, 5)
    same_size = serialize((0, b"abcd", 4), (0, b"efghij", 6))
    other = build([b"abcde", b"fghij"])
    with pytest.raises(Malformed, match="contradicts the index"):
        read_chunks(same_size, other.index, 0, 2)


def test_a_rotten_byte_is_found_by_verification() -> None:
    rotten = bytearray(XORB.data)
    rotten[-1] ^= 1
    for read in (read_chunks, open_chunks, verify_chunks):
        with pytest.raises(ContentMismatch, match=r"hash of chunk 3.*") as caught:
            read(rotten, XORB.index, 0, 4)
        assert caught.value.expected == read_hash(chunk_hash(PIECES[3]))
    assert read_chunks(rotten[: XORB.index.offset(3)], XORB.index, 0, 3) == b"".join(PIECES[:3])


def test_chunks_are_decoded_without_hashes_for_those_who_compare_the_whole() -> None:
    assert decode_chunks(XORB.data, XORB.index, 0, 4) == PIECES
    rotten = bytearray(XORB.data)
    rotten[-1] ^= 1
    assert decode_chunks(rotten, XORB.index, 0, 4)[3] != PIECES[3]
    with pytest.raises(Malformed):
        decode_chunks(XORB.data[:-1], XORB.index, 0, 4)


@given(st.floats(0, 1), st.integers(0, 255), st.floats(0, 1) | st.just(1.0))
def test_a_damaged_xorb_is_refused(damage: Callable[..., Any], at: float, value: int, kept: float) -> None:
    data = damage(at, value, kept).of(XORB.data + FOOTER)
    try:
        index = parse_xorb(data, XORB.hash)
    except (Malformed, ContentMismatch, LimitExceeded):
        pass
    else:
        # Only bytes that are ignored (LZ4 checksums, the content of the footer) may differ.
        assert read_chunks(data[: index.size], index, 0, index.count) == CONTENT
    with suppress(Malformed, ContentMismatch):
        assert len(read_chunks(data[: XORB.index.size], XORB.index, 0, 4)) == len(CONTENT)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises((Malformed, ContentMismatch, LimitExceeded)):
        parse_xorb(data, XORB.hash)
