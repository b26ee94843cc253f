from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import ContentMismatch, Invalid, LimitExceeded, Malformed, XorbMissing
from entrepot.names import XetHash
from entrepot.xet import (
    FileBlock,
    Shard,
    Term,
    Terms,
    XorbBlock,
    XorbBuilder,
    XorbIndex,
    check_file,
    check_shard,
    check_xorb,
    chunk_hash,
    encode_shard,
    file_hash,
    parse_shard,
    range_hash,
)


def build(*pieces: bytes) -> Any:
    builder = XorbBuilder()
    for piece in pieces:
        builder.add(piece, chunk_hash(piece))
    return builder.finish()


ONE, TWO = build(b"a", b"bb", b"ccc"), build(b"dddd", b"eeeee")
STORED = {xorb.hash: xorb.index for xorb in (ONE, TWO)}
TERMS = [Term(ONE.hash, 1, 3, 5), Term(TWO.hash, 0, 2, 9), Term(ONE.hash, 0, 1, 1)]


def proofs(terms: list[Term]) -> bytes:
    return b"".join(range_hash(STORED[t.xorb].chunk_hashes(t.start, t.end)) for t in terms)


def block(terms: list[Term]) -> FileBlock:
    hashes = b"".join(STORED[t.xorb].chunk_hashes(t.start, t.end) for t in terms)
    lengths = np.concatenate([STORED[t.xorb].lengths(t.start, t.end) for t in terms])
    return FileBlock(file_hash(hashes, lengths), Terms.of(terms), proofs(terms), None)


FILE = block(TERMS)
LISTED = XorbBlock(ONE.hash, ONE.index.hashes, ONE.index.raw_ends, 0)
SHARD = Shard((FILE,), (LISTED,))


def with_terms(terms: list[Term], range_hashes: bytes | None = None) -> FileBlock:
    return FileBlock(FILE.hash, Terms.of(terms), range_hashes or FILE.range_hashes, None)


def find(upload: Any) -> dict[XetHash, XorbIndex]:
    """The indexes of an upload's xorbs, as a hub would have stored them."""
    found = {}
    for sent in upload.xorbs:
        hashes = b"".join(block.hashes for block in parse_shard(upload.shard).xorbs if block.hash == sent.hash)
        raw_ends = array("I", np.cumsum(sent.lengths).astype(np.uint32).tobytes())
        found[sent.hash] = XorbIndex(hashes, array("I", sent.ends), raw_ends)
    return found


def test_shards_of_the_client_are_true(upload: Any) -> None:
    check_shard(parse_shard(upload.shard), find(upload).get)


def test_a_true_shard_passes() -> None:
    check_shard(SHARD, STORED.get)


def test_the_empty_file_passes_and_another_name_for_it_does_not() -> None:
    check_file(FileBlock(XetHash("0" * 64), Terms.of([]), b"", None), STORED.get)
    with pytest.raises(ContentMismatch):
        check_file(FileBlock(ONE.hash, Terms.of([]), b"", None), STORED.get)


def test_a_missing_xorb_is_named_with_its_term_and_the_cure() -> None:
    with pytest.raises(XorbMissing, match="remove the folder 'xet'") as caught:
        check_file(FILE, {ONE.hash: ONE.index}.get)
    assert caught.value.xorb == TWO.hash
    assert "term 1 of the file" in caught.value.where
    with pytest.raises(XorbMissing, match="list of new xorbs"):
        check_shard(SHARD, {TWO.hash: TWO.index}.get)


@pytest.mark.parametrize(
    "term", [Term(TWO.hash, 0, 3, 9), Term(TWO.hash, 2, 2, 0), Term(TWO.hash, 1, 0, 4), Term(TWO.hash, 0, 2, 10)]
)
def test_a_term_that_does_not_fit_its_xorb_is_named(term: Term) -> None:
    with pytest.raises(Malformed, match=f"term 1, xorb {TWO.hash}"):
        check_file(with_terms([TERMS[0], term, TERMS[2]]), STORED.get)


@pytest.mark.parametrize("range_hashes", [None, b"", bytes(64), bytes(128)])
def test_a_file_without_a_proof_for_each_term_is_malformed(range_hashes: bytes | None) -> None:
    with pytest.raises(Malformed, match="range hashes are missing"):
        check_file(attrs.evolve(FILE, range_hashes=range_hashes), STORED.get)


def test_a_wrong_proof_is_named() -> None:
    assert FILE.range_hashes is not None
    wrong = FILE.range_hashes[:64] + bytes(32)
    with pytest.raises(ContentMismatch, match="range hash of term 2"):
        check_file(attrs.evolve(FILE, range_hashes=wrong), STORED.get)


def test_a_file_of_other_chunks_is_a_mismatch() -> None:
    terms = [TERMS[1], TERMS[0], TERMS[2]]
    with pytest.raises(ContentMismatch, match="hash of a file of 3 terms"):
        check_file(with_terms(terms, proofs(terms)), STORED.get)


@pytest.mark.parametrize(
    ("listed", "where"),
    [
        (XorbBlock(ONE.hash, ONE.index.hashes[:64], ONE.index.raw_ends[:2], 0), "from number 2"),
        (XorbBlock(ONE.hash, ONE.index.hashes[:32] + bytes(64), ONE.index.raw_ends, 0), "from number 1"),
        (XorbBlock(ONE.hash, ONE.index.hashes, array("I", [1, 2, 6]), 0), "from number 1"),
    ],
)
def test_a_xorb_that_is_listed_otherwise_than_stored_is_a_mismatch(listed: XorbBlock, where: str) -> None:
    check_xorb(LISTED, ONE.index)
    with pytest.raises(ContentMismatch, match=where):
        check_xorb(listed, ONE.index)


def test_a_short_shard_cannot_cost_hours() -> None:
    chunks = 8192
    index = XorbIndex(bytes(32 * chunks), array("I", range(9, 9 * chunks + 1, 9)), array("I", range(1, chunks + 1)))
    terms = [Term(XetHash("1" * 64), 0, chunks, chunks)] * 2049
    shard = Shard((FileBlock(ONE.hash, Terms.of(terms), bytes(32 * len(terms)), None),), ())
    before = time.process_time()
    with pytest.raises(LimitExceeded):
        check_shard(shard, lambda _: index)
    assert time.process_time() - before < 1


ENCODED = encode_shard(SHARD)


@given(st.floats(0, 1), st.integers(1, 255))
def test_no_changed_byte_makes_a_true_shard_of_other_content(damage: Callable[..., Any], at: float, value: int) -> None:
    try:
        shard = parse_shard(damage(at, value, 1.0).of(ENCODED))
        check_shard(shard, STORED.get)
    except (Invalid, LimitExceeded):
        return
    else:
        assert [list(file.terms) for file in shard.files] in ([TERMS], [])
