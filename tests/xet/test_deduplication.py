from __future__ import annotations

import base64
import hashlib
import struct
from array import array
from typing import Any

import pytest

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet import (
    AnsweredRun,
    ChunkSet,
    KnownXorb,
    XorbIndex,
    dedup_answer,
    eligible_chunks,
    keyed_chunk_hash,
    pack_ranges,
    parse_shard,
    parse_xorb,
    read_hash,
)

KEY = bytes(range(32))
INDEX = XorbIndex(b"a" * 32 + b"b" * 32, array("I", [18, 40]), array("I", [10, 32]))
OTHER = XorbIndex(b"c" * 32, array("I", [12]), array("I", [4]))
XORBS = [AnsweredRun(XetHash("1" * 64), INDEX, 0, 2), AnsweredRun(XetHash("2" * 64), OTHER, 0, 1)]


def test_an_answer_is_the_one_that_the_client_accepted(vectors: dict[str, Any], uploads: dict[str, Any]) -> None:
    (sent,) = uploads["hello"].xorbs
    index = parse_xorb(sent.data, sent.hash)
    for vector in vectors["dedup_response_shard"]:
        key = bytes.fromhex(vector["hmac_key_hex"])
        run = AnsweredRun(sent.hash, index, 0, index.count)
        answer = dedup_answer([run], key, vector["creation"], vector["expiry"])
        assert answer == base64.b64decode(vector["base64"])


def test_an_answer_shows_keyed_hashes_only() -> None:
    answer = dedup_answer(XORBS, KEY, 100, 200)
    shard = parse_shard(answer)
    assert b"a" * 32 not in answer
    assert shard.files == ()
    assert [block.hash for block in shard.xorbs] == ["1" * 64, "2" * 64]
    assert shard.xorbs[0].hashes == keyed_chunk_hash(b"a" * 32, KEY) + keyed_chunk_hash(b"b" * 32, KEY)
    assert [(block.raw_ends.tolist(), block.size) for block in shard.xorbs] == [([10, 32], 40), ([4], 12)]
    assert shard.footer is not None
    assert (shard.footer.key, shard.footer.created, shard.footer.expires) == (KEY, 100, 200)


def test_a_run_of_chunks_is_listed_like_a_xorb_that_has_no_others() -> None:
    [block] = parse_shard(dedup_answer([AnsweredRun(XetHash("3" * 64), INDEX, 1, 2)], KEY, 100, 200)).xorbs
    alone = XorbIndex(b"b" * 32, array("I", [22]), array("I", [22]))
    [expected] = parse_shard(dedup_answer([AnsweredRun(XetHash("3" * 64), alone, 0, 1)], KEY, 100, 200)).xorbs
    assert block == expected


def test_a_known_xorb_has_the_chunks_that_may_be_used() -> None:
    known = KnownXorb(XetHash("1" * 64), INDEX, ChunkSet([pack_ranges([(1, 2)])]))
    assert [known.has(read_hash(raw * 32)) for raw in (b"a", b"b", b"c")] == [False, True, False]


def test_a_key_of_zeros_leaves_the_hashes_as_they_are() -> None:
    assert parse_shard(dedup_answer(XORBS, bytes(32), 100, 200)).xorbs[0].hashes == INDEX.hashes


def test_a_key_of_another_length_is_malformed() -> None:
    with pytest.raises(Malformed):
        dedup_answer(XORBS, KEY[1:], 100, 200)


def test_about_one_chunk_in_1024_is_eligible() -> None:
    digests = [hashlib.sha256(str(number).encode()).digest() for number in range(8192)]
    found = eligible_chunks(b"".join(digests))
    assert found == [n for n, raw in enumerate(digests) if struct.unpack("<4Q", raw)[3] % 1024 == 0]
    assert 1 <= len(found) <= 30
