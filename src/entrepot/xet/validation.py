"""Verification of uploaded shards against the chunks that the hub stores.

The client proves by a range hash that it knows the chunks of each term, and the
server recomputes the id of the file. Whether the client may refer to these
chunks is decided before: the lookup returns which chunks of a xorb it may use,
and a term that goes beyond them fails like one of a xorb that is not stored.

Errors contain nothing that the server has computed: a maliciously wrong shard
reveals only which check failed.

Source: docs/protocols/xet.md, section 8.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

import attrs

from entrepot.errors import LimitExceeded, Malformed, XorbMissing
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.chunk_sets import ChunkSet
from entrepot.xet.hashes import HASH_BYTES, MerkleTree, range_hash
from entrepot.xet.indexes import MAX_CHUNKS, XorbIndex
from entrepot.xet.repeats import FEW_NODES, Run, repeated_file_hash
from entrepot.xet.shards import MAX_SHARD_XORBS, TOO_MANY, FileBlock, Shard, XorbBlock
from entrepot.xet.terms import PIECE, Term, Terms, WorkCounter


@attrs.frozen
class UsableXorb:
    """A stored xorb, and the set of its chunks that the uploader may refer to."""

    index: XorbIndex
    chunks: ChunkSet = attrs.field(factory=ChunkSet.everything)


FindUsable = Callable[[XetHash], UsableXorb | None]
"""A function that returns a stored xorb with chunks that the uploader may use, or None."""

MAX_SHARD_CHUNKS = 1 << 24
"""The maximum number of distinct chunks of all files of a shard: about 1 TiB of content, 15 s to check."""

MAX_OVERLAP = 4
"""How many times more chunks than its distinct ones a large shard may have in overlapping terms."""

MAX_REPEATED_TERMS = 150_000
"""The maximum number of terms of a file with more than a million chunks, most of them repeated."""

_FEW_CHUNKS = 1 << 20
_CHUNKS_A_STEP = 100_000
_FEW_TERMS = 1_000
_TERMS_A_FILE = 10  # as many take as long as the rest of a file
_Range = tuple[XetHash, int, int]


def check_steps(shard: Shard, find: FindUsable) -> Generator[None, None, None]:
    """Check that an uploaded shard is correct; yields after each xorb and each few files, so that others take turns.

    Raises:
        LimitExceeded: its files have more than 16,777,216 distinct chunks together.
        XorbMissing, Malformed: as for :func:`check_files` and :func:`check_xorb`.

    Guarantees: a range of chunks that several terms use is loaded and hashed once; a xorb that is listed several
    times is looked up once.
    """
    checked: dict[XetHash, XorbBlock] = {}
    for xorb in shard.xorbs:
        known = checked.get(xorb.hash)
        if known is not None and (known.hashes, known.raw_ends) == (xorb.hashes, xorb.raw_ends):
            continue
        usable = find(xorb.hash)
        if usable is None:
            raise XorbMissing(xorb.hash, "the list of new xorbs")
        check_xorb(xorb, usable)
        checked[xorb.hash] = xorb
        yield
    yield from check_files(shard.files, find)


def named_xorbs(shard: Shard) -> list[XetHash]:
    """Return the xorbs that a shard lists or refers to, without duplicates.

    Raises:
        LimitExceeded: there are more than 32,768.
    """
    found: dict[XetHash, None] = {}
    for _step in named_xorbs_steps(shard, found):
        pass
    return list(found)


def named_xorbs_steps(shard: Shard, found: dict[XetHash, None]) -> Generator[None, None, None]:
    """Add the xorbs of :func:`named_xorbs` to a dictionary; yields after each few thousand terms or files."""
    found.update(dict.fromkeys(block.hash for block in shard.xorbs))
    work = WorkCounter()
    for file in shard.files:
        for piece in file.terms.pieces():
            found.update(dict.fromkeys(piece.xorbs()))
            if len(found) > MAX_SHARD_XORBS:
                raise LimitExceeded("the number of xorbs that the shard names", MAX_SHARD_XORBS, TOO_MANY)
            if work.is_due(_TERMS_A_FILE + len(piece)):
                yield


def check_files(files: Sequence[FileBlock], find: FindUsable) -> Generator[None, None, None]:
    """Check that files consist of chunks that the uploader may use, and that their ids are correct, step by step.

    Raises:
        LimitExceeded: they have too many distinct chunks, or too many terms that overlap.
        XorbMissing: a term refers to chunks that are not stored, or that the uploader may not use.
        Malformed: a term does not match its xorb, range hashes are missing,
            or a range hash or the id of a file is wrong.

    Guarantees: time is linear in the numbers of terms and distinct chunks,
    about 1 us each; memory in the numbers of terms and of chunks of the xorbs.
    """
    known = yield from _load_ranges(files, find)
    work = WorkCounter()
    for file in files:
        assert file.range_hashes is not None
        if work.is_due(_TERMS_A_FILE):
            yield
        for number, term in enumerate(file.terms):
            if file.range_hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)] != known.digests[_key(term)]:
                raise Malformed(_name(file), f"the range hash of term {number} does not match")
            if work.is_due(2):
                yield
        is_short = len(file.terms) < _FEW_TERMS and file.terms.chunk_count < _CHUNKS_A_STEP
        found = _short_file_hash(file.terms, known) if is_short else (yield from _file_hash(file.terms, known))
        if found != file.hash:
            raise Malformed(_name(file), "its hash does not match its terms")


def check_xorb(block: XorbBlock, usable: UsableXorb) -> None:
    """Check that a shard lists exactly the chunks of the stored xorb.

    Raises:
        XorbMissing: the uploader may not use the whole xorb.
        Malformed: the hashes or lengths differ.
    """
    index = usable.index
    if not usable.chunks.covers(0, index.count):
        raise XorbMissing(block.hash, "the list of new xorbs")
    if block.hashes != index.hashes or block.raw_ends != index.raw_ends:
        raise Malformed(f"the xorb {block.hash}", "its list of chunks does not match")


class _Chunks:
    """The chunks of one xorb, from which those of terms are taken without copies."""

    __slots__ = ("_hashes", "_lengths")

    def __init__(self, index: XorbIndex) -> None:
        self._hashes = memoryview(index.hashes)
        self._lengths = index.lengths(0, index.count)

    def hashes(self, start: int, end: int) -> memoryview:
        """Return the raw hashes of the chunks ``start`` to ``end`` (exclusive)."""
        return self._hashes[HASH_BYTES * start : HASH_BYTES * end]

    def part(self, start: int, end: int) -> Run:
        """Return hashes and lengths of the chunks ``start`` to ``end`` (exclusive)."""
        return self.hashes(start, end), self._lengths[start:end]


@attrs.frozen
class _Known:
    """The range hash of each distinct range of chunks of a shard, and the chunks of its xorbs.

    The dictionary of a large shard has a million entries, none of them an object that collections of garbage look at.
    """

    digests: dict[_Range, bytes] = attrs.field(factory=dict)
    chunks: dict[XetHash, _Chunks] = attrs.field(factory=dict)

    def part(self, term: Term) -> Run:
        """Return hashes and lengths of the chunks of a term."""
        return self.chunks[term.xorb].part(term.start, term.end)


def _load_ranges(files: Sequence[FileBlock], find: FindUsable) -> Generator[None, None, _Known]:
    """Return every distinct range of chunks that the terms refer to; yields after each few of them."""
    places: dict[XetHash, dict[tuple[int, int], int]] = {}
    work = WorkCounter()
    for position, file in enumerate(files):
        if file.range_hashes is None or len(file.range_hashes) != HASH_BYTES * len(file.terms):
            raise Malformed(_name(file), "its range hashes are missing")
        if work.is_due(_TERMS_A_FILE):
            yield
        for number, term in enumerate(file.terms):
            if not 0 <= term.start < term.end:
                raise Malformed(_name(file), f"term {number} has no chunks")
            place = position << 64 | number << 32 | term.unpacked
            first = places.setdefault(term.xorb, {}).setdefault((term.start, term.end), place)
            if first & 0xFFFFFFFF != term.unpacked:
                raise Malformed(_name(file), f"the length of term {number} does not match")
            if work.is_due(1):
                yield
    yield from _check_effort(places)
    known = _Known()
    for xorb, ranges in places.items():
        usable = find(xorb)
        if usable is not None:
            known.chunks[xorb] = _Chunks(usable.index)
        for (start, end), place in ranges.items():
            number, unpacked = place >> 32 & 0xFFFFFFFF, place & 0xFFFFFFFF
            # First of all: chunks that the uploader may not use are treated like absent ones.
            if usable is None or end > usable.index.count or not usable.chunks.covers(start, end):
                raise XorbMissing(xorb, f"term {number} of {_name(files[place >> 64])}")
            if usable.index.raw_length(start, end) != unpacked:
                raise Malformed(_name(files[place >> 64]), f"the length of term {number} does not match")
            known.digests[xorb, start, end] = range_hash(known.chunks[xorb].hashes(start, end))
            if work.is_due(1 + (end - start) // 100):
                yield
        yield
    return known


def _check_effort(xorbs: Mapping[XetHash, Iterable[tuple[int, int]]]) -> Generator[None, None, None]:
    """Check that the ranges of chunks of each xorb are not too many, nor overlap too much, to be hashed.

    Overlapping ranges are hashed one by one, so that without a limit a short
    shard costs as much as the largest one. Yields after each few xorbs.
    """
    total = different = 0
    work = WorkCounter()
    for ranges in xorbs.values():
        pairs = np.fromiter(itertools.chain.from_iterable(ranges), np.int64).reshape(-1, 2)
        starts, ends = pairs[np.argsort(pairs[:, 0], kind="stable")].T
        total += int((ends - starts).sum())
        reached = np.maximum.accumulate(ends)
        new = np.minimum(ends - np.maximum(starts, np.concatenate(([0], reached[:-1]))), MAX_CHUNKS)
        different += int(new.clip(0).sum())
        if work.is_due(10 + len(starts)):
            yield
    if total > MAX_SHARD_CHUNKS:
        raise LimitExceeded("the number of chunks of the files of the shard", MAX_SHARD_CHUNKS, TOO_MANY)
    limit = max(_FEW_CHUNKS, MAX_OVERLAP * different)
    if total > limit:
        raise LimitExceeded("the number of chunks in overlapping terms of the shard", limit, TOO_MANY)


def _short_file_hash(terms: Terms, known: _Known) -> XetHash:
    """Return the id of a file with a few terms and chunks."""
    tree = MerkleTree()
    for term in terms:
        tree.add(*known.part(term))
    return tree.file_hash()


def _file_hash(terms: Terms, known: _Known) -> Generator[None, None, XetHash]:
    """Return the id of the file with these terms; yields after each few thousand of them."""
    different = 0
    ranges: set[_Range] = set()
    for piece in terms.pieces():
        for term in piece:
            if (key := _key(term)) not in ranges:
                ranges.add(key)
                different += term.end - term.start
        if len(terms) > PIECE:
            yield
    if terms.chunk_count <= max(_FEW_CHUNKS, 2 * different):
        tree, work = MerkleTree(), WorkCounter(_CHUNKS_A_STEP)
        for term in terms:
            tree.add(*known.part(term))
            if work.is_due(10 + term.end - term.start):
                yield
        return tree.file_hash()
    if len(terms) > MAX_REPEATED_TERMS:
        raise LimitExceeded("the number of terms of a file that repeats chunks", MAX_REPEATED_TERMS)
    most = max(FEW_NODES, MAX_OVERLAP * different)
    # The same object each time: bytes are hashed once, when they are first compared.
    copied: dict[_Range, Run] = {}
    for start, end in itertools.pairwise((*range(0, len(terms), _FEW_TERMS), len(terms))):
        for term in terms.part(start, end):
            if (key := _key(term)) not in copied:
                hashes, lengths = known.part(term)
                copied[key] = bytes(hashes), lengths
        yield
    return (yield from repeated_file_hash((copied[_key(term)] for term in terms), most))


def _key(term: Term) -> _Range:
    return term.xorb, term.start, term.end


def _name(file: FileBlock) -> str:
    return f"the file {file.hash}"
