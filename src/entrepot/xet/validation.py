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

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING

import attrs

from entrepot.errors import LimitExceeded, Malformed, XorbMissing
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.chunk_sets import ChunkSet
from entrepot.xet.hashes import HASH_BYTES, MerkleTree, range_hash
from entrepot.xet.indexes import MAX_CHUNKS, XorbIndex
from entrepot.xet.repeats import FEW_NODES, repeated_file_hash
from entrepot.xet.shards import FileBlock, Shard, XorbBlock
from entrepot.xet.terms import Term, Terms

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

MAX_SHARD_XORBS = 1 << 15
"""The maximum number of xorbs that a shard may refer to."""

MAX_REPEATED_TERMS = 150_000
"""The maximum number of terms of a file with more than a million chunks, most of them repeated."""

_FEW_CHUNKS = 1 << 20
_FILES_A_STEP = 100
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
    found = dict.fromkeys(block.hash for block in shard.xorbs)
    for file in shard.files:
        found |= dict.fromkeys(term.xorb for term in file.terms)
    if len(found) > MAX_SHARD_XORBS:
        raise LimitExceeded("the number of xorbs that the shard names", MAX_SHARD_XORBS, "upload fewer files at a time")
    return list(found)


def check_files(files: Iterable[FileBlock], find: FindUsable) -> Generator[None, None, None]:
    """Check that files consist of chunks that the uploader may use, and that their ids are correct, step by step.

    Raises:
        LimitExceeded: they have too many distinct chunks, or too many terms that overlap.
        XorbMissing: a term refers to chunks that are not stored, or that the uploader may not use.
        Malformed: a term does not match its xorb, range hashes are missing,
            or a range hash or the id of a file is wrong.

    Guarantees: time is linear in the numbers of terms and distinct chunks,
    about 1 us each; memory in the numbers of terms and of chunks of the xorbs.
    """
    files = tuple(files)
    for file in files:
        if file.range_hashes is None or len(file.range_hashes) != HASH_BYTES * len(file.terms):
            raise Malformed(_name(file), "its range hashes are missing")
    known = yield from _load_ranges(files, find)
    for position, file in enumerate(files):
        if position % _FILES_A_STEP == 0:
            yield
        assert file.range_hashes is not None
        for number, term in enumerate(file.terms):
            if file.range_hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)] != known[_key(term)].digest:
                raise Malformed(_name(file), f"the range hash of term {number} does not match")
        if _file_hash(file.terms, known) != file.hash:
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


@attrs.frozen
class _Part:
    """The chunks of a term: their hashes, lengths and range hash. Terms of one xorb share memory."""

    hashes: memoryview = attrs.field(repr=False, eq=False)
    lengths: NDArray[np.int64] = attrs.field(repr=False, eq=False)
    digest: bytes


class _Chunks:
    """The chunks of one xorb, from which parts are taken without copies."""

    def __init__(self, index: XorbIndex) -> None:
        self._hashes = memoryview(index.hashes)
        self._lengths = index.lengths(0, index.count)

    def part(self, start: int, end: int) -> _Part:
        """Return the chunks ``start`` to ``end`` (exclusive)."""
        hashes = self._hashes[HASH_BYTES * start : HASH_BYTES * end]
        return _Part(hashes, self._lengths[start:end], range_hash(hashes))


def _load_ranges(files: tuple[FileBlock, ...], find: FindUsable) -> Generator[None, None, dict[_Range, _Part]]:
    """Return every distinct range of chunks that the terms refer to; yields after each xorb."""
    terms: dict[XetHash, dict[tuple[int, int], tuple[FileBlock, int, Term]]] = {}
    for file in files:
        for number, term in enumerate(file.terms):
            if not 0 <= term.start < term.end:
                raise Malformed(_name(file), f"term {number} has no chunks")
            first = terms.setdefault(term.xorb, {}).setdefault((term.start, term.end), (file, number, term))
            if first[2].unpacked != term.unpacked:
                raise Malformed(_name(file), f"the length of term {number} does not match")
    _check_effort(ranges.keys() for ranges in terms.values())
    known: dict[_Range, _Part] = {}
    for xorb, ranges in terms.items():
        usable = find(xorb)
        chunks = _Chunks(usable.index) if usable else None
        for (start, end), (file, number, term) in ranges.items():
            # First of all: chunks that the uploader may not use are treated like absent ones.
            if usable is None or chunks is None or end > usable.index.count or not usable.chunks.covers(start, end):
                raise XorbMissing(xorb, f"term {number} of {_name(file)}")
            if usable.index.raw_length(start, end) != term.unpacked:
                raise Malformed(_name(file), f"the length of term {number} does not match")
            known[xorb, start, end] = chunks.part(start, end)
        yield
    return known


def _check_effort(xorbs: Iterable[Iterable[tuple[int, int]]]) -> None:
    """Check that the ranges of chunks of each xorb are not too many, nor overlap too much, to be hashed.

    Overlapping ranges are hashed one by one, so that without a limit a short
    shard costs as much as the largest one.
    """
    total = different = 0
    for ranges in xorbs:
        reached = 0
        for start, end in sorted(ranges):
            total += end - start
            different += min(max(0, end - max(start, reached)), MAX_CHUNKS)
            reached = max(reached, end)
    cure = "upload fewer files at a time"
    if total > MAX_SHARD_CHUNKS:
        raise LimitExceeded("the number of chunks of the files of the shard", MAX_SHARD_CHUNKS, cure)
    limit = max(_FEW_CHUNKS, MAX_OVERLAP * different)
    if total > limit:
        raise LimitExceeded("the number of chunks in overlapping terms of the shard", limit, cure)


def _file_hash(terms: Terms, known: dict[_Range, _Part]) -> XetHash:
    """Return the id of the file with these terms."""
    tree = MerkleTree()
    different = sum(end - start for _, start, end in {_key(term) for term in terms})
    if terms.chunk_count <= max(_FEW_CHUNKS, 2 * different):
        for term in terms:
            part = known[_key(term)]
            tree.add(part.hashes, part.lengths)
        return tree.file_hash()
    if len(terms) > MAX_REPEATED_TERMS:
        raise LimitExceeded("the number of terms of a file that repeats chunks", MAX_REPEATED_TERMS)
    parts = (known[_key(term)] for term in terms)
    most = max(FEW_NODES, MAX_OVERLAP * different)
    return repeated_file_hash(((part.hashes, part.lengths) for part in parts), most)


def _key(term: Term) -> _Range:
    return term.xorb, term.start, term.end


def _name(file: FileBlock) -> str:
    return f"the file {file.hash}"
