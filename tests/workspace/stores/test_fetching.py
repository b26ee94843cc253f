"""Fetching: every byte is verified, interrupted fetches go on, and damage is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import ChunkMissing, ContentDamaged, DiskFull, InvalidArgument, RecordMissing, StorageUnreachable
from entrepot.names import RepoPath
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores import drafts as drafts_module
from entrepot.workspace.stores import fetch_files, read_plans
from entrepot.workspace.stores.formats.keys import INDEXES, VERSIONS, XORBS
from tests.support.chunk_stores import Desk, Killed, draft_of, noise, write_old_format
from tests.support.progress import RecordedProgress

FILES = {"a/one": noise(300_000, 1), "a/two": noise(90_000, 2), "empty": b"", "same": noise(300_000, 1)}


def test_files_are_what_they_were(desk: Desk) -> None:
    version = desk.publish(FILES)
    reader = desk.other("reader")
    counts = reader.fetch(version)
    assert reader.fetched(version) == FILES
    assert (counts.files, counts.bytes) == (3, 390_000)
    assert counts.bytes_received < 400_000
    assert sorted(os.listdir(reader.drafts)) == sorted({entry.sha256 for entry in version.manifest.files.values()})


def test_ten_small_files_need_one_read(desk: Desk) -> None:
    version = desk.publish({f"f{number}": noise(10_000, number) for number in range(10)})
    reader = desk.other("reader")
    reader.fetch(version)
    assert [verb for verb, _ in reader.bucket.calls].count("read") == 1


def test_a_selection_reads_little_more_than_it_needs(desk: Desk) -> None:
    files = {f"f{number:02}": noise(200_000, number) for number in range(20)}
    version = desk.publish(files)
    reader = desk.other("reader")
    counts = reader.fetch(version, ["f03", "f17"])
    assert reader.fetched(version) == {"f03": files["f03"], "f17": files["f17"]}
    assert counts.bytes_received < 800_000


def test_a_large_file_is_read_in_several_requests(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_plans, "REQUEST_BYTES", 300_000)
    files = {"big": noise(3_000_000, 3)}
    version = desk.publish(files)
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == files
    assert [verb for verb, _ in reader.bucket.calls].count("read") >= 10


def test_progress_reaches_the_size(desk: Desk) -> None:
    version = desk.publish(FILES)
    progress = RecordedProgress()
    fetch_files(desk.store, version.ref, version.manifest, version.manifest.files, desk.drafts, progress=progress)
    assert progress.begun == [("Downloading", 390_000)]
    assert (progress.done, progress.finished) == (390_000, 1)


def test_complete_drafts_are_kept(desk: Desk) -> None:
    version = desk.publish(FILES)
    desk.fetch(version)
    assert desk.fetch(version).bytes_received == 0


def test_an_interrupted_fetch_receives_only_the_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_plans, "REQUEST_BYTES", 300_000)
    files = {"big": noise(3_000_000, 3)}
    version = desk.publish(files)
    reader = desk.other("reader")
    reader.store.threads = 1
    reads = 0

    def kill(verb: str, key: str, number: int) -> None:
        nonlocal reads
        reads += verb == "read"
        if reads > 5:
            raise Killed

    reader.bucket.before = kill
    with pytest.raises(Killed):
        reader.fetch(version)
    assert reader.fetched(version) == {}
    reader.bucket.before = lambda verb, key, number: None
    counts = reader.fetch(version)
    assert reader.fetched(version) == files
    assert counts.bytes_received < 2_000_000


def test_a_part_with_wrong_bytes_is_received_again(desk: Desk) -> None:
    version = desk.publish(FILES)
    reader = desk.other("reader")
    reader.drafts.mkdir()
    entry = version.manifest.files[RepoPath("a/one")]
    (reader.drafts / f"{entry.sha256}.part").write_bytes(b"\0" * 400_000)
    reader.fetch(version)
    assert reader.fetched(version) == FILES


def test_a_kill_at_any_step_leaves_no_wrong_draft(tmp_path: Path, desk: Desk) -> None:
    version = desk.publish(FILES)
    counted = desk.other("counted")
    counted.fetch(version)
    for step in range(1, len(counted.bucket.calls) + 1):
        reader = desk.other(f"reader{step}")

        def kill(verb: str, key: str, number: int, step: int = step) -> None:
            if number >= step:
                raise Killed

        reader.bucket.before = kill
        with pytest.raises(Killed):
            reader.fetch(version)
        assert all(FILES[path] == data for path, data in reader.fetched(version).items())
        reader.bucket.before = lambda verb, key, number: None
        reader.fetch(version)
        assert reader.fetched(version) == FILES


def test_a_flipped_bit_of_a_pack_is_noticed(desk: Desk) -> None:
    version = desk.publish(FILES)
    [pack] = desk.list_keys(XORBS)
    desk.damage(pack, 1000)
    reader = desk.other("reader")
    with pytest.raises(ContentDamaged, match=r"xorbs.*'a/one'.*remote-fsck"):
        reader.fetch(version)
    assert "a/one" not in reader.fetched(version)


def test_everything_that_is_not_damaged_is_fetched(desk: Desk) -> None:
    version = desk.publish({"a": noise(100_000, 1)})
    both = {"a": noise(100_000, 1), "b": noise(100_000, 2)}
    desk.pack(both)
    version = desk.draft(both, 2)
    desk.push(version)
    desk.outbox.keep_only(set())
    second = next(key for key in desk.bucket.written()[::-1] if key.startswith(XORBS))
    desk.damage(second)
    reader = desk.other("reader")
    with pytest.raises(ContentDamaged, match="'b'"):
        reader.fetch(version)
    assert reader.fetched(version) == {"a": both["a"]}


def test_a_missing_pack_is_named_with_the_files(desk: Desk) -> None:
    version = desk.publish(FILES)
    [pack] = desk.list_keys(XORBS)
    desk.bucket.bucket.delete(pack)
    with pytest.raises(ChunkMissing, match=r"xorbs.*missing in memory.*'a/one', 'a/two'"):
        desk.fetch(version)


def test_a_missing_index_is_named(desk: Desk) -> None:
    version = desk.publish(FILES)
    [index] = desk.list_keys(INDEXES)
    desk.bucket.bucket.delete(index)
    with pytest.raises(ChunkMissing, match="indexes"):
        desk.other("reader").fetch(version)


def test_a_damaged_index_is_named(desk: Desk) -> None:
    version = desk.publish(FILES)
    [index] = desk.list_keys(INDEXES)
    desk.damage(index)
    with pytest.raises(ContentDamaged, match="indexes"):
        desk.other("reader").fetch(version)


def test_a_missing_record_is_named(desk: Desk) -> None:
    version = desk.publish(FILES)
    desk.bucket.bucket.delete(desk.list_keys(VERSIONS)[0])
    with pytest.raises(RecordMissing, match=r"images 1.*remote-fsck"):
        desk.other("reader").fetch(version)


def test_a_damaged_record_is_named(desk: Desk) -> None:
    version = desk.publish(FILES)
    desk.damage(desk.list_keys(VERSIONS)[0], 0)
    with pytest.raises(ContentDamaged, match="root record"):
        desk.other("reader").fetch(version)


def test_an_index_that_lies_about_a_content_is_noticed(desk: Desk) -> None:
    honest = desk.publish(FILES)
    entry = honest.manifest.files[RepoPath("a/two")]
    lying = Manifest({RepoPath("a/two"): ManifestEntry(sha256=entry.sha256, size=entry.size - 1)})
    with pytest.raises(ContentDamaged, match="index"):
        desk.fetch(draft_of(lying), ref=honest.ref)


def test_the_fetch_stops_at_its_limit_of_failures(desk: Desk) -> None:
    version = desk.publish(FILES)
    desk.damage(desk.list_keys(XORBS)[0], 1000)
    with pytest.raises(ContentDamaged):
        desk.fetch(version, fail_limit=0)


def test_an_unreachable_storage_stops_the_fetch(desk: Desk) -> None:
    version = desk.publish(FILES)

    def fail(verb: str, key: str, number: int) -> None:
        if verb == "read":
            raise StorageUnreachable("memory://test", "no route")

    desk.bucket.before = fail
    with pytest.raises(StorageUnreachable):
        desk.fetch(version)


def test_an_unpublished_version_is_read_from_the_outbox(desk: Desk) -> None:
    desk.pack(FILES)
    version = desk.draft(FILES)
    desk.fetch(version, ref=None, outbox=desk.outbox)
    assert desk.fetched(version) == FILES
    assert desk.bucket.calls == []


def test_an_unpublished_version_may_use_published_chunks(desk: Desk) -> None:
    data = noise(2_000_000, 4)
    desk.publish({"f": data})
    files = {"f": b"new" + data}
    desk.pack(files)
    version = desk.draft(files, 2)
    desk.fetch(version, ref=None, outbox=desk.outbox)
    assert desk.fetched(version) == files


def test_an_unpublished_version_without_outbox_is_refused(desk: Desk) -> None:
    with pytest.raises(ChunkMissing, match="outbox"):
        desk.fetch(desk.draft(FILES), ref=None, outbox=desk.outbox)


def test_a_path_that_the_version_does_not_have_is_named(desk: Desk) -> None:
    with pytest.raises(InvalidArgument, match="no/such"):
        desk.fetch(desk.draft(FILES), ["no/such"])


def test_a_full_disk_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    version = desk.publish(FILES)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drafts_module, "_write_at", full)
    with pytest.raises(DiskFull, match=r"drafts.*repository gc"):
        desk.fetch(version)


OLD = {"data/big": noise(700_001, 1), "data/empty": b"", "data/small": b"hello"}


def test_the_old_format_is_read_in_place(desk: Desk) -> None:
    manifest, documents = write_old_format(desk.bucket.bucket, OLD)
    version = draft_of(manifest, documents=documents)
    counts = desk.fetch(version)
    assert desk.fetched(version) == OLD
    assert (counts.files, counts.bytes) == (3, 700_006)


def test_an_interrupted_fetch_of_the_old_format_goes_on(desk: Desk) -> None:
    manifest, documents = write_old_format(desk.bucket.bucket, OLD)
    version = draft_of(manifest, documents=documents)
    desk.store.threads = 1
    chunks = 0

    def kill(verb: str, key: str, number: int) -> None:
        nonlocal chunks
        chunks += verb == "get"
        if chunks > 7:
            raise Killed

    desk.bucket.before = kill
    with pytest.raises(Killed):
        desk.fetch(version)
    desk.bucket.before = lambda verb, key, number: None
    desk.fetch(version)
    assert desk.fetched(version) == OLD


@pytest.mark.parametrize("what", ["descriptor", "chunk"])
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_damage_of_the_old_format_is_named(desk: Desk, what: str, how: str) -> None:
    manifest, documents = write_old_format(desk.bucket.bucket, {"data/small": b"hello", "data/other": b"other"})
    version = draft_of(manifest, documents=documents)
    descriptor = manifest.files[RepoPath("data/small")].cid
    text = desk.bucket.bucket.get(descriptor, 1000)
    assert text is not None
    chunk = bytes(text.data).decode().split('"')[5]
    key = descriptor if what == "descriptor" else chunk
    if how == "missing":
        desk.bucket.bucket.delete(key)
    else:
        desk.damage(key, 1)
    with pytest.raises(ChunkMissing if how == "missing" else ContentDamaged, match=f"{key}.*'data/small'"):
        desk.fetch(version)
    assert desk.fetched(version) == {"data/other": b"other"}


def test_an_unpublished_version_may_have_contents_of_the_old_format(desk: Desk) -> None:
    old, _ = write_old_format(desk.bucket.bucket, {"data/old": b"old"})
    desk.pack({"new": b"new content"})
    new = desk.draft({"new": b"new content"}).manifest.files
    version = draft_of(Manifest({**new, **old.files}), documents={})
    desk.fetch(version, ref=None, outbox=desk.outbox)
    assert desk.fetched(version) == {"data/old": b"old", "new": b"new content"}


def test_a_version_of_old_and_new_contents(desk: Desk) -> None:
    old, _ = write_old_format(desk.bucket.bucket, {"data/old": noise(300_000, 8)})
    desk.pack({"new": b"new content"})
    new = desk.draft({"new": b"new content"})
    [(path, entry)] = old.files.items()
    mixed = Manifest.of([*new.manifest.files.items(), (path, ManifestEntry(cid=entry.cid, size=300_000))])
    version = draft_of(mixed, 2)
    assert desk.push(version).objects == 4
    reader = desk.other("reader")
    fetch_files(reader.store, version.ref, mixed, mixed.files, reader.drafts, progress=Silent())
    assert reader.fetched(version) == {"data/old": noise(300_000, 8), "new": b"new content"}
