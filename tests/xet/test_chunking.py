from __future__ import annotations

import pathlib
from itertools import pairwise
from typing import Any

import hf_xet
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.xet import Chunker, chunk_ends, chunk_hash, encode_hash, file_hash
from entrepot.xet.chunking import MIN_CHUNK_BYTES, NumpyChunker
from entrepot.xet.compression import MAX_CHUNK_BYTES
from entrepot.xet.gear_table import GEAR

NOISE = np.random.default_rng(11).bytes(600_000)
NOISE_ENDS = chunk_ends(NOISE)


def test_files_are_cut_where_the_client_cuts_them(upload: Any) -> None:
    ends = [0, *chunk_ends(upload.content)]
    assert [end - start for start, end in pairwise(ends)] == upload.lengths
    for (start, end), chunk in zip(pairwise(ends), upload.vector["file_chunks"], strict=True):
        assert chunk_hash(upload.content[start:end]) == encode_hash(chunk["hash"])


def test_the_limits_are_those_of_the_protocol(vectors: dict[str, Any]) -> None:
    known = vectors["constants"]
    assert (known["min_chunk"], known["max_chunk"]) == (MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)


@pytest.mark.parametrize(
    "content",
    [
        np.random.default_rng(20).bytes(20 << 20),
        bytes(5 << 20),
        b"a line of text, again and again\n" * 50_000,
        np.random.default_rng(21).normal(0, 0.02, 300_000).astype("<f4").tobytes(),
        *(np.random.default_rng(size).bytes(size) for size in (0, 1, 8191, 8192, 8193, 131_072, 131_073)),
        *(bytes(size) for size in (1, 8192, 131_072, 131_073, 262_144)),
    ],
    ids=lambda content: f"{content[:4].hex()}-{len(content)}",
)
def test_the_real_client_gives_the_same_file_hash(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    (oracle,) = hf_xet.hash_files([str(tmp_path / "file")])
    numpy = NumpyChunker()
    ends = [0, *numpy.feed(content), *numpy.finish()]
    assert ends == [0, *chunk_ends(content)]
    hashes = b"".join(chunk_hash(content[start:end]) for start, end in pairwise(ends))
    assert file_hash(hashes, np.diff(ends)) == oracle.hash


def test_the_rule_is_the_one_of_the_specification() -> None:
    """Compare with a byte-by-byte implementation in the words of the specification."""
    ends, number, size = [], 0, 0
    for at, byte in enumerate(NOISE[:200_000], 1):
        number = ((number << 1) + GEAR[byte]) % 2**64
        size += 1
        if (size >= MIN_CHUNK_BYTES and number & 0xFFFF000000000000 == 0) or size == MAX_CHUNK_BYTES:
            ends.append(at)
            number, size = 0, 0
    for chunker in (Chunker(), NumpyChunker()):
        assert chunker.feed(NOISE[:200_000]) == ends
    assert ends


@given(st.lists(st.integers(0, 150_000), max_size=8))
def test_the_cuts_do_not_depend_on_how_the_bytes_are_split(cuts: list[int]) -> None:
    chunker = Chunker()
    found: list[int] = []
    places = [0, *sorted(min(cut * 4, len(NOISE)) for cut in cuts), len(NOISE)]
    for start, end in pairwise(places):
        new = chunker.feed(memoryview(NOISE)[start:end])
        assert all(cut <= end for cut in new)
        found += new
    assert found + chunker.finish() == NOISE_ENDS


def test_single_bytes_are_enough() -> None:
    chunker = Chunker()
    found = [end for byte in NOISE[:20_000] for end in chunker.feed(bytes([byte]))]
    assert found + chunker.finish() == chunk_ends(NOISE[:20_000])


def test_a_file_that_ends_with_a_chunk_has_no_last_piece() -> None:
    for chunker in (Chunker(), NumpyChunker()):
        assert chunker.feed(bytes(2 * MAX_CHUNK_BYTES)) == [MAX_CHUNK_BYTES, 2 * MAX_CHUNK_BYTES]
        assert chunker.finish() == []
