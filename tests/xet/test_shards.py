from __future__ import annotations

import struct
import tracemalloc
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.names import Sha256, XetHash
from entrepot.xet import (
    FileBlock,
    Shard,
    ShardFooter,
    Term,
    Terms,
    XorbBlock,
    encode_hash,
    encode_shard,
    parse_shard,
    read_hash,
)
from entrepot.xet.shards import BOOKEND, MAGIC

A, B = XetHash("a" * 64), XetHash("b" * 64)
FILE = FileBlock(A, Terms.of([Term(B, 0, 2, 30)]), b"r" * 32, Sha256("c" * 64))
XORB = XorbBlock(B, b"h" * 64, array("I", [10, 30]), 46, (1,))
FOOTER = ShardFooter(b"k" * 32, 1_700_000_000, 1_700_086_400)
SHARD = encode_shard(Shard((FILE, FileBlock(B, Terms.of([]), None, None)), (XORB,), FOOTER))
HEADER = struct.pack("<32sQQ", MAGIC, 2, 0)


def file_head(flags: int = 0, count: int = 0, spare: int = 0) -> bytes:
    return struct.pack("<32sIIII", encode_hash(A), flags, count, spare, 0)


def xorb_head(count: int, raw_size: int) -> bytes:
    return struct.pack("<32sIIII", encode_hash(B), 0, count, raw_size, 0)


def row(offset: int, length: int) -> bytes:
    return struct.pack("<32sIIII", b"h" * 32, offset, length, 0, 0)


def test_shards_of_the_client_are_read(upload: Any) -> None:
    known = upload.vector["shard"]["file"]
    shard = parse_shard(upload.shard)
    (file,) = shard.files
    assert (file.hash, file.sha256) == (known["file_hash"], known["sha256"])
    assert list(file.terms) == [
        Term(term["xorb_hash"], term["chunk_start"], term["chunk_end"], term["unpacked_segment_bytes"])
        for term in known["terms"]
    ]
    assert file.range_hashes == b"".join(encode_hash(term["range_hash"]) for term in known["terms"])
    assert shard.footer is None
    for block, sent in zip(shard.xorbs, upload.xorbs, strict=True):
        assert (block.hash, block.size, block.flagged) == (sent.hash, 0, ())
        assert block.hashes == b"".join(map(encode_hash, sent.hashes))
        assert block.raw_ends[-1] == sum(sent.lengths)


def test_shards_of_the_client_are_written_byte_for_byte(upload: Any) -> None:
    assert encode_shard(parse_shard(upload.shard)) == upload.shard
    assert len(upload.shard) == upload.vector["shard"]["len"]


def test_the_magic_word_is_the_one_of_the_protocol(vectors: dict[str, Any]) -> None:
    assert vectors["constants"]["shard_magic_hex"] == MAGIC.hex()


def test_a_sha256_is_reversed_in_groups(vectors: dict[str, Any]) -> None:
    for vector in vectors["sha256_in_shard"]:
        stored = bytes.fromhex(vector["bytes_in_FileMetadataExt_hex"])
        assert read_hash(stored) == vector["sha256_hex"]
        shard = HEADER + file_head(0x40000000) + stored + bytes(16) + BOOKEND + BOOKEND
        assert parse_shard(shard).files[0].sha256 == vector["sha256_hex"]


def test_every_part_comes_back() -> None:
    shard = parse_shard(SHARD)
    assert shard.files == (FILE, FileBlock(B, Terms.of([]), None, None))
    assert shard.xorbs == (XORB,)
    assert shard.footer == FOOTER
    assert encode_shard(shard) == SHARD


def test_the_places_of_lookup_tables_that_are_not_there_do_not_matter() -> None:
    """Shards of @huggingface/hub 2.17.5 have no tables, and 0 as their offsets."""
    at = len(SHARD) - 200
    footer = bytearray(SHARD[at:])
    struct.pack_into("<6Q", footer, 24, 0, 0, 0, 0, 0, 0)
    assert parse_shard(SHARD[:at] + bytes(footer)) == parse_shard(SHARD)


def test_lookup_tables_before_the_footer_are_skipped() -> None:
    """Shards of hf_xet 1.1.0 and older have sorted tables, then a footer with their offsets."""
    tables = struct.pack("<QI", 1, 0) + struct.pack("<QI", 2, 0) + struct.pack("<QII", 3, 0, 0) * 2
    at = len(SHARD) - 200
    footer = bytearray(SHARD[at:])
    struct.pack_into("<6Q", footer, 24, at, 1, at + 12, 1, at + 24, 2)
    struct.pack_into("<Q", footer, 192, at + len(tables))
    assert parse_shard(SHARD[:at] + tables + footer) == parse_shard(SHARD)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "header is cut off"),
        (b"\0" * 48 + BOOKEND * 2, "does not begin like a shard"),
        (struct.pack("<32sQQ", MAGIC, 3, 0) + BOOKEND * 2, "version 3"),
        (struct.pack("<32sQQ", MAGIC, 2, 100) + BOOKEND * 2, "footer of 100"),
        (HEADER, "file section is cut off"),
        (HEADER + BOOKEND, "xorb section is cut off"),
        (HEADER + BOOKEND * 2 + b"\0", "1 bytes follow"),
        (HEADER + file_head(1) + BOOKEND * 2, "unknown flags"),
        (HEADER + file_head(spare=1) + BOOKEND * 2, "unknown flags"),
        (HEADER + file_head(0, 3) + BOOKEND * 2, "list of terms is cut off"),
        (HEADER + file_head(0, 2**32 - 1) + BOOKEND * 2, "list of terms is cut off"),
        (HEADER + file_head(0x80000000, 2) + BOOKEND * 2, "range hashes is cut off"),
        (HEADER + file_head(0x40000000) + BOOKEND[:-1], "sha256 is cut off"),
        (HEADER + BOOKEND + xorb_head(2, 5) + row(0, 5), "list of chunks is cut off"),
        (HEADER + BOOKEND + xorb_head(2**32 - 1, 5) + BOOKEND, "cannot have"),
        (HEADER + BOOKEND + xorb_head(0, 0) + BOOKEND, "cannot have"),
        (HEADER + BOOKEND + xorb_head(2, 2 * 131_072 + 1) + row(0, 1) * 2 + BOOKEND, "cannot have"),
        (HEADER + BOOKEND + xorb_head(1, 6) + row(0, 5) + BOOKEND, "not contiguous"),
        (HEADER + BOOKEND + xorb_head(1, 5) + row(1, 5) + BOOKEND, "not contiguous"),
        (HEADER + BOOKEND + xorb_head(2, 5) + row(0, 3) + row(2, 2) + BOOKEND, "not contiguous"),
        (struct.pack("<32sQQ", MAGIC, 2, 200) + BOOKEND * 2 + bytes(199), "footer"),
        (struct.pack("<32sQQ", MAGIC, 2, 200) + BOOKEND * 2 + bytes(200), "contradicts"),
    ],
)
def test_a_shard_that_breaks_the_format_is_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_shard(data)


@pytest.mark.parametrize(
    "block", [file_head(), file_head(0, 1) + bytes(48), file_head(0xC0000000, 1) + bytes(144)], ids=["0", "1", "2"]
)
def test_memory_is_a_small_multiple_of_the_input(block: bytes) -> None:
    data = HEADER + block * (480_000 // len(block)) + BOOKEND + BOOKEND
    tracemalloc.start()
    shard = parse_shard(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(shard.files) == 480_000 // len(block)
    assert peak < 8 * len(data)


@given(st.floats(0, 1), st.integers(0, 255), st.floats(0, 1) | st.just(1.0))
def test_a_damaged_shard_is_read_or_malformed(damage: Callable[..., Any], at: float, value: int, kept: float) -> None:
    try:
        shard = parse_shard(damage(at, value, kept).of(SHARD))
    except Malformed:
        return
    else:
        assert parse_shard(encode_shard(shard)) == shard


@given(
    st.lists(st.binary(min_size=48, max_size=48) | st.sampled_from([BOOKEND, row(0, 1), xorb_head(1, 1)]), max_size=8)
)
def test_any_records_are_a_shard_or_malformed(records: list[bytes]) -> None:
    try:
        shard = parse_shard(HEADER + b"".join(records))
    except Malformed:
        return
    assert parse_shard(encode_shard(shard)) == shard
