"""Global deduplication: the chunks that clients may ask for, and the responses.

Source: docs/protocols/xet.md, section 9.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import attrs

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.chunk_sets import ChunkSet
from entrepot.xet.hashes import HASH_BYTES, Buffer, encode_hash, keyed_chunk_hash
from entrepot.xet.indexes import XorbIndex
from entrepot.xet.shards import Shard, ShardFooter, XorbBlock, encode_shard

_ONE_IN = 1024


@attrs.frozen
class KnownXorb:
    """A xorb, and the set of its chunks that the client may use.

    ``is_whole``: the client may know the xorb itself, because it has sent it, or shares it.
    """

    hash: XetHash
    index: XorbIndex
    chunks: ChunkSet = attrs.field(factory=ChunkSet.everything)
    is_whole: bool = True

    def has(self, chunk: XetHash) -> bool:
        """Return whether a chunk is among those that the client may use."""
        there = np.frombuffer(self.index.hashes, "V32") == np.frombuffer(encode_hash(chunk), "V32")
        return bool((there & self.chunks.first(self.index.count)).any())


def eligible_chunks(hashes: Buffer) -> list[int]:
    """Return the indexes of the chunks that clients ask for because of their hash, about one in 1,024.

    Clients also ask for the first chunk of every file, independent of its hash.

    Args:
        hashes: concatenated raw chunk hashes.
    """
    last = np.frombuffer(hashes, "<u8")[3::4]
    return [int(number) for number in np.flatnonzero(last % _ONE_IN == 0)]


@attrs.frozen
class AnsweredRun:
    """Adjacent chunks of a xorb, ``start`` to ``end`` (exclusive), which an answer lists as a xorb with this name."""

    name: XetHash
    index: XorbIndex = attrs.field(repr=False)
    start: int
    end: int


def dedup_answer(runs: Iterable[AnsweredRun], key: bytes, created: int, expires: int) -> bytes:
    """Return the shard that tells a client which chunks it need not upload.

    Chunk hashes are keyed, so only a client that has a chunk can recognise it.

    Args:
        key: 32 bytes, random for each response; 32 zero bytes mean "not keyed".
        created, expires: Unix seconds.

    Raises:
        Malformed: the key does not have 32 bytes.
    """
    if len(key) != HASH_BYTES:
        raise Malformed("deduplication key", f"it has {len(key)} bytes, not 32")
    blocks = tuple(_block(run, key) for run in runs)
    return encode_shard(Shard((), blocks, ShardFooter(key, created, expires)))


def _block(run: AnsweredRun, key: bytes) -> XorbBlock:
    index, start, end = run.index, run.start, run.end
    ends = np.frombuffer(index.raw_ends, np.uint32)[start:end] - np.uint32(index.raw_offset(start))
    keyed = _keyed(index.chunk_hashes(start, end), key)
    return XorbBlock(run.name, keyed, array("I", ends.tobytes()), index.stored_length(start, end))


def _keyed(hashes: bytes, key: bytes) -> bytes:
    if not any(key):
        return hashes
    view = memoryview(hashes)
    return b"".join([keyed_chunk_hash(view[at : at + HASH_BYTES], key) for at in range(0, len(view), HASH_BYTES)])
