"""Migration of versions of the old format into chunks."""

from __future__ import annotations

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import ChunkMissing, ContentDamaged
from entrepot.names import RepoPath
from entrepot.workspace.manifests import Manifest, ManifestEntry, render_manifest
from entrepot.workspace.stores import CheckLevel, VersionDraft, check_version, find_sizes, migrate_version
from entrepot.workspace.stores.formats.keys import VERSIONS, XORBS, record_key
from tests.support.chunk_stores import Desk, draft_of, noise, write_old_format

OLD = {"data/big": noise(1_200_001, 1), "data/empty": b"", "data/small": b"hello", "data/same": b"hello"}


def old_version(desk: Desk, files: dict[str, bytes], number: int = 1) -> VersionDraft:
    manifest, documents = write_old_format(desk.bucket.bucket, files)
    return draft_of(manifest, number, documents=documents)


def delete_old(desk: Desk) -> None:
    for key in desk.list_keys("zdj7W"):
        desk.bucket.bucket.delete(key)


def test_a_migrated_version_no_longer_needs_the_old_objects(desk: Desk) -> None:
    version = old_version(desk, OLD)
    counts = migrate_version(desk.store, version, progress=Silent())
    assert counts.objects == 4
    assert desk.list_keys(VERSIONS) == [record_key(version.ref)]
    delete_old(desk)
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == OLD


def test_migrating_again_changes_nothing(desk: Desk) -> None:
    version = old_version(desk, OLD)
    migrate_version(desk.store, version, progress=Silent())
    before = desk.list_keys()
    assert migrate_version(desk.store, version, progress=Silent()).objects == 0
    assert desk.list_keys() == before


def test_versions_share_chunks(desk: Desk) -> None:
    first, more = old_version(desk, OLD), {**OLD, "data/more": b"more"}
    second = old_version(desk, more, 2)
    migrate_version(desk.store, first, progress=Silent())
    counts = migrate_version(desk.store, second, progress=Silent())
    assert counts.bytes_sent < 10_000
    delete_old(desk)
    for version, files in ((first, OLD), (second, more)):
        reader = desk.other(f"reader{version.ref.number}")
        reader.fetch(version)
        assert reader.fetched(version) == files


@pytest.mark.parametrize(("how", "error"), [("missing", ChunkMissing), ("damaged", ContentDamaged)])
def test_a_bad_object_stops_the_migration(desk: Desk, how: str, error: type[Exception]) -> None:
    version = old_version(desk, OLD)
    key = desk.list_keys("zdj7W")[2]
    if how == "missing":
        desk.bucket.bucket.delete(key)
    else:
        desk.damage(key)
    with pytest.raises(error):
        migrate_version(desk.store, version, progress=Silent())
    assert desk.list_keys(VERSIONS) == []


def test_a_store_that_lies_about_a_migration_is_noticed(desk: Desk) -> None:
    version = old_version(desk, {"data/x": b"right"})
    migrate_version(desk.store, version, progress=Silent())
    other = desk.other("other")
    lie = {RepoPath("data/x"): ManifestEntry(cid=version.manifest.files[RepoPath("data/x")].cid, size=5)}
    wrong = old_version(other, {"data/x": b"wrong"}, 2)
    migrate_version(other.store, wrong, progress=Silent())
    reader = desk.other("reader")
    with pytest.raises(ContentDamaged):
        reader.fetch(draft_of(Manifest(lie)), ref=wrong.ref)
    assert reader.fetched(draft_of(Manifest(lie))) == {}


def test_a_version_of_old_and_new_contents_is_migrated(desk: Desk) -> None:
    old = old_version(desk, {"data/old": noise(300_000, 8)})
    [(path, entry)] = old.manifest.files.items()
    desk.pack({"new": b"new content"})
    new = desk.draft({"new": b"new content"}).manifest.files
    mixed = Manifest.of([*new.items(), (path, ManifestEntry(cid=entry.cid, size=300_000))])
    version = draft_of(mixed, 2)
    desk.push(version)
    migrate_version(desk.store, version, progress=Silent())
    delete_old(desk)
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == {"data/old": noise(300_000, 8), "new": b"new content"}


def test_a_new_version_is_left_as_it_is(desk: Desk) -> None:
    version = desk.publish({"x": b"x"})
    before = desk.list_keys()
    migrate_version(desk.store, version, progress=Silent())
    assert desk.list_keys() == before


def test_a_migrated_version_passes_the_check(desk: Desk) -> None:
    version = old_version(desk, OLD)
    migrate_version(desk.store, version, progress=Silent())
    delete_old(desk)
    report = check_version(desk.store, version, level=CheckLevel.PARANOID, progress=Silent())
    assert report.left == ()
    desk.damage(desk.list_keys(XORBS)[0])
    report = check_version(desk.store, version, level=CheckLevel.PARANOID, progress=Silent())
    assert len(report.left) == 1


def test_sizes_are_found(desk: Desk) -> None:
    version = old_version(desk, OLD)
    sized = find_sizes(desk.store, version.manifest, progress=Silent())
    assert {str(path): entry.size for path, entry in sized.files.items()} == {p: len(data) for p, data in OLD.items()}
    assert render_manifest(sized)
    assert find_sizes(desk.store, sized, progress=Silent()) is sized
