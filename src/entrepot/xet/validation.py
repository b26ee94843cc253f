"""Is a shard true? Its files are compared with the chunks that the hub has.

A client cannot register a file made of chunks that it does not know: it
proves each term by a range hash, and the id of the file is computed again.
Whether a xorb may be used by the caller at all is for the caller of this
module to decide: the lookup finds only what may be used.

Source: xet, section 8.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from entrepot.errors import ContentMismatch, LimitExceeded, Malformed, XorbMissing
from entrepot.names import XetHash
from entrepot.xet.hashes import HASH_BYTES, MerkleTree, range_hash, read_hash
from entrepot.xet.indexes import XorbIndex
from entrepot.xet.plans import check_term
from entrepot.xet.shards import FileBlock, Shard, XorbBlock

FindIndex = Callable[[XetHash], XorbIndex | None]
"""Finds the index of a stored xorb that the uploader may use; None if there is none."""

MAX_SHARD_CHUNKS = 1 << 24
"""The most chunks of all files of a shard together: about 1 TiB of content, and 15 s of checking."""


def check_shard(shard: Shard, find: FindIndex) -> None:
    """Make sure that everything an uploaded shard says is true.

    Raises:
        LimitExceeded: its files have more than 16,777,216 chunks together; a
            short shard can name the same chunks again and again, and each
            time costs.
        XorbMissing, Malformed, ContentMismatch: as :func:`check_file` and
            :func:`check_xorb`.
    """
    if sum(file.terms.chunk_count for file in shard.files) > MAX_SHARD_CHUNKS:
        raise LimitExceeded(
            "the number of chunks of the files of the shard", MAX_SHARD_CHUNKS, "upload fewer files at once"
        )
    for xorb in shard.xorbs:
        index = find(xorb.hash)
        if index is None:
            raise XorbMissing(xorb.hash, "the list of new xorbs")
        check_xorb(xorb, index)
    for file in shard.files:
        check_file(file, find)


def check_file(file: FileBlock, find: FindIndex) -> None:
    """Make sure that a file is made of stored chunks, and is the file that its id says.

    Raises:
        XorbMissing: a term names a xorb that is not stored, or not for the
            uploader.
        Malformed: a term does not fit its xorb, range hashes are missing.
        ContentMismatch: a range hash or the id of the file is wrong.

    Guarantees: time is linear in the chunks of the file, about 1 us each;
    call :func:`check_shard` for a bound on their number.
    """
    what = f"the file {file.hash}"
    proofs = file.range_hashes
    if proofs is None or len(proofs) != HASH_BYTES * len(file.terms):
        raise Malformed(what, "its range hashes are missing")
    tree = MerkleTree()
    for number, term in enumerate(file.terms):
        index = find(term.xorb)
        if index is None:
            raise XorbMissing(term.xorb, f"term {number} of {what}")
        try:
            check_term(term, index)
        except Malformed as error:
            raise Malformed(what, f"term {number}, xorb {term.xorb}: {error.reason}") from error
        hashes = index.chunk_hashes(term.start, term.end)
        claimed, proof = proofs[HASH_BYTES * number : HASH_BYTES * (number + 1)], range_hash(hashes)
        if claimed != proof:
            raise ContentMismatch(f"range hash of term {number} of {what}", read_hash(claimed), read_hash(proof))
        tree.add(hashes, index.lengths(term.start, term.end))
    found = tree.file_hash()
    if found != file.hash:
        raise ContentMismatch(f"hash of a file of {len(file.terms)} terms", file.hash, found)


def check_xorb(block: XorbBlock, index: XorbIndex) -> None:
    """Make sure that a shard lists exactly the chunks that the stored xorb has.

    Raises:
        ContentMismatch: other hashes or lengths.
    """
    if block.hashes == index.hashes and block.raw_ends == index.raw_ends:
        return
    shorter = min(len(block.raw_ends), index.count)
    other = _rows(block.hashes)[:shorter] != _rows(index.hashes)[:shorter]
    other |= np.frombuffer(block.raw_ends, np.uint32)[:shorter] != np.frombuffer(index.raw_ends, np.uint32)[:shorter]
    where = int(other.argmax()) if other.any() else shorter
    raise ContentMismatch(
        f"chunk list of xorb {block.hash}",
        f"{index.count} chunks",
        f"{len(block.raw_ends)} chunks that differ from number {where}",
    )


def _rows(hashes: bytes) -> NDArray[np.void]:
    return np.frombuffer(hashes, "V32")
