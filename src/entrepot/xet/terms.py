"""Terms: the ranges of chunks that a file consists of.

They are kept as the 48-byte records of shards, because a large file has hundreds
of thousands of terms and only a few are accessed.
Source: docs/protocols/xet.md, section 6.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator, KeysView, Sequence
from typing import TYPE_CHECKING

import attrs

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.chunk_sets import pack_ranges
from entrepot.xet.hashes import Buffer, encode_hash, read_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

TERM_BYTES = 48
PIECE = 10_000
"""How many terms are read in about a hundredth of a second."""

_HASH_BYTES = 32

_RECORD = struct.Struct("<32sIIII")


@functools.cache
def _layout() -> np.dtype[np.void]:
    return np.dtype([("xorb", "V32"), ("flags", "<u4"), ("unpacked", "<u4"), ("start", "<u4"), ("end", "<u4")])


class WorkCounter:
    """Counts the work of a generator, so that it yields after pieces of about the same length.

    Args:
        piece: units of work between two yields; a term is about one unit.
    """

    __slots__ = ("_left", "_piece")

    def __init__(self, piece: int = PIECE) -> None:
        self._left = self._piece = piece

    def is_due(self, work: int) -> bool:
        """Count more work; return True, and begin the next piece, when the current one is done."""
        self._left -= work
        if self._left > 0:
            return False
        self._left = self._piece
        return True


@attrs.frozen
class Term:
    """One part of a file: the chunks ``start`` to ``end`` (exclusive) of a xorb, ``unpacked`` bytes long."""

    xorb: XetHash
    start: int
    end: int
    unpacked: int


class Terms:
    """The terms of a file, in order; converted to :class:`Term` values on access.

    Args:
        records: 48 bytes per term.

    Raises:
        Malformed: the last record is truncated.
    """

    __slots__ = ("_records",)

    def __init__(self, records: Buffer) -> None:
        if len(records) % TERM_BYTES:
            raise Malformed("terms", f"{len(records)} bytes are not records of {TERM_BYTES}")
        self._records = bytes(records)

    @classmethod
    def of(cls, terms: Iterable[Term]) -> Terms:
        """Return these terms as a value of this class."""
        return cls(b"".join(_RECORD.pack(encode_hash(t.xorb), 0, t.unpacked, t.start, t.end) for t in terms))

    @classmethod
    def joined(cls, pieces: Sequence[Terms]) -> Terms:
        """Return the terms of all pieces, one after the other."""
        return pieces[0] if len(pieces) == 1 else cls(b"".join(piece.encode() for piece in pieces))

    def __len__(self) -> int:
        return len(self._records) // TERM_BYTES

    def __iter__(self) -> Iterator[Term]:
        # Adjacent terms are often in the same xorb and share one string.
        known, name = b"", XetHash("")
        for raw, _, unpacked, start, end in _RECORD.iter_unpack(self._records):
            if raw != known:
                known, name = raw, _xorb_name(raw)
            yield Term(name, start, end, unpacked)

    def xorbs(self) -> KeysView[XetHash]:
        """Return the xorbs of the terms in the order in which they first occur, without making terms."""
        records = self._records
        raws = dict.fromkeys(records[at : at + _HASH_BYTES] for at in range(0, len(records), TERM_BYTES))
        return dict.fromkeys(map(_xorb_name, raws)).keys()

    def pieces(self) -> Iterator[Terms]:
        """Return the terms in pieces of at most :data:`PIECE`; a generator yields after each."""
        return (self.part(at, at + PIECE) for at in range(0, len(self), PIECE)) if len(self) > PIECE else iter((self,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Terms) and self._records == other._records

    __hash__ = None  # type: ignore[assignment] # comparable but not hashable, like the arrays of an index

    def __repr__(self) -> str:
        return f"Terms(count={len(self)}, size={self.size})"

    def part(self, start: int, end: int) -> Terms:
        """Return the terms ``start`` to ``end`` (exclusive)."""
        return Terms(self._records[TERM_BYTES * start : TERM_BYTES * end])

    def ends(self) -> NDArray[np.int64]:
        """Return the end of each term in the file, in ascending order."""
        return np.cumsum(self._columns()["unpacked"], dtype=np.int64)

    def chunk_ends(self) -> NDArray[np.int64]:
        """Return the number of chunks of the file up to the end of each term."""
        columns = self._columns()
        return np.cumsum((columns["end"].astype(np.int64) - columns["start"]).clip(0))

    @property
    def size(self) -> int:
        """The length of the file."""
        return int(self._columns()["unpacked"].sum(dtype=np.int64))

    @property
    def chunk_count(self) -> int:
        """The number of chunks of the file; a chunk that is used twice counts twice."""
        columns = self._columns()
        counts = columns["end"].astype(np.int64) - columns["start"]
        return int(counts.clip(0).sum())

    def used(self) -> dict[XetHash, bytes]:
        """Return the used chunks of each xorb, packed as for :class:`~entrepot.xet.chunk_sets.ChunkSet`."""
        ranges: dict[bytes, set[tuple[int, int]]] = {}
        for raw, _, _, start, end in _RECORD.iter_unpack(self._records):
            ranges.setdefault(raw, set()).add((start, end))
        return {read_hash(raw): pack_ranges(found) for raw, found in ranges.items()}

    def encode(self) -> bytes:
        """Return the records, from which :class:`Terms` can be created again."""
        return self._records

    def _columns(self) -> NDArray[np.void]:
        return np.frombuffer(self._records, _layout())


@functools.lru_cache(maxsize=4096)
def _xorb_name(raw: bytes) -> XetHash:
    """Return the name of a xorb; many files of a version are in the same few."""
    return read_hash(raw)
