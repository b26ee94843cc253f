"""Where contents are."""

from __future__ import annotations

import hashlib

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import ChunkMissing, ContentDamaged
from entrepot.workspace.manifests import MANIFEST
from entrepot.workspace.stores import migrate_version
from entrepot.workspace.stores.formats.keys import MANIFESTS, manifest_key
from entrepot.workspace.stores.locating import locate, read_document, read_stored_manifest
from tests.support.chunk_stores import Desk, draft_of, write_old_format


def test_the_stored_manifest_is_that_of_git(desk: Desk) -> None:
    version = desk.publish({"a": b"x"})
    sha256 = hashlib.sha256(version.documents[MANIFEST]).hexdigest()
    assert read_stored_manifest(desk.store, sha256) == version.manifest
    assert bytes(read_document(desk.store, manifest_key(sha256))) == version.documents[MANIFEST]


def test_a_manifest_in_parts_is_read_back(desk: Desk) -> None:
    files = {f"f{number:05}": b"" for number in range(20_001)}
    version = desk.draft(files)
    desk.pack({"f": b""})
    desk.push(version)
    sha256 = hashlib.sha256(version.documents[MANIFEST]).hexdigest()
    assert len(desk.list_keys(MANIFESTS)) == len(version.documents) > 2
    assert read_stored_manifest(desk.store, sha256) == version.manifest


def test_a_missing_or_wrong_document_is_named(desk: Desk) -> None:
    desk.publish({"a": b"x"})
    [key] = desk.list_keys(MANIFESTS)
    desk.damage(key)
    with pytest.raises(ContentDamaged, match=key):
        read_document(desk.store, key)
    desk.bucket.bucket.delete(key)
    with pytest.raises(ChunkMissing, match=key):
        read_stored_manifest(desk.store, key.rpartition("/")[2])


def test_old_contents_are_located_in_chunks_after_a_migration(desk: Desk) -> None:
    manifest, documents = write_old_format(desk.bucket.bucket, {"x": b"old"})
    version = draft_of(manifest, documents=documents)
    [entry] = manifest.files.values()
    assert locate(desk.store, version.ref, [entry], manifest, None).find(entry) is None
    migrate_version(desk.store, version, progress=Silent())
    found = locate(desk.store, version.ref, [entry], manifest, None).find(entry)
    assert found is not None
    assert found.sha256 == hashlib.sha256(b"old").hexdigest()
