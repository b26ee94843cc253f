"""Contents of the old format: a descriptor and chunks of 256 KiB, each an object named by its own digest."""

from __future__ import annotations

import attrs

from entrepot.errors import ChunkMissing, ContentDamaged, ContentMismatch, LimitExceeded, Malformed
from entrepot.workspace.manifests import CHUNK_BYTES, Cid, Descriptor, cid_of, read_descriptor
from entrepot.workspace.manifests.cids import MAX_DESCRIPTOR_BYTES
from entrepot.workspace.stores.buckets import Data
from entrepot.workspace.stores.chunk_stores import ChunkStore

_ATTEMPTS = 2


@attrs.frozen
class OldChunk:
    """A chunk of a content of the old format, and where it begins in the content."""

    cid: Cid
    offset: int
    length: int


def get_descriptor(store: ChunkStore, cid: Cid) -> Descriptor:
    """Return the descriptor of a content.

    Raises:
        ChunkMissing, ContentDamaged: the bucket does not have it, or not as it was written.
    """
    try:
        found = store.legacy.get(cid, MAX_DESCRIPTOR_BYTES)
        if found is None:
            raise ChunkMissing(store.storage, (cid,))
        return read_descriptor(bytes(found.data), cid)
    except (ContentMismatch, Malformed, LimitExceeded) as error:
        raise ContentDamaged(store.storage, (cid,)) from error


def chunks_of(descriptor: Descriptor) -> list[OldChunk]:
    """Return the chunks of a content with their places."""
    chunks, offset = [], 0
    for cid, size in descriptor.links:
        chunks.append(OldChunk(cid, offset, size))
        offset += size
    return chunks


def read_chunk(store: ChunkStore, cid: Cid, length: int) -> Data:
    """Return the bytes of a chunk, verified.

    Raises:
        ChunkMissing, ContentDamaged: the bucket does not have it, or not as it was written.
    """
    for _ in range(_ATTEMPTS):
        try:
            found = store.legacy.get(cid, CHUNK_BYTES)
        except LimitExceeded:
            break
        if found is None:
            raise ChunkMissing(store.storage, (cid,))
        if len(found.data) == length and cid_of(found.data) == cid:
            return found.data
    raise ContentDamaged(store.storage, (cid,))
