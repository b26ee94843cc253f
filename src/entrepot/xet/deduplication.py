"""Which chunks may be asked for by anybody, and what is answered.

Source: xet, section 9.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np

from entrepot.errors import Malformed
from entrepot.names import XetHash
from entrepot.xet.hashes import HASH_BYTES, Buffer, keyed_chunk_hash
from entrepot.xet.indexes import XorbIndex
from entrepot.xet.shards import Shard, ShardFooter, XorbBlock, encode_shard

_ONE_IN = 1024


@attrs.frozen
class KnownXorb:
    """A xorb that the asking client may use."""

    hash: XetHash
    index: XorbIndex


def eligible_chunks(hashes: Buffer) -> list[int]:
    """The numbers of the chunks that clients ask for because of their hash, about one in 1,024.

    They ask for the first chunk of every file too, whatever its hash is.

    Args:
        hashes: raw chunk hashes, run together.
    """
    last = np.frombuffer(hashes, "<u8")[3::4]
    return [int(number) for number in np.flatnonzero(last % _ONE_IN == 0)]


def dedup_answer(xorbs: Iterable[KnownXorb], key: bytes, created: int, expires: int) -> bytes:
    """The shard that tells a client which chunks it need not send.

    Chunk hashes are keyed, so that only somebody who has a chunk already can
    recognise it.

    Args:
        key: 32 bytes, random for each answer; 32 zero bytes mean "not keyed".
        created, expires: Unix seconds.

    Raises:
        Malformed: the key has not 32 bytes.
    """
    if len(key) != HASH_BYTES:
        raise Malformed("deduplication key", f"it has {len(key)} bytes, not 32")
    blocks = tuple(
        XorbBlock(xorb.hash, _keyed(xorb.index.hashes, key), xorb.index.raw_ends, xorb.index.size) for xorb in xorbs
    )
    return encode_shard(Shard((), blocks, ShardFooter(key, created, expires)))


def _keyed(hashes: bytes, key: bytes) -> bytes:
    if not any(key):
        return hashes
    view = memoryview(hashes)
    return b"".join([keyed_chunk_hash(view[at : at + HASH_BYTES], key) for at in range(0, len(view), HASH_BYTES)])
