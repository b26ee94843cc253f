from __future__ import annotations

import gc
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Invalid, LimitExceeded, Malformed, XorbMissing
from entrepot.names import XetHash
from entrepot.xet import (
    HASH_BYTES,
    ZERO_HASH,
    ChunkSet,
    FileBlock,
    Shard,
    Term,
    Terms,
    UsableXorb,
    XorbBlock,
    XorbBuilder,
    XorbIndex,
    check_steps,
    check_xorb,
    chunk_hash,
    encode_shard,
    file_hash,
    named_xorbs,
    named_xorbs_steps,
    pack_ranges,
    parse_shard,
    parse_steps,
    range_hash,
    read_hash,
)
from entrepot.xet.repeats import repeated_file_hash
from entrepot.xet.shards import MAX_SHARD_XORBS
from entrepot.xet.steps import run_steps
from tests.support.work import count_lines_of_steps


def check_shard(shard: Shard, find: Callable[[XetHash], Any]) -> None:
    for _step in check_steps(shard, find):
        pass


def check_files(files: list[FileBlock], find: Callable[[XetHash], Any]) -> None:
    check_shard(Shard(tuple(files), ()), find)


def build(*pieces: bytes) -> Any:
    builder = XorbBuilder()
    for piece in pieces:
        builder.add(piece, chunk_hash(piece))
    return builder.finish()


ONE, TWO = build(b"a", b"bb", b"ccc"), build(b"dddd", b"eeeee")


def usable(xorb: Any, *ranges: tuple[int, int]) -> UsableXorb:
    """Return a stored xorb that is usable within these ranges, or completely."""
    return UsableXorb(xorb.index, ChunkSet([pack_ranges(ranges)]) if ranges else ChunkSet.everything())


STORED = {xorb.hash: usable(xorb) for xorb in (ONE, TWO)}
TERMS = [Term(ONE.hash, 1, 3, 5), Term(TWO.hash, 0, 2, 9), Term(ONE.hash, 0, 1, 1)]


def proofs(terms: list[Term]) -> bytes:
    return b"".join(range_hash(STORED[t.xorb].index.chunk_hashes(t.start, t.end)) for t in terms)


def block(terms: list[Term]) -> FileBlock:
    hashes = b"".join(STORED[t.xorb].index.chunk_hashes(t.start, t.end) for t in terms)
    lengths = np.concatenate([STORED[t.xorb].index.lengths(t.start, t.end) for t in terms])
    return FileBlock(file_hash(hashes, lengths), Terms.of(terms), proofs(terms), None)


FILE = block(TERMS)
LISTED = XorbBlock(ONE.hash, ONE.index.hashes, ONE.index.raw_ends, 0)
SHARD = Shard((FILE,), (LISTED,))


def with_terms(terms: list[Term], range_hashes: bytes | None = None) -> FileBlock:
    return FileBlock(FILE.hash, Terms.of(terms), range_hashes or FILE.range_hashes, None)


def find(upload: Any) -> dict[XetHash, UsableXorb]:
    """Return the indexes of an upload's xorbs, as a hub would have stored them."""
    found = {}
    for sent in upload.xorbs:
        hashes = b"".join(block.hashes for block in parse_shard(upload.shard).xorbs if block.hash == sent.hash)
        raw_ends = array("I", np.cumsum(sent.lengths).astype(np.uint32).tobytes())
        found[sent.hash] = UsableXorb(XorbIndex(hashes, array("I", sent.ends), raw_ends))
    return found


def test_shards_of_the_client_are_true(upload: Any) -> None:
    shard, known = parse_shard(upload.shard), find(upload)
    check_shard(shard, known.get)
    assert known or not shard.xorbs


def test_a_true_shard_passes() -> None:
    asked: list[XetHash] = []
    check_shard(SHARD, lambda xorb: asked.append(xorb) or STORED.get(xorb))
    assert set(asked) == set(STORED)


def test_a_xorb_that_is_listed_many_times_is_looked_up_once() -> None:
    asked: list[XetHash] = []
    check_shard(Shard((), SHARD.xorbs * 1_000), lambda xorb: asked.append(xorb) or STORED.get(xorb))
    assert sorted(asked) == sorted(block.hash for block in SHARD.xorbs)
    wrong = attrs.evolve(SHARD.xorbs[0], hashes=bytes(len(SHARD.xorbs[0].hashes)))
    with pytest.raises(Malformed):
        check_shard(Shard((), (*SHARD.xorbs, wrong)), STORED.get)


def test_the_empty_file_passes_and_another_name_for_it_does_not() -> None:
    check_files([FileBlock(XetHash("0" * 64), Terms.of([]), b"", None)], STORED.get)
    with pytest.raises(Malformed):
        check_files([FileBlock(ONE.hash, Terms.of([]), b"", None)], STORED.get)


def test_a_missing_xorb_is_named_with_its_term_and_the_cure() -> None:
    with pytest.raises(XorbMissing, match="remove the folder 'xet'") as caught:
        check_files([FILE], {ONE.hash: usable(ONE)}.get)
    assert caught.value.xorb == TWO.hash
    assert "term 1 of the file" in caught.value.where
    with pytest.raises(XorbMissing, match="list of new xorbs"):
        check_shard(SHARD, {TWO.hash: usable(TWO)}.get)


@pytest.mark.parametrize("term", [Term(TWO.hash, 2, 2, 0), Term(TWO.hash, 1, 0, 4), Term(TWO.hash, 0, 2, 10)])
def test_a_term_that_does_not_fit_its_xorb_is_named(term: Term) -> None:
    with pytest.raises(Malformed, match="term 1"):
        check_files([with_terms([TERMS[0], term, TERMS[2]])], STORED.get)


def test_a_term_beyond_what_may_be_used_fails_like_one_beyond_the_end_and_like_one_of_no_xorb() -> None:
    messages = set()
    for term in (Term(ONE.hash, 1, 3, 5), Term(ONE.hash, 2, 3, 3), Term(ONE.hash, 2, 4, 3), Term(ONE.hash, 7, 9, 1)):
        for found in ({ONE.hash: usable(ONE, (0, 2))}, {}):
            with pytest.raises(XorbMissing) as caught:
                check_files([FileBlock(FILE.hash, Terms.of([term]), bytes(32), None)], found.get)
            messages.add(str(caught.value))
    assert len(messages) == 1
    check_files([block([TERMS[2]])], {ONE.hash: usable(ONE, (0, 2))}.get)


def test_no_error_tells_what_the_hub_has_computed() -> None:
    assert FILE.range_hashes is not None
    secrets = [FILE.range_hashes[at : at + 32] for at in (0, 32, 64)]
    wrong = (
        attrs.evolve(FILE, range_hashes=bytes(96)),
        attrs.evolve(FILE, hash=XetHash("c" * 64)),
        with_terms([Term(ONE.hash, 1, 3, 4)], bytes(32)),
    )
    for lie in wrong:
        with pytest.raises(Malformed) as caught:
            check_files([lie], STORED.get)
        told = str(caught.value)
        assert FILE.hash == lie.hash or FILE.hash not in told
        assert not any(read_hash(secret) in told or secret.hex() in told for secret in secrets)
    for listed in (attrs.evolve(LISTED, hashes=LISTED.hashes[:64]), attrs.evolve(LISTED, hashes=bytes(96))):
        with pytest.raises(Malformed) as caught:
            check_xorb(listed, usable(ONE))
        assert str(caught.value) == f"malformed the xorb {ONE.hash}: its list of chunks does not match"


@pytest.mark.parametrize("range_hashes", [None, b"", bytes(64), bytes(128)])
def test_a_file_without_a_proof_for_each_term_is_malformed(range_hashes: bytes | None) -> None:
    with pytest.raises(Malformed, match="range hashes are missing"):
        check_files([attrs.evolve(FILE, range_hashes=range_hashes)], STORED.get)


def test_a_wrong_proof_is_named() -> None:
    assert FILE.range_hashes is not None
    wrong = FILE.range_hashes[:64] + bytes(32)
    with pytest.raises(Malformed, match="range hash of term 2"):
        check_files([attrs.evolve(FILE, range_hashes=wrong)], STORED.get)


def test_a_file_of_other_chunks_is_a_mismatch() -> None:
    terms = [TERMS[1], TERMS[0], TERMS[2]]
    with pytest.raises(Malformed, match="its hash does not match"):
        check_files([with_terms(terms, proofs(terms))], STORED.get)


@pytest.mark.parametrize(
    "listed",
    [
        XorbBlock(ONE.hash, ONE.index.hashes[:64], ONE.index.raw_ends[:2], 0),
        XorbBlock(ONE.hash, ONE.index.hashes[:32] + bytes(64), ONE.index.raw_ends, 0),
        XorbBlock(ONE.hash, ONE.index.hashes, array("I", [1, 2, 6]), 0),
    ],
)
def test_a_xorb_that_is_listed_otherwise_than_stored_is_refused(listed: XorbBlock) -> None:
    check_xorb(LISTED, usable(ONE))
    with pytest.raises(Malformed, match="list of chunks"):
        check_xorb(listed, usable(ONE))
    for stranger in (LISTED, listed):
        with pytest.raises(XorbMissing):
            check_xorb(stranger, usable(ONE, (0, 2)))


def big(number: int) -> UsableXorb:
    hashes = bytes([number % 256]) * 32 * 8192
    return UsableXorb(XorbIndex(hashes, array("I", range(9, 9 * 8192 + 1, 9)), array("I", range(1, 8193))))


def test_a_short_shard_cannot_cost_hours() -> None:
    names = [XetHash(f"{number:064x}") for number in range(2049)]
    terms = [Term(name, 0, 8192, 8192) for name in names]
    shard = Shard((FileBlock(ONE.hash, Terms.of(terms), bytes(32 * len(terms)), None),), ())
    asked: list[XetHash] = []
    with pytest.raises(LimitExceeded):
        check_shard(shard, lambda xorb: asked.append(xorb))
    assert asked == []
    many = [Term(XetHash(f"{number:064x}"), 0, 1, 1) for number in range(MAX_SHARD_XORBS + 1)]
    with pytest.raises(LimitExceeded):
        named_xorbs(Shard((FileBlock(ONE.hash, Terms.of(many), b"", None),), ()))
    most = Shard((FileBlock(ONE.hash, Terms.of([*many[:-1], many[0]]), b"", None),), ())
    assert named_xorbs(most) == [term.xorb for term in many[:-1]]


def overlapping(xorb: UsableXorb, many: int) -> Shard:
    """Return a shard of one file of different ranges of the same xorb, with correct range hashes and a wrong id."""
    ranges = [(start, 8192 - end) for start in range(64) for end in range(64)][:many]
    terms = [Term(ONE.hash, start, end, end - start) for start, end in ranges]
    hashes = b"".join(range_hash(xorb.index.chunk_hashes(start, end)) for start, end in ranges)
    return Shard((FileBlock(TWO.hash, Terms.of(terms), hashes, None),), ())


def test_a_short_shard_cannot_cost_as_much_as_the_largest_one_through_terms_that_overlap() -> None:
    asked: list[XetHash] = []
    with pytest.raises(LimitExceeded, match="overlapping terms of the shard exceeds the limit of 1,048,576"):
        check_shard(overlapping(big(1), 2040), lambda xorb: asked.append(xorb))
    assert asked == []


def test_runs_that_follow_each_other_in_many_ways_are_refused_before_they_cost_minutes() -> None:
    hashes = b"".join(chunk_hash(b"%d" % number) for number in range(2048))
    runs = [(hashes[: 32 * (2048 - cut)], np.full(2048 - cut, 9)) for cut in range(64)]
    order = [runs[number * number % 61] for number in range(400)] + [runs[number % 64] for number in range(400)]
    with pytest.raises(LimitExceeded, match="the repeated chunks of a file exceeds the limit of 100,000"):
        run_steps(repeated_file_hash(order, 100_000))
    all_lengths = np.concatenate([lengths for _, lengths in order])
    assert run_steps(repeated_file_hash(order)) == file_hash(b"".join(part for part, _ in order), all_lengths)


def test_terms_that_overlap_share_the_memory_of_their_xorb() -> None:
    stored = big(1)
    (file,) = overlapping(stored, 120).files
    assert file.range_hashes is not None
    shard = Shard((attrs.evolve(file, range_hashes=file.range_hashes[:-1] + b"?"),), ())
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="the range hash of term 119 does not match"):
            check_shard(shard, lambda _: stored)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_xorb_that_is_repeated_is_looked_up_and_hashed_once() -> None:
    stored, name, times = big(1), XetHash("1" * 64), 10_000
    hashes, lengths = stored.index.hashes, stored.index.lengths(0, 8192)
    file = run_steps(repeated_file_hash([(hashes, lengths)] * times))
    terms, proof = Terms.of([Term(name, 0, 8192, 8192)] * times), range_hash(hashes)
    asked: list[XetHash] = []

    def find(xorb: XetHash) -> UsableXorb:
        asked.append(xorb)
        return stored

    check_shard(Shard((FileBlock(file, terms, proof * times, None),), ()), find)
    assert asked == [name]
    with pytest.raises(Malformed, match="its hash does not match"):
        check_shard(Shard((FileBlock(ONE.hash, terms, proof * times, None),), ()), find)


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


@pytest.mark.parametrize(("kind", "size"), [("many files", 10_000), ("a file of many terms", 50_000)])
def test_the_steps_of_a_shard_twice_as_large_are_no_longer(kind: str, size: int) -> None:
    def longest_step(count: int) -> int:
        files: tuple[FileBlock, ...] = (FileBlock(ZERO_HASH, Terms.of([]), b"", None),) * count
        if kind != "many files":
            ranges = [Term(XetHash("1" * 64), number % 8000, number % 8000 + 1, 1) for number in range(count)]
            files = (FileBlock(XetHash("2" * 64), Terms.of(ranges), bytes(HASH_BYTES * count), None),)
        data, parsed = encode_shard(Shard(files, ())), list[Shard]()

        def parse() -> Iterator[None]:
            parsed.append((yield from parse_steps(data)))

        works = count_lines_of_steps(parse())
        works += count_lines_of_steps(named_xorbs_steps(parsed[0], {}))
        steps = check_steps(parsed[0], lambda _xorb: big(1))
        works += count_lines_of_steps(steps, Malformed)
        return max(works)

    few, twice = longest_step(size), longest_step(2 * size)
    assert twice < 1.1 * few
    assert twice < 500_000


def test_the_files_of_a_parsed_shard_are_no_objects() -> None:
    files = (FileBlock(ZERO_HASH, Terms.of([]), b"", None),) * 100_000
    data = encode_shard(Shard(files, ()))
    gc.collect()
    before = len(gc.get_objects())
    shard = parse_shard(data)
    assert len(gc.get_objects()) - before < 1_000
    assert (len(shard.files), shard.files[7], list(shard.files[5:7])) == (100_000, files[0], [files[0]] * 2)


def test_a_shard_lists_a_limited_number_of_xorbs() -> None:
    listed = SHARD.xorbs[0]
    with pytest.raises(LimitExceeded, match="xorbs that the shard lists"):
        parse_shard(encode_shard(Shard((), (listed,) * (MAX_SHARD_XORBS + 1))))
