"""Content stored as chunks: xorbs in ``blobs``, their indexes and the files made of them in the catalog."""

from __future__ import annotations

import bisect
import hashlib
import threading
import time
from collections.abc import Callable, Iterator

import attrs

from entrepot.blobs import Reader, open_stored, xorb_key
from entrepot.catalog import Read
from entrepot.catalog.files import xet_files, xorbs
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.errors import BlobMissing, ContentMismatch, Malformed, XorbDamaged
from entrepot.names import XetFileId, XetHash
from entrepot.storage.store import Store
from entrepot.xet import Term, Terms, XorbIndex, decode_chunks, open_chunks, read_index, verify_chunks

_BLOCK = 1 << 20
_TRUSTED_S = 1.0
"""How long a content uses a xorb without asking again whether it is intact and where. To ask for each megabyte took a
tenth of the CPU time of a download."""


@attrs.frozen
class StoredXorb:
    """The blob key of a stored xorb, and the index of its chunks."""

    hash: XetHash
    key: str
    index: XorbIndex


def row_of(xorb: XetHash, index: XorbIndex) -> XorbRow:
    """Return the catalog row of a verified xorb."""
    return XorbRow(xorb, index.size, index.raw_size, index.count, index.encode(), False)


def key_of(row: XorbRow) -> str:
    """Return the blob key of the bytes that a row's directory describes."""
    return xorb_key(row.hash, hashlib.blake2b(row.directory, digest_size=8).hexdigest())


def find_xorb(store: Store, tx: Read, xorb: XetHash) -> StoredXorb | None:
    """Return a stored xorb, or None if it is not stored. Its index is cached until its bytes are replaced.

    Raises:
        XorbDamaged: the xorb is in quarantine.
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
    assert row is not None  # the same snapshot has its state
    found = StoredXorb(xorb, key_of(row), read_index(row.directory))
    store.indexes.drop(xorb)  # drops the index of bytes that were replaced, perhaps by another process
    store.indexes.put(xorb, (state.since_ms, found.key, found.index))
    return found


def get_xorb(store: Store, tx: Read, xorb: XetHash) -> StoredXorb:
    """Return a stored xorb that a file needs.

    Raises:
        XorbDamaged: the xorb is in quarantine, or missing from the catalog.
    """
    found = find_xorb(store, tx, xorb)
    if found is None:
        raise XorbDamaged(xorb)
    return found


def terms_of(tx: Read, file: XetFileId) -> Terms | None:
    """Return the terms of a file, or None if the file does not exist."""
    row = xet_files.find(tx, file)
    return None if row is None else Terms(row.terms)


class ChunkedContent:
    """A file made of chunks, readable at any offset; reads ahead for sequential readers. Thread-safe."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        find: Callable[[XetHash], StoredXorb],
        report: Callable[[XetHash], object] = lambda _xorb: None,
        *,
        is_hashed: bool = True,
    ) -> None:
        """Create the content that ``terms`` describe.

        Args:
            find: returns a xorb of the file; called while reading.
            report: called with each xorb whose bytes are found damaged or missing.
            is_hashed: False if the reader compares a hash of the whole content; damage of single bytes is
                then not found while reading.
        """
        self._is_hashed = is_hashed
        self._report = report
        self.size = terms.size
        self._store = store
        self._terms = terms
        self._ends = terms.ends()
        self._find = find
        self._lock = threading.Lock()
        self._held = _Held(0, [], [])
        self._found: StoredXorb | None = None
        self._asked_s = 0.0

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end.

        Raises:
            BlobMissing, XorbDamaged, Damaged: bytes of the file are missing or damaged.
        """
        return b"".join(self.pieces_at(offset, length))

    def pieces_at(self, offset: int, length: int) -> list[memoryview]:
        """Return the same bytes as :meth:`read_at` without joining them; errors as there."""
        stop = min(offset + length, self.size)
        pieces: list[memoryview] = []
        with self._lock:
            while offset < stop:
                if not self._held.begin <= offset < self._held.end:
                    self._hold(offset, stop)
                pieces += self._held.pieces(offset, stop)
                offset = self._held.end
        return pieces

    def close(self) -> None:
        """Release the decoded bytes."""
        self._held = _Held(0, [], [])

    def _hold(self, offset: int, stop: int) -> None:
        """Decode and keep the chunks from ``offset`` on, at most one term.

        The first call decodes up to ``stop``, later calls about 1 MiB.
        """
        number = bisect.bisect_right(self._ends, offset)
        term: Term = next(iter(self._terms.part(number, number + 1)))
        remembered = self._remembered(term.xorb)
        xorb = remembered or self._ask(term.xorb)
        index = xorb.index
        begin = int(self._ends[number]) - term.unpacked
        base = index.raw_offset(term.start)
        start = bisect.bisect_right(index.raw_ends, base + offset - begin, term.start, term.end)
        # Most readers read one block only; those who read a second one read sequentially.
        reads_on = bool(self._held.ends) and offset == self._held.end
        until = base + (offset + _BLOCK if reads_on else min(stop, offset + _BLOCK)) - begin
        end = min(bisect.bisect_left(index.raw_ends, until, start, term.end) + 1, term.end)
        try:
            chunks = read_stored(self._store, xorb, start, end, is_hashed=self._is_hashed)
        except (BlobMissing, XorbDamaged):
            self._found = None
            if remembered is None:
                self._report(xorb.hash)
                raise
            self._hold(offset, stop)  # it may have been replaced in the meantime
            return
        shift = begin - base
        ends = [shift + raw_end for raw_end in index.raw_ends[start:end]]
        self._held = _Held(shift + index.raw_offset(start), ends, chunks)

    def _remembered(self, xorb: XetHash) -> StoredXorb | None:
        found, is_recent = self._found, time.monotonic() < self._asked_s + _TRUSTED_S
        return found if found is not None and found.hash == xorb and is_recent else None

    def _ask(self, xorb: XetHash) -> StoredXorb:
        asked_s = time.monotonic()
        found = self._find(xorb)
        self._found, self._asked_s = found, asked_s
        return found


@attrs.frozen
class _Held:
    """Decoded chunks: the offset of the first one in the file, the end of each, and their bytes."""

    begin: int
    ends: list[int]
    chunks: list[memoryview] = attrs.field(repr=False)

    @property
    def end(self) -> int:
        return self.ends[-1] if self.ends else self.begin

    def pieces(self, offset: int, stop: int) -> list[memoryview]:
        """Return the bytes from ``offset``, which must be held, to ``stop`` or the end of the held bytes."""
        first = bisect.bisect_right(self.ends, offset)
        last = bisect.bisect_left(self.ends, stop, first, len(self.ends) - 1)
        found = self.chunks[first : last + 1]
        found[-1] = found[-1][: len(found[-1]) - max(0, self.ends[last] - stop)]
        found[0] = found[0][offset - (self.ends[first - 1] if first else self.begin) :]
        return found


def read_stored(store: Store, xorb: StoredXorb, start: int, end: int, *, is_hashed: bool = True) -> list[memoryview]:
    """Return the uncompressed bytes of each of the given chunks of a stored xorb.

    Args:
        is_hashed: False if the caller compares a hash of the whole content.

    Raises:
        BlobMissing: its bytes are missing.
        XorbDamaged: the stored bytes are not these chunks; none of them is returned.
    """
    first, stop = xorb.index.offset(start), xorb.index.offset(end)
    with store.blobs.open(xorb.key) as reader:
        data = reader.read_at(first, stop - first)
    try:
        return (open_chunks if is_hashed else decode_chunks)(data, xorb.index, start, end)
    except (Malformed, ContentMismatch) as error:
        raise XorbDamaged(xorb.hash) from error


def check_stored(store: Store, xorb: StoredXorb) -> None:
    """Verify the hash of every chunk of a stored xorb, a few megabytes at a time.

    Raises:
        BlobMissing, BlobUnreadable, XorbDamaged: the bytes are missing, unreadable or wrong.
    """
    with open_stored(store.blobs, xorb.key) as reader:
        for _ in read_verified(reader, xorb):
            pass


def read_verified(reader: Reader, xorb: StoredXorb) -> Iterator[bytes]:
    """Yield all stored bytes of a xorb, about a megabyte at a time, each after the hash of every chunk is verified.

    Raises:
        BlobMissing, BlobUnreadable, XorbDamaged: the bytes are missing, unreadable or wrong.
    """
    index = xorb.index
    if reader.size != index.size:
        raise XorbDamaged(xorb.hash)
    for start, end in _blocks(index):
        data = reader.read_at(index.offset(start), index.stored_length(start, end))
        try:
            verify_chunks(data, index, start, end)
        except (Malformed, ContentMismatch) as error:
            raise XorbDamaged(xorb.hash) from error
        yield data


def _blocks(index: XorbIndex) -> Iterator[tuple[int, int]]:
    start = 0
    while start < index.count:
        end = bisect.bisect_left(index.raw_ends, index.raw_offset(start) + _BLOCK, start + 1, index.count)
        yield start, max(end, start + 1)
        start = max(end, start + 1)
