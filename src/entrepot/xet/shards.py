"""Shards: descriptions of the chunks of files and of xorbs.

All numbers are little-endian, in records of 48 bytes.
Source: docs/protocols/xet.md, section 6.
"""

from __future__ import annotations

import functools
import struct
from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import overload

import attrs

from entrepot.errors import LimitExceeded, Malformed
from entrepot.names import Sha256, XetHash
from entrepot.xet.arrays import np
from entrepot.xet.compression import MAX_CHUNK_BYTES
from entrepot.xet.hashes import HASH_BYTES, Buffer, encode_hash, read_hash
from entrepot.xet.indexes import MAX_CHUNKS
from entrepot.xet.steps import run_steps
from entrepot.xet.terms import TERM_BYTES, Terms

RECORD_BYTES = TERM_BYTES
FOOTER_BYTES = 200
MAGIC = b"HFRepoMetaData\x00" + bytes.fromhex("55696745 6a7b8157 83a5bdd9 5ccdd14a a9")
VERSION = 2
BOOKEND = b"\xff" * 32 + bytes(16)

MAX_SHARD_XORBS = 1 << 15
"""The maximum number of xorbs that a shard may list, and that it may refer to."""

TOO_MANY = "upload fewer files at a time"
"""The cure for errors about limits of a shard."""

HAS_RANGE_HASHES = 0x80000000
HAS_SHA256 = 0x40000000
_GLOBAL_DEDUP = 0x80000000

_BLOCKS_A_STEP = 10_000
_XORBS_A_STEP = 500

_HEADER = struct.Struct("<32sQQ")
_BLOCK = struct.Struct("<32sIIII")
_FOOTER = struct.Struct("<9Q32sQQ48x4Q")


@functools.cache
def _row() -> np.dtype[np.void]:
    return np.dtype([("hash", "V32"), ("offset", "<u4"), ("length", "<u4"), ("flags", "<u4"), ("zero", "<u4")])


@attrs.frozen
class FileBlock:
    """A file as its uploader describes it; unverified.

    ``range_hashes`` holds one raw hash per term, concatenated, or None if the
    uploader sent none. ``sha256`` is a claim of the uploader.
    """

    hash: XetHash
    terms: Terms
    range_hashes: bytes | None
    sha256: Sha256 | None


@attrs.frozen
class XorbBlock:
    """The chunks of one xorb as an uploader lists them.

    ``hashes`` are raw and concatenated, ``raw_ends`` are the ends of the chunks
    in the uncompressed content, ``size`` is the serialized length or 0 if
    unknown, ``flagged`` are the indexes of the chunks marked for global
    deduplication.
    """

    hash: XetHash
    hashes: bytes
    raw_ends: array[int]
    size: int
    flagged: tuple[int, ...] = ()


@attrs.frozen
class ShardFooter:
    """The footer of a stored shard: the key of its chunk hashes, and two times in Unix seconds."""

    key: bytes
    created: int
    expires: int


class FileBlocks(Sequence[FileBlock]):
    """The files of a parsed shard, kept as its records and converted on access: a shard may have a million.

    As objects, they would take ten times the memory, and each collection of garbage would stop the process for
    seconds to look at them.

    Args:
        records: the file section, checked already.
        starts: where the block of each file begins in it.
    """

    __slots__ = ("_records", "_starts")

    def __init__(self, records: bytes, starts: array[int]) -> None:
        self._records = records
        self._starts = starts

    @classmethod
    def collect(cls, blocks: Iterable[FileBlock | None]) -> Generator[None, None, FileBlocks]:
        """Return files given as objects; yields where they have None in between."""
        records, starts = bytearray(), array("Q")
        for block in blocks:
            if block is None:
                yield
                continue
            starts.append(len(records))
            for piece in _encode_file(block):
                records += piece
        return cls(bytes(records), starts)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> FileBlock: ...

    @overload
    def __getitem__(self, place: slice) -> FileBlocks: ...

    def __getitem__(self, place: int | slice) -> FileBlock | FileBlocks:
        if isinstance(place, slice):
            return FileBlocks(self._records, self._starts[place])
        return self._at(self._starts[place])

    def __iter__(self) -> Iterator[FileBlock]:
        return map(self._at, self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (FileBlocks, tuple)) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment] # as the terms of its files

    def _at(self, start: int) -> FileBlock:
        reader = _Reader(memoryview(self._records), start)
        return _read_file(reader, reader.take(1, "file section"))


@attrs.frozen
class Shard:
    """The content of a shard; ``footer`` is None if there is none, as in uploads of current clients."""

    files: Sequence[FileBlock]
    xorbs: tuple[XorbBlock, ...]
    footer: ShardFooter | None = None


def parse_shard(data: Buffer) -> Shard:
    """Parse a shard of any client, with or without footer.

    Raises:
        Malformed: the bytes violate the format.
        LimitExceeded: it lists more than 32,768 xorbs.

    Guarantees: every count is checked against the available bytes before memory
    is allocated; time and memory are linear in the input, and the result does
    not keep ``data`` alive.
    """
    return run_steps(parse_steps(data))


def parse_steps(data: Buffer) -> Generator[None, None, Shard]:
    """Parse a shard as :func:`parse_shard`; yields after every few thousand records, so that others take turns."""
    reader = _Reader(memoryview(data))
    magic, version, footer_size = _HEADER.unpack(reader.take(1, "header"))
    if magic != MAGIC:
        raise Malformed("shard", "it does not begin like a shard")
    if version != VERSION or footer_size not in (0, FOOTER_BYTES):
        raise Malformed("shard", f"version {version} with a footer of {footer_size} bytes is unknown")
    files_at, starts = reader.at, array("Q")
    while (head := reader.take(1, "file section")) != BOOKEND:
        starts.append(reader.at - RECORD_BYTES - files_at)
        _skip_file(reader, head)
        if len(starts) % _BLOCKS_A_STEP == 0:
            yield
    files = FileBlocks(bytes(reader.view[files_at : reader.at]), starts)
    xorbs_at = reader.at
    xorbs: list[XorbBlock] = []
    while (head := reader.take(1, "xorb section")) != BOOKEND:
        xorbs.append(_read_xorb(reader, head))
        if len(xorbs) > MAX_SHARD_XORBS:
            raise LimitExceeded("the number of xorbs that the shard lists", MAX_SHARD_XORBS, TOO_MANY)
        if len(xorbs) % _XORBS_A_STEP == 0:
            yield
    rest = reader.view[reader.at :]
    # hf_xet 1.1.10 and 1.2.0 remove the footer before they send a shard, but leave its size in the header.
    if footer_size and len(rest):
        return Shard(files, tuple(xorbs), _read_footer(rest, xorbs_at, len(data)))
    if len(rest):
        raise Malformed("shard", f"{len(rest)} bytes follow its end")
    return Shard(files, tuple(xorbs))


def encode_shard(shard: Shard) -> bytes:
    """Return the bytes of a shard, with empty lookup tables before the footer if it has one."""
    pieces = [_HEADER.pack(MAGIC, VERSION, FOOTER_BYTES if shard.footer else 0)]
    for file in shard.files:
        pieces += _encode_file(file)
    pieces.append(BOOKEND)
    xorbs_at = sum(map(len, pieces))
    for xorb in shard.xorbs:
        pieces += _encode_xorb(xorb)
    pieces.append(BOOKEND)
    if shard.footer:
        pieces.append(_encode_footer(shard, shard.footer, xorbs_at, sum(map(len, pieces))))
    return b"".join(pieces)


class _Reader:
    """A reader that returns complete records."""

    __slots__ = ("at", "view")

    def __init__(self, view: memoryview, at: int = 0) -> None:
        self.view = view
        self.at = at

    def take(self, records: int, what: str) -> memoryview:
        end = self.at + records * RECORD_BYTES
        if end > len(self.view):
            raise Malformed("shard", f"its {what} is cut off: {end} bytes are needed, {len(self.view)} are there")
        taken = self.view[self.at : end]
        self.at = end
        return taken


def _skip_file(reader: _Reader, head: memoryview) -> None:
    """Move behind the block of a file without reading more of it than its header."""
    _, flags, count, zero, also_zero = _BLOCK.unpack(head)
    if flags & ~(HAS_RANGE_HASHES | HAS_SHA256) or zero or also_zero:
        raise Malformed("shard", f"the file block at byte {reader.at - RECORD_BYTES} has unknown flags")
    reader.take(count, "list of terms")
    if flags & HAS_RANGE_HASHES:
        reader.take(count, "list of range hashes")
    if flags & HAS_SHA256:
        reader.take(1, "sha256")


def _read_file(reader: _Reader, head: memoryview) -> FileBlock:
    raw, flags, count, _, _ = _BLOCK.unpack(head)
    terms = Terms(reader.take(count, "list of terms"))
    range_hashes = _hash_column(reader.take(count, "list of range hashes")) if flags & HAS_RANGE_HASHES else None
    # The digest is stored by way of the text form of a hash, so its groups of 8 bytes are reversed.
    sha256 = Sha256(read_hash(reader.take(1, "sha256")[:HASH_BYTES])) if flags & HAS_SHA256 else None
    return FileBlock(read_hash(raw), terms, range_hashes, sha256)


def _hash_column(records: memoryview) -> bytes:
    return np.frombuffer(records, np.uint8).reshape(-1, RECORD_BYTES)[:, :HASH_BYTES].tobytes()


def _read_xorb(reader: _Reader, head: memoryview) -> XorbBlock:
    raw, _, count, raw_size, size = _BLOCK.unpack(head)
    name = read_hash(raw)
    if not 1 <= count <= MAX_CHUNKS or raw_size > count * MAX_CHUNK_BYTES:
        raise Malformed("shard", f"xorb {name} cannot have {count} chunks and {raw_size} bytes")
    records = reader.take(count, "list of chunks")
    rows = np.frombuffer(records, _row())
    ends = np.cumsum(rows["length"], dtype=np.int64)
    if ends[-1] != raw_size or rows["offset"][0] != 0 or (rows["offset"][1:] != ends[:-1]).any():
        raise Malformed("shard", f"the chunks of xorb {name} are not contiguous")
    flagged = tuple(np.flatnonzero(rows["flags"] & _GLOBAL_DEDUP).tolist())
    return XorbBlock(name, _hash_column(records), array("I", ends.astype(np.uint32).tobytes()), size, flagged)


def _read_footer(rest: memoryview, xorbs_at: int, size: int) -> ShardFooter:
    """Return the footer at the end of ``rest``; the lookup tables before it are ignored."""
    if len(rest) < FOOTER_BYTES:
        raise Malformed("shard", "its footer is cut off")
    version, files_at, found_xorbs_at, *tables, key, created, expires, _, _, _, footer_at = _FOOTER.unpack(
        rest[-FOOTER_BYTES:]
    )
    tables_at, tables_end = size - len(rest), size - FOOTER_BYTES
    # Writers without lookup tables write any offset for them, some write 0.
    places = [
        at for at, rows in zip(tables[::2], tables[1::2], strict=True) if rows and not tables_at <= at <= tables_end
    ]
    if (version, files_at, found_xorbs_at, footer_at) != (1, RECORD_BYTES, xorbs_at, tables_end) or places:
        raise Malformed("shard", "its footer contradicts the content before it")
    return ShardFooter(key, created, expires)


def _encode_file(file: FileBlock) -> list[bytes]:
    flags = (HAS_RANGE_HASHES if file.range_hashes is not None else 0) | (HAS_SHA256 if file.sha256 else 0)
    pieces = [_BLOCK.pack(encode_hash(file.hash), flags, len(file.terms), 0, 0)]
    pieces.append(file.terms.encode())
    hashes = file.range_hashes or b""
    pieces += [hashes[at : at + HASH_BYTES] + bytes(16) for at in range(0, len(hashes), HASH_BYTES)]
    if file.sha256:
        pieces.append(encode_hash(XetHash(file.sha256)) + bytes(16))
    return pieces


def _encode_xorb(xorb: XorbBlock) -> list[bytes]:
    count = len(xorb.raw_ends)
    ends = np.frombuffer(xorb.raw_ends, np.uint32)
    rows = np.zeros(count, _row())
    rows["hash"] = np.frombuffer(xorb.hashes, "V32")
    rows["offset"][1:] = ends[:-1]
    rows["length"] = ends - rows["offset"]
    rows["flags"][list(xorb.flagged)] = _GLOBAL_DEDUP
    return [_BLOCK.pack(encode_hash(xorb.hash), 0, count, xorb.raw_ends[-1], xorb.size), rows.tobytes()]


def _encode_footer(shard: Shard, footer: ShardFooter, xorbs_at: int, footer_at: int) -> bytes:
    stored = sum(xorb.size for xorb in shard.xorbs)
    raw = sum(xorb.raw_ends[-1] for xorb in shard.xorbs)
    tables = (footer_at, 0) * 3
    sizes = (stored, sum(file.terms.size for file in shard.files), raw, footer_at)
    return _FOOTER.pack(1, RECORD_BYTES, xorbs_at, *tables, footer.key, footer.created, footer.expires, *sizes)
