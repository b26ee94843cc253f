from __future__ import annotations

import itertools
import struct
from contextlib import suppress
from typing import Any

import lz4.frame
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.xet import Scheme
from entrepot.xet.compression import CompressionMethod, Decoder, choose_method, pack, put_in_order
from entrepot.xet.grouping import Grouped
from tests.support.byte_groups import group_bytes
from tests.support.xet_codec import compress, decompress

FLOATS = struct.pack("<2000f", *(0.001 * i for i in range(2000)))
NOISE = np.random.default_rng(7).bytes(100_000)
TEXT = b"a line of text that comes again and again\n" * 500


@pytest.mark.parametrize(
    ("chunk", "scheme"),
    [(TEXT, Scheme.LZ4), (FLOATS, Scheme.BG4_LZ4), (NOISE, Scheme.NONE), (b"a", Scheme.NONE), (bytes(131072), 1)],
    ids=["text", "floats", "noise", "one byte", "zeros"],
)
def test_a_chunk_is_stored_in_the_way_that_suits_it(chunk: bytes, scheme: int) -> None:
    packed = compress(chunk)
    assert packed.scheme == scheme
    assert decompress(packed.scheme, packed.payload, len(chunk)) == chunk


WEIGHTS = (np.random.default_rng(8).normal(0, 0.02, 60_000).astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
METHODS = [CompressionMethod(Scheme.NONE), CompressionMethod(Scheme.LZ4)] + [
    CompressionMethod(Scheme.BG4_LZ4, shrinks) for shrinks in itertools.product((True, False), repeat=4)
]


@given(
    st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from([FLOATS, TEXT, NOISE, WEIGHTS])),
    st.integers(1, 9),
    st.sampled_from(METHODS),
)
def test_any_method_gives_a_chunk_that_every_reader_reads(
    pattern: bytes, times: int, method: CompressionMethod
) -> None:
    chunk = (pattern * times)[:131072]
    packed = pack(chunk, method)
    assert len(packed.payload) <= len(chunk)
    assert packed.scheme in (Scheme.NONE, method.scheme)
    assert decompress(packed.scheme, packed.payload, len(chunk)) == chunk
    if packed.scheme == Scheme.BG4_LZ4:
        assert bytes(packed.payload)[:7].hex() == "04224d18604082"
        assert lz4.frame.decompress(packed.payload) == group_bytes(chunk)


def test_the_lower_bytes_of_numbers_are_stored_without_a_search() -> None:
    chunk = WEIGHTS[:100_000]
    assert choose_method(chunk) == CompressionMethod(Scheme.BG4_LZ4, (False, True, False, True))
    payload = bytes(compress(chunk).payload)
    assert payload[7:11] == struct.pack("<I", 25_000 | 1 << 31)
    assert payload[11:25_011] == chunk[::4]
    assert len(payload) < 0.87 * len(chunk)


@pytest.mark.parametrize("length", [50_000, 50_001, 50_002, 50_003])
def test_a_method_suits_what_follows_at_any_offset(length: int) -> None:
    first, following = WEIGHTS[:length], WEIGHTS[length:100_000]
    assert choose_method(first).after(length) == choose_method(following)


@given(st.binary(min_size=1, max_size=300), st.integers(1, 400))
def test_compressed_bytes_come_back_and_are_never_longer(pattern: bytes, times: int) -> None:
    chunk = (pattern * times)[:131072]
    packed = compress(chunk)
    assert len(packed.payload) <= len(chunk)
    assert decompress(packed.scheme, packed.payload, len(chunk)) == chunk


def test_frames_look_like_those_of_the_client() -> None:
    assert bytes(compress(TEXT).payload)[:7].hex() == "04224d18604082"


def frame(data: bytes, **options: Any) -> bytes:
    return lz4.frame.compress(data, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"block_size": lz4.frame.BLOCKSIZE_MAX4MB, "block_linked": True},
        {"content_checksum": True, "block_checksum": True},
        {"store_size": False},
        {"compression_level": 9},
    ],
    ids=str,
)
def test_every_kind_of_frame_is_read(options: dict[str, Any]) -> None:
    assert decompress(1, frame(TEXT, **options), len(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("scheme", "payload", "length"),
    [
        (0, b"abc", 2),
        (0, b"abc", 4),
        (1, b"", 1),
        (1, b"\x04\x22\x4d\x18", 1),
        (1, b"no frame at all", 15),
        (1, frame(TEXT)[:-1], len(TEXT)),
        (1, frame(TEXT) + b"\0", len(TEXT)),
        (1, frame(TEXT) + frame(TEXT), 2 * len(TEXT)),
        (1, frame(TEXT), len(TEXT) - 1),
        (1, frame(TEXT), len(TEXT) + 1),
        (1, frame(b""), 1),
        (1, b"\x50\x2a\x4d\x18\x00\x00\x00\x00", 1),
        (2, frame(TEXT), len(TEXT) + 1),
        (3, frame(TEXT), len(TEXT)),
        (99, frame(TEXT), len(TEXT)),
        (255, b"abc", 3),
    ],
)
def test_a_payload_that_contradicts_its_header_is_malformed(scheme: int, payload: bytes, length: int) -> None:
    with pytest.raises(Malformed):
        decompress(scheme, payload, length)


def test_a_frame_that_names_a_dictionary_is_malformed() -> None:
    """Readers without support for dictionaries would decode other bytes, or fail."""
    # FLG with the dictionary bit, BD, dictionary id; one of all checksums is right; a stored block, end mark.
    head, body = bytes.fromhex("04224d18 6140 01000000"), bytes.fromhex("01000080 61 00000000")
    frames = [head + bytes([checksum]) + body for checksum in range(256)]
    readable = 0
    for candidate in frames:
        with suppress(RuntimeError):
            readable += lz4.frame.decompress(candidate) == b"a"
        with pytest.raises(Malformed):
            decompress(1, candidate, 1)
    assert readable == 1


def test_a_small_payload_cannot_become_a_large_chunk() -> None:
    bomb = frame(bytes(50_000_000))
    with pytest.raises(Malformed, match="not have the 131072 bytes"):
        decompress(1, bomb, 131_072)
    with pytest.raises(Malformed):
        decompress(1, bomb, 50_000_000)


def test_a_decoder_recovers_from_a_damaged_payload() -> None:
    decoder = Decoder()
    good = memoryview(frame(TEXT))
    with pytest.raises(Malformed):
        decoder.unpack(1, good[:-3], len(TEXT))
    assert decoder.unpack(1, good, len(TEXT)) == TEXT


def test_chunks_of_all_kinds_are_put_in_order_together() -> None:
    contents = [TEXT, FLOATS, NOISE, WEIGHTS[:65_537], TEXT[:1], FLOATS[:4099]]
    packed = [compress(content) for content in contents]
    decoder = Decoder()
    unpacked = [
        decoder.unpack(one.scheme, memoryview(one.payload), len(content))
        for one, content in zip(packed, contents, strict=True)
    ]
    assert [type(one) is Grouped for one in unpacked] == [False, True, False, True, False, True]
    assert list(map(bytes, put_in_order(unpacked))) == contents


@given(st.data())
def test_no_damage_gets_past_the_decoder_as_another_error(data: st.DataObject) -> None:
    payload = bytearray(frame(TEXT, content_checksum=True))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    scheme = data.draw(st.sampled_from([1, 2]))
    with suppress(Malformed):
        assert len(decompress(scheme, payload, len(TEXT))) == len(TEXT)
