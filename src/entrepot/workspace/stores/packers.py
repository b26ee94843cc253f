"""Cutting of contents into chunks, and packing of the chunks that are new.

A content arrives in blocks. Chunks that lie in known packs become references; the others go into the pack that is
being filled. Neighbouring contents share packs, so that reading a folder needs few requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np

from entrepot.names import Sha256, XetHash
from entrepot.workspace.stores.chunk_tables import ChunkTable
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.xet import (
    HASH_BYTES,
    MIN_CHUNK_BYTES,
    ZERO_HASH,
    Chunker,
    FileBlock,
    MerkleTree,
    Term,
    Terms,
    Xorb,
    XorbBuilder,
    chunk_hash,
    file_hash,
)

BLOCK = 8 << 20
"""Bytes of one block of a large content."""

FREE_FRAGMENTS = 8
FRAGMENT_BYTES = 1 << 19
"""A content may have eight fragments, and one more for each of these bytes, before chunks are written again."""

_LONG_RUN = 2 * FRAGMENT_BYTES


@attrs.define(eq=False)
class _Slot:
    """A pack that terms name; the id of the one that is being filled is not known yet."""

    hash: XetHash | None = None


@attrs.define(eq=False)
class _Run:
    """Adjacent chunks of one slot: a term in the making."""

    slot: _Slot
    start: int
    end: int
    length: int


@attrs.define(eq=False)
class _Content:
    """A content whose chunks are placed; some may be in the pack that is being filled."""

    sha256: Sha256
    hash: XetHash
    runs: list[_Run]

    def block(self) -> FileBlock:
        terms = []
        for run in self.runs:
            assert run.slot.hash is not None
            terms.append(Term(run.slot.hash, run.start, run.end, run.length))
        return FileBlock(self.hash, Terms.of(terms), None, self.sha256)


@attrs.frozen
class Digest:
    """The identity of a content that was packed."""

    sha256: Sha256
    size: int


class Packer:
    """Packs contents, one after the other. Not thread-safe.

    Args:
        table: the chunks that are known; those of new packs are added.
        keep: called with each full pack; returns it as it is stored.
        is_known: whether a content needs no file block.
    """

    def __init__(self, table: ChunkTable, keep: Callable[[Xorb], Pack], is_known: Callable[[Sha256], bool]) -> None:
        self._table = table
        self._keep = keep
        self._is_known = is_known
        self._slots: dict[XetHash, _Slot] = {}
        self._contents: dict[Sha256, _Content] = {}
        self._builder = XorbBuilder()
        self._slot = _Slot()
        self._fresh: dict[bytes, tuple[int, int]] = {}
        self.packs: list[Pack] = []
        self.bytes_new = 0

    def add(self, blocks: Iterable[bytes]) -> Digest:
        """Pack a content, given in blocks of about 8 MiB; what ``blocks`` raises passes through."""
        placing = _Placing(self)
        digest = hashlib.sha256()
        chunks = _ChunkReader(digest)
        for data, ends in chunks.read(blocks):
            placing.place(data, ends)
        sha256 = Sha256(digest.hexdigest())
        if sha256 not in self._contents and not self._is_known(sha256):
            self._contents[sha256] = _Content(sha256, placing.file_hash(), placing.runs)
        return Digest(sha256, chunks.size)

    def finish(self) -> tuple[list[FileBlock], list[Pack]]:
        """Close the pack that is being filled; return the files and packs since the last call."""
        self._close()
        files = [content.block() for content in self._contents.values()]
        packs, self.packs = self.packs, []
        self._contents = {}
        return files, packs

    def lookup(self, hashes: bytes, lengths: list[int]) -> list[_Run | None]:
        """Return where known chunks are, as runs of one chunk each."""
        found: list[_Run | None] = []
        for number, known in enumerate(self._table.find(hashes)):
            if known is not None:
                slot = self._slots.setdefault(known.pack.hash, _Slot(known.pack.hash))
                found.append(_Run(slot, known.number, known.number + 1, lengths[number]))
                continue
            fresh = self._fresh.get(hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)])
            found.append(fresh and _Run(self._slot, fresh[0], fresh[0] + 1, lengths[number]))
        return found

    def write(self, chunk: memoryview, raw_hash: bytes) -> _Run:
        """Put a chunk into the pack that is being filled, unless it was put there already."""
        fresh = self._fresh.get(raw_hash)
        if fresh is None:
            if not self._builder.has_room(len(chunk)):
                self._close()
            fresh = self._builder.add(chunk, raw_hash), len(chunk)
            self._fresh[raw_hash] = fresh
            self.bytes_new += len(chunk)
        return _Run(self._slot, fresh[0], fresh[0] + 1, len(chunk))

    def _close(self) -> None:
        if not self._builder.count:
            return
        xorb = self._builder.finish()
        self._builder = XorbBuilder()
        pack = self._keep(xorb)
        self._slot.hash = pack.hash
        self.packs.append(pack)
        self._table.add((pack,))
        self._slots[pack.hash] = self._slot
        self._slot, self._fresh = _Slot(), {}


class _Placing:
    """Places the chunks of one content."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._tree = MerkleTree()
        self._first: tuple[bytes, list[int]] | None = None
        self._count = 0
        self._allowed = FREE_FRAGMENTS * FRAGMENT_BYTES
        self.runs: list[_Run] = []

    def place(self, data: memoryview, ends: list[int]) -> None:
        """Place the chunks of a block; each ends at one of ``ends``."""
        lengths = np.diff(np.array(ends), prepend=0).tolist()
        starts = [0, *ends[:-1]]
        pieces = [data[start:end] for start, end in zip(starts, ends, strict=True)]
        hashes = [chunk_hash(piece) for piece in pieces]
        joined = b"".join(hashes)
        self._note(joined, lengths)
        self._allowed += ends[-1]
        found = self._packer.lookup(joined, lengths)
        if (len(self.runs) + _count_fragments(found)) * FRAGMENT_BYTES > self._allowed:
            found = _without_short_runs(found)
        for piece, raw_hash, known in zip(pieces, hashes, found, strict=True):
            self._append(known or self._packer.write(piece, raw_hash))

    def file_hash(self) -> XetHash:
        """Return the Xet hash of the whole content."""
        if self._first is not None:
            return file_hash(*self._first)
        return self._tree.file_hash() if self._count else ZERO_HASH

    def _note(self, hashes: bytes, lengths: list[int]) -> None:
        # The hash of a file of one chunk is computed in another way, so a short beginning is kept.
        if not self._count and len(lengths) == 1:
            self._first = hashes, lengths
        elif self._first is not None:
            self._tree.add(*self._first)
            self._first = None
        if self._first is None:
            self._tree.add(hashes, lengths)
        self._count += len(lengths)

    def _append(self, run: _Run) -> None:
        last = self.runs[-1] if self.runs else None
        if last is not None and last.slot is run.slot and last.end == run.start:
            last.end, last.length = run.end, last.length + run.length
        else:
            self.runs.append(run)


class _ChunkReader:
    """Cuts blocks into chunks and hashes the content; the next block is cut while the caller packs this one."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest
        self.size = 0

    def read(self, blocks: Iterable[bytes]) -> Iterator[tuple[memoryview, list[int]]]:
        """Yield pieces of the content that consist of whole chunks, and where these end."""
        waiting = iter(blocks)
        first = next(waiting, b"")
        if len(first) < BLOCK:
            yield from self._read_small(first, waiting)
            return
        chunker = Chunker()
        rest = b""
        with ThreadPoolExecutor(1) as thread:
            ahead = thread.submit(self._cut, chunker, first)
            while True:
                data, ends, base = ahead.result()
                following = next(waiting, None)
                if following is not None:
                    ahead = thread.submit(self._cut, chunker, following)
                else:
                    ends += chunker.finish()
                whole = memoryview(rest + data)
                offset = base - len(rest)
                if ends:
                    cut = ends[-1] - offset
                    yield whole[:cut], [end - offset for end in ends]
                    whole = whole[cut:]
                if following is None:
                    return
                rest = bytes(whole)

    def _read_small(self, first: bytes, waiting: Iterator[bytes]) -> Iterator[tuple[memoryview, list[int]]]:
        data = b"".join((first, *waiting))
        self._digest.update(data)
        self.size = len(data)
        if len(data) <= MIN_CHUNK_BYTES:
            ends = [len(data)] if data else []
        else:
            chunker = Chunker()
            ends = chunker.feed(data) + chunker.finish()
        if ends:
            yield memoryview(data), ends

    def _cut(self, chunker: Chunker, data: bytes) -> tuple[bytes, list[int], int]:
        self._digest.update(data)
        base = self.size
        self.size += len(data)
        return data, chunker.feed(data), base


def _count_fragments(found: list[_Run | None]) -> int:
    count, last = 0, None
    for number, run in enumerate(found):
        follows = (
            number > 0
            and (run is None) == (last is None)
            and (run is None or last is None or (run.slot is last.slot and run.start == last.end))
        )
        count += not follows
        last = run
    return count


def _without_short_runs(found: list[_Run | None]) -> list[_Run | None]:
    """Return the same chunks without those known ones that lie in short runs: they are written again."""
    kept: list[_Run | None] = []
    group: list[_Run] = []
    for run in (*found, None):
        if group and (run is None or run.slot is not group[-1].slot or run.start != group[-1].end):
            is_long = sum(each.length for each in group) >= _LONG_RUN
            kept += group if is_long else [None] * len(group)
            group = []
        if run is not None:
            group.append(run)
        else:
            kept.append(None)
    return kept[:-1]
