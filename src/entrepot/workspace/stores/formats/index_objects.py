"""Index objects: the chunks of each file, and the pack and offset of each chunk.

``EWSIDX1\\n``, the length of a Xet shard (u64), the shard, then for each xorb of the shard 16 characters of its
layout and the ends of its chunks in the serialized xorb (u32 each); little-endian. The name of an index is the
SHA-256 of all its bytes.
Source: docs/protocols/xet.md, section 6 (the shard).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import numpy as np

from entrepot.errors import ContentMismatch, LimitExceeded, Malformed
from entrepot.names import Sha256, XetHash
from entrepot.workspace.stores.buckets import Data
from entrepot.xet import MAX_XORB_BYTES, FileBlock, Shard, XorbBlock, XorbIndex, encode_shard, parse_shard
from entrepot.xet.indexes import encode_numbers, read_numbers

MAX_INDEX_BYTES = 1 << 29
MAGIC: Final = b"EWSIDX1\n"
LAYOUT_LENGTH = 16

_LENGTH = struct.Struct("<Q")
_LAYOUT = re.compile(rb"[0-9a-f]{16}")
_HEADER_BYTES = 8


@attrs.frozen(eq=False)
class Pack:
    """A xorb as it is stored: its id, the layout of its bytes, and its chunks."""

    hash: XetHash
    layout: str
    index: XorbIndex


@attrs.frozen(eq=False)
class IndexObject:
    """The content of an index object: files by the SHA-256 of their content, and packs by the id of the xorb."""

    files: Mapping[Sha256, FileBlock]
    packs: Mapping[XetHash, Pack]


def encode_index(files: Iterable[FileBlock], packs: Iterable[Pack]) -> bytes:
    """Return the bytes of an index with these files and packs.

    Args:
        files: each with a ``sha256``.
    """
    packs = tuple(packs)
    blocks = tuple(XorbBlock(pack.hash, pack.index.hashes, pack.index.raw_ends, pack.index.size) for pack in packs)
    shard = encode_shard(Shard(tuple(files), blocks))
    tables = [pack.layout.encode("ascii") + encode_numbers(pack.index.ends) for pack in packs]
    return b"".join((MAGIC, _LENGTH.pack(len(shard)), shard, *tables))


def index_name(data: Data) -> str:
    """Return the name of an index: the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def parse_index(data: Data, name: str) -> IndexObject:
    """Return the content of an index.

    Args:
        name: the name under which it was stored.

    Raises:
        ContentMismatch: the bytes do not have this name.
        LimitExceeded: it is longer than 512 MiB.
        Malformed: it violates the format. That terms lie within their packs is checked when they are used.
    """
    if len(data) > MAX_INDEX_BYTES:
        raise LimitExceeded("an index", MAX_INDEX_BYTES, "another program may have written it")
    found = index_name(data)
    if found != name:
        raise ContentMismatch("name of the index", name, found)
    view = memoryview(data)
    start = len(MAGIC) + _LENGTH.size
    if len(view) < start or bytes(view[: len(MAGIC)]) != MAGIC:
        raise Malformed("index", "it does not begin like an index")
    (length,) = _LENGTH.unpack_from(view, len(MAGIC))
    if length > len(view) - start:
        raise Malformed("index", f"its shard of {length:,} bytes is cut off")
    shard = parse_shard(view[start : start + length])
    files = {block.sha256: block for block in shard.files if block.sha256 is not None}
    if len(files) != len(shard.files):
        raise Malformed("index", "a file has no SHA-256, or is listed twice")
    return IndexObject(files, _read_packs(view[start + length :], shard.xorbs))


def _read_packs(tables: memoryview, blocks: Iterable[XorbBlock]) -> dict[XetHash, Pack]:
    packs: dict[XetHash, Pack] = {}
    at = 0
    for block in blocks:
        end = at + LAYOUT_LENGTH + 4 * len(block.raw_ends)
        layout = bytes(tables[at : at + LAYOUT_LENGTH])
        if end > len(tables) or not _LAYOUT.fullmatch(layout):
            raise Malformed("index", f"the table of xorb {block.hash} is cut off or has no layout")
        index = XorbIndex(block.hashes, read_numbers(tables[at + LAYOUT_LENGTH : end]), block.raw_ends)
        _check_ends(block, index)
        packs[block.hash] = Pack(block.hash, layout.decode("ascii"), index)
        at = end
    if at != len(tables):
        raise Malformed("index", f"{len(tables) - at:,} bytes follow its end")
    return packs


def _check_ends(block: XorbBlock, index: XorbIndex) -> None:
    sizes = np.diff(np.frombuffer(index.ends, np.uint32).astype(np.int64), prepend=0)
    if sizes.min() <= _HEADER_BYTES or index.size > MAX_XORB_BYTES or index.size != block.size:
        raise Malformed("index", f"the chunk offsets of the xorb {block.hash} are not valid")
