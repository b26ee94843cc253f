from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import lz4.block
import lz4.frame
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.xet import frames
from entrepot.xet.frames import FRAME_HEADER, LARGE_FRAME_HEADER, FrameReader, frame_as_clients, frame_blocks

TEXT = b"a line of text that comes again and again\n" * 3000
NOISE = np.random.default_rng(17).bytes(131_072)
RAW = 1 << 31


def read(payload: bytes, length: int) -> bytes:
    return b"".join(FrameReader().read(memoryview(payload), length))


def by_library(payload: bytes, length: int) -> bytes | None:
    """What the library makes of a frame that fills the payload and has this length; None if it refuses it."""
    decompressor = lz4.frame.LZ4FrameDecompressor()
    with suppress(RuntimeError):
        found = bytes(decompressor.decompress(payload, max_length=length + 1))
        if len(found) == length and decompressor.eof and not decompressor.unused_data:
            return found
    return None


def checked(payload: bytes, length: int) -> bytes | None:
    try:
        found = read(payload, length)
    except Malformed:
        found = None
    assert found == by_library(payload, length)
    return found


def block(content: bytes, *, compressed: bool) -> bytes:
    packed = lz4.block.compress(content, store_size=False) if compressed else content
    return struct.pack("<I", len(packed) | (0 if compressed else RAW)) + packed


@pytest.mark.parametrize("length", [1, 65_535, 65_536, 65_537, 100_000, 126_000])
def test_frames_of_clients_are_read_without_the_library(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setattr(FrameReader, "_read_any", lambda *_: pytest.fail("the frame was not taken apart"))
    for content in (TEXT[:length], NOISE[:length]):
        assert read(frame_as_clients(content), length) == content


@pytest.mark.parametrize("content", [TEXT[:100_000], TEXT[:131_072], NOISE[:100_000]], ids=["text", "chunk", "noise"])
def test_frames_of_clients_with_large_blocks_are_too(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(FrameReader, "_read_any", lambda *_: pytest.fail("the frame was not taken apart"))
    whole = lz4.frame.compress(content, block_size=lz4.frame.BLOCKSIZE_MAX256KB, block_linked=False, store_size=False)
    assert whole[:7] == LARGE_FRAME_HEADER, "as hf_xet 1.8 writes it"
    assert [bytes(piece) for piece in FrameReader().read(memoryview(whole), len(content))] == [content]


def test_uncompressed_blocks_are_not_copied() -> None:
    payload = memoryview(frame_blocks([(NOISE[:100], False), (TEXT[:1000], True), (NOISE[100:150], True)]))
    first, second, third = FrameReader().read(payload, 1150)
    assert [isinstance(piece, memoryview) and piece.obj is payload.obj for piece in (first, second, third)] == [
        True,
        False,
        True,
    ]
    assert (first, second, third) == (NOISE[:100], TEXT[:1000], NOISE[100:150])


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, NOISE]), st.integers(0, 65_536), st.booleans()), max_size=4),
    st.integers(-1, 1),
)
def test_any_blocks_are_read_as_the_library_reads_them(blocks: list[tuple[bytes, int, bool]], off: int) -> None:
    contents = [(source[:length], is_shrinking) for source, length, is_shrinking in blocks]
    whole = b"".join(content for content, _ in contents)
    found = checked(frame_blocks(contents), len(whole) + off) if len(whole) + off >= 0 else None
    assert (found == whole) == (not off)


@pytest.mark.parametrize("header", [FRAME_HEADER, LARGE_FRAME_HEADER], ids=["64 KiB", "256 KiB"])
@pytest.mark.parametrize(
    "body",
    [
        block(bytes(262_145), compressed=True) + bytes(4),
        block(NOISE * 2 + b"x", compressed=False) + bytes(4),
        block(NOISE[:65_537], compressed=False) + bytes(4),
        block(bytes(65_537), compressed=True) + bytes(4),
        block(b"", compressed=False) + bytes(4),
        block(b"abc", compressed=False),
        block(b"abc", compressed=False) + bytes(3),
        block(b"abc", compressed=False) + bytes(5),
        block(b"abc", compressed=False) + bytes(8),
        block(b"abc", compressed=False) + struct.pack("<I", RAW),
        block(b"abc", compressed=False) + struct.pack("<I", 5) + b"ab",
        block(b"abc", compressed=True)[:-1] + bytes(4),
        struct.pack("<I", 3) + b"\xff\xff\xff" + bytes(4),
        struct.pack("<I", 0xFFFFFFFF) + bytes(4),
        b"",
        bytes(4),
    ],
    ids=lambda body: f"{len(body)} bytes",
)
def test_unusual_frames_are_judged_as_the_library_judges_them(body: bytes, header: bytes) -> None:
    for length in (0, 1, 2, 3, 65_536, 65_537, 262_144, 262_145):
        checked(header + body, length)


@given(st.data())
def test_damage_is_judged_as_the_library_judges_it(data: st.DataObject) -> None:
    payload = bytearray(frame_blocks([(NOISE[:40], False), (TEXT[:300], True), (TEXT[:50], True)]))
    for _ in range(data.draw(st.integers(1, 2))):
        payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    checked(bytes(payload[: data.draw(st.integers(0, len(payload)))]), 390)
    checked(bytes(payload), 390)


@pytest.mark.parametrize(
    "options",
    [
        {"block_size": lz4.frame.BLOCKSIZE_MAX4MB, "block_linked": True},
        {"block_size": lz4.frame.BLOCKSIZE_MAX64KB, "block_linked": True},
        {"content_checksum": True, "block_checksum": True},
        {"store_size": True},
    ],
    ids=str,
)
def test_other_frames_are_left_to_the_library(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    monkeypatch.setattr(frames, "_blocks", lambda *_: pytest.fail("it is not of the usual kind"))
    assert read(lz4.frame.compress(TEXT, **options), len(TEXT)) == TEXT


@pytest.mark.parametrize(
    "tiny",
    [block(b"x", compressed=False), block(b"x", compressed=True), block(b"", compressed=True)],
    ids=["raw", "lz4", "empty"],
)
def test_tiny_blocks_cost_what_they_cost_the_library(monkeypatch: pytest.MonkeyPatch, tiny: bytes) -> None:
    calls: list[int] = []
    original = lz4.block.decompress
    monkeypatch.setattr(lz4.block, "decompress", lambda *given, **named: calls.append(1) or original(*given, **named))
    count = 10_000
    content = b"x" * (count if tiny != block(b"", compressed=True) else 0) + b"end"
    found = FrameReader().read(
        memoryview(FRAME_HEADER + tiny * count + block(b"end", compressed=False) + bytes(4)), len(content)
    )
    assert [bytes(piece) for piece in found] == [content]
    assert len(calls) <= 8


def test_a_frame_produces_little_more_than_it_announces() -> None:
    bomb = FRAME_HEADER + block(bytes(65_536), compressed=True) * 1000 + bytes(4)
    produced: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        original = lz4.block.decompress

        def count(data: memoryview, uncompressed_size: int) -> bytes:
            found: bytes = original(data, uncompressed_size=uncompressed_size)
            produced.append(len(found))
            return found

        patch.setattr(lz4.block, "decompress", count)
        with pytest.raises(Malformed, match="not have the 100000 bytes"):
            read(bomb, 100_000)
    assert produced == [65_536]
