"""Content kept as chunks: xorbs in ``blobs``, their indexes and the files made of them in the catalog."""

from __future__ import annotations

import bisect
import hashlib
import threading
from collections.abc import Callable, Iterator

import attrs

from entrepot.blobs import xorb_key
from entrepot.catalog import Read
from entrepot.catalog.files import xet_files, xorbs
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.errors import BlobMissing, ContentMismatch, Malformed, XorbDamaged
from entrepot.names import XetHash
from entrepot.storage.store import Store
from entrepot.xet import Term, Terms, XorbIndex, open_chunks, read_index, verify_chunks

_BLOCK = 1 << 20


@attrs.frozen
class StoredXorb:
    """Where the bytes of a xorb are, and where its chunks lie in them."""

    hash: XetHash
    key: str
    index: XorbIndex


def row_of(xorb: XetHash, index: XorbIndex) -> XorbRow:
    """The row of a verified xorb."""
    return XorbRow(xorb, index.size, index.raw_size, index.count, index.encode(), False)


def key_of(row: XorbRow) -> str:
    """The key of the bytes that a row's directory was made of."""
    return xorb_key(row.hash, hashlib.blake2b(row.directory, digest_size=8).hexdigest())


def find_xorb(store: Store, tx: Read, xorb: XetHash) -> StoredXorb | None:
    """A stored xorb; None when there is none. Its index is remembered as long as its bytes are the same.

    Raises:
        XorbDamaged: it is in quarantine.
    """
    state = xorbs.state(tx, xorb)
    if state is None:
        return None
    if state.is_damaged:
        raise XorbDamaged(xorb)
    known = store.indexes.find(xorb)
    if known is not None and known[0] == state.since_ms:
        return StoredXorb(xorb, known[1], known[2])
    row = xorbs.find(tx, xorb)
    assert row is not None  # the same snapshot has its standing
    found = StoredXorb(xorb, key_of(row), read_index(row.directory))
    store.indexes.drop(xorb)  # of bytes that were replaced, perhaps by another process
    store.indexes.put(xorb, (state.since_ms, found.key, found.index))
    return found


def get_xorb(store: Store, tx: Read, xorb: XetHash) -> StoredXorb:
    """A stored xorb that something needs.

    Raises:
        XorbDamaged: it is in quarantine, or the catalog has lost it.
    """
    found = find_xorb(store, tx, xorb)
    if found is None:
        raise XorbDamaged(xorb)
    return found


def terms_of(tx: Read, file: XetHash) -> Terms | None:
    """What a file is made of; None when there is no such file."""
    row = xet_files.find(tx, file)
    return None if row is None else Terms(row.terms)


class ChunkedContent:
    """A file made of chunks, readable at any offset; decodes ahead for whoever reads on. Thread-safe."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        find: Callable[[XetHash], StoredXorb],
        report: Callable[[XetHash], object] = lambda _xorb: None,
    ) -> None:
        """Read what ``terms`` describe.

        Args:
            find: gives a xorb of the file; called while reading.
            report: told of a xorb whose bytes are damaged or lost.
        """
        self._report = report
        self.size = terms.size
        self._store = store
        self._terms = terms
        self._ends = terms.ends()
        self._find = find
        self._lock = threading.Lock()
        self._held = _Held(0, [], [])

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end.

        Raises:
            BlobMissing, XorbDamaged, Damaged: what it needs is lost.
        """
        stop = min(offset + length, self.size)
        pieces: list[memoryview] = []
        with self._lock:
            while offset < stop:
                if not self._held.begin <= offset < self._held.end:
                    self._hold(offset, stop)
                pieces += self._held.pieces(offset, stop)
                offset = self._held.end
        return b"".join(pieces)

    def close(self) -> None:
        """Let go of the decoded bytes."""
        self._held = _Held(0, [], [])

    def _hold(self, offset: int, stop: int) -> None:
        """Decode the chunks from ``offset`` on: up to ``stop`` at first, then about 1 MiB; at most one term."""
        number = bisect.bisect_right(self._ends, offset)
        term: Term = next(iter(self._terms.part(number, number + 1)))
        xorb = self._find(term.xorb)  # for each block: it may be found damaged, or be mended, while it is read
        index = xorb.index
        begin = int(self._ends[number]) - term.unpacked
        base = index.raw_offset(term.start)
        start = bisect.bisect_right(index.raw_ends, base + offset - begin, term.start, term.end)
        # Few read more than one piece of what they open; those who do read the next one.
        reads_on = bool(self._held.ends) and offset == self._held.end
        until = base + (offset + _BLOCK if reads_on else min(stop, offset + _BLOCK)) - begin
        end = min(bisect.bisect_left(index.raw_ends, until, start, term.end) + 1, term.end)
        try:
            chunks = read_stored(self._store, xorb, start, end)
        except (BlobMissing, XorbDamaged):
            self._report(xorb.hash)
            raise
        shift = begin - base
        ends = [shift + raw_end for raw_end in index.raw_ends[start:end]]
        self._held = _Held(shift + index.raw_offset(start), ends, chunks)


@attrs.frozen
class _Held:
    """Decoded chunks: where the first one begins in the file, where each ends, and their bytes."""

    begin: int
    ends: list[int]
    chunks: list[memoryview] = attrs.field(repr=False)

    @property
    def end(self) -> int:
        return self.ends[-1] if self.ends else self.begin

    def pieces(self, offset: int, stop: int) -> list[memoryview]:
        """The bytes from ``offset``, which must be held, to ``stop`` or the last one that is held."""
        first = bisect.bisect_right(self.ends, offset)
        last = bisect.bisect_left(self.ends, stop, first, len(self.ends) - 1)
        found = self.chunks[first : last + 1]
        found[-1] = found[-1][: len(found[-1]) - max(0, self.ends[last] - stop)]
        found[0] = found[0][offset - (self.ends[first - 1] if first else self.begin) :]
        return found


def read_stored(store: Store, xorb: StoredXorb, start: int, end: int) -> list[memoryview]:
    """The uncompressed bytes of each of some chunks of a stored xorb.

    Raises:
        BlobMissing: the store has lost it.
        XorbDamaged: the stored bytes are not these chunks; none of them is returned.
    """
    first, stop = xorb.index.offset(start), xorb.index.offset(end)
    with store.blobs.open(xorb.key) as reader:
        data = reader.read_at(first, stop - first)
    try:
        return open_chunks(data, xorb.index, start, end)
    except (Malformed, ContentMismatch) as error:
        raise XorbDamaged(xorb.hash) from error


def check_stored(store: Store, xorb: StoredXorb) -> None:
    """Hash every chunk of a stored xorb, a few megabytes at a time.

    Raises:
        BlobMissing, BlobUnreadable, XorbDamaged: the bytes are gone, unreadable, or not the right ones.
    """
    index = xorb.index
    with store.blobs.open(xorb.key) as reader:
        if reader.size != index.size:
            raise XorbDamaged(xorb.hash)
        for start, end in _blocks(index):
            data = reader.read_at(index.offset(start), index.offset(end) - index.offset(start))
            try:
                verify_chunks(data, index, start, end)
            except (Malformed, ContentMismatch) as error:
                raise XorbDamaged(xorb.hash) from error


def _blocks(index: XorbIndex) -> Iterator[tuple[int, int]]:
    start = 0
    while start < index.count:
        end = bisect.bisect_left(index.raw_ends, index.raw_offset(start) + _BLOCK, start + 1, index.count)
        yield start, max(end, start + 1)
        start = max(end, start + 1)
