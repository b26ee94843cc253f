"""Contents of the old format."""

from __future__ import annotations

import pytest

from entrepot.errors import ChunkMissing, ContentDamaged
from entrepot.names import RepoPath
from entrepot.workspace.manifests import CHUNK_BYTES, Cid, cid_of
from entrepot.workspace.stores.legacy_contents import OldChunk, chunks_of, get_descriptor, read_chunk
from tests.support.chunk_stores import Desk, noise, write_old_format

DATA = noise(CHUNK_BYTES + 5, 1)


def test_a_content_is_found_through_its_descriptor(desk: Desk) -> None:
    manifest, _ = write_old_format(desk.bucket.bucket, {"x": DATA})
    chunks = chunks_of(get_descriptor(desk.store, Cid(manifest.files[RepoPath("x")].cid)))
    assert chunks == [
        OldChunk(cid_of(DATA[:CHUNK_BYTES]), 0, CHUNK_BYTES),
        OldChunk(cid_of(DATA[CHUNK_BYTES:]), CHUNK_BYTES, 5),
    ]
    assert b"".join(bytes(read_chunk(desk.store, each.cid, each.length)) for each in chunks) == DATA


def test_missing_and_wrong_objects_are_named(desk: Desk) -> None:
    cid = cid_of(b"right")
    with pytest.raises(ChunkMissing, match=cid):
        read_chunk(desk.store, cid, 5)
    with pytest.raises(ChunkMissing, match=cid):
        get_descriptor(desk.store, cid)
    desk.bucket.bucket.put_new(cid, b"wrong")
    with pytest.raises(ContentDamaged, match=cid):
        read_chunk(desk.store, cid, 5)
    with pytest.raises(ContentDamaged, match=cid):
        get_descriptor(desk.store, cid)


def test_an_object_longer_than_a_chunk_is_not_read(desk: Desk) -> None:
    cid = cid_of(b"x")
    desk.bucket.bucket.put_new(cid, bytes(CHUNK_BYTES + 1))
    with pytest.raises(ContentDamaged):
        read_chunk(desk.store, cid, 1)
