"""Publication: what is sent, in which order, and what a kill or a failure at any step leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import ChunkMissing, ContentDamaged, SourceChanged, StorageUnreachable, StoreTooNew
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores import PushCounts, plan_push, push_version
from entrepot.workspace.stores.formats.keys import FORMAT, INDEXES, MANIFESTS, SWEEPS, VERSIONS, XORBS, record_key
from entrepot.workspace.stores.formats.records import encode_json
from entrepot.workspace.stores.formats.sweep_records import SweepRecord
from tests.support.chunk_stores import Desk, Killed, draft_of, memory_bucket, noise
from tests.support.s3_server import S3Server

FILES = {"a/one": noise(300_000, 1), "a/two": noise(90_000, 2), "empty": b"", "same": noise(300_000, 1)}


def test_a_version_is_four_objects(desk: Desk) -> None:
    desk.pack(FILES)
    version = desk.draft(FILES)
    counts = desk.push(version)
    assert counts.objects == 4
    assert counts.bytes_known == 0
    sizes = {found.key: found.size for found in desk.bucket.bucket.list("ws1/")}
    del sizes[FORMAT]
    assert counts.bytes_sent == sum(sizes.values())
    assert len(sizes) == 4


def test_objects_are_written_before_what_names_them(desk: Desk) -> None:
    desk.publish(FILES)
    kinds = [next(kind for kind in (FORMAT, XORBS, INDEXES, MANIFESTS, VERSIONS) if key.startswith(kind))
             for key in desk.bucket.written()]  # fmt: skip
    assert kinds == [FORMAT, XORBS, INDEXES, MANIFESTS, VERSIONS]


def test_a_second_push_sends_nothing(desk: Desk) -> None:
    version = desk.publish(FILES)
    before = desk.list_keys()
    counts = desk.push(version)
    assert (counts.objects, counts.bytes_sent) == (0, 0)
    assert desk.list_keys() == before


def test_the_plan_says_what_the_push_does(desk: Desk) -> None:
    desk.pack(FILES)
    version = desk.draft(FILES)
    desk.store.check_access(is_write=True)
    planned = plan_push(desk.store, desk.outbox, version)
    assert desk.list_keys() == [FORMAT]
    done = desk.push(version)
    assert planned.objects == done.objects
    assert planned.bytes_known == done.bytes_known
    assert abs(planned.bytes_sent - done.bytes_sent) < 1000  # the root record


def test_bytes_in_front_of_a_file_are_all_that_is_sent(desk: Desk) -> None:
    data = noise(3_000_000, 5)
    desk.publish({"big": data})
    files = {"big": noise(1024, 6) + data}
    desk.pack(files)
    counts = desk.push(desk.draft(files, 2))
    assert counts.bytes_sent < 350_000
    other = desk.other("reader")
    version = desk.draft(files, 2)
    other.fetch(version)
    assert other.fetched(version) == files


def test_another_entity_shares_chunks(desk: Desk) -> None:
    desk.publish(FILES)
    other = desk.other("other")
    other.pack(FILES)
    counts = other.push(other.draft(FILES, 1, "labels-of-images"))
    assert counts.objects == 1  # the root record: pack, index and manifest are those of the first entity
    assert counts.bytes_known == 390_000


def test_a_pack_that_became_known_since_it_was_packed_is_not_sent(desk: Desk) -> None:
    other = desk.other("other")
    data = noise(2_000_000, 7)
    desk.pack({"x": b"begin" + data})
    other.publish({"y": data + noise(200_000, 8)}, 1, "elsewhere")
    desk.push(desk.draft({"x": b"begin" + data}))
    packs = [key for key in desk.bucket.written() if key.startswith(XORBS)]
    assert len(packs) == 1  # its first chunk is new, so it is sent
    desk.pack({"z": data})
    counts = desk.push(desk.draft({"z": data}, 2))
    assert counts.bytes_known == 2_000_000


def test_a_wholly_known_pack_is_replaced_by_references(desk: Desk) -> None:
    files = {"x": noise(700_000, 9)}
    desk.pack(files)
    desk.other("other").publish({"y": files["x"], "more": noise(500_000, 10)}, 1, "elsewhere")
    desk.push(desk.draft(files))
    assert [key for key in desk.bucket.written() if key.startswith(XORBS)] == []
    reader = desk.other("reader")
    version = desk.draft(files)
    reader.fetch(version)
    assert reader.fetched(version) == files


def steps_of(tmp_path: Path) -> int:
    counted = Desk.create(tmp_path, name="counted")
    counted.pack(FILES)
    counted.bucket.calls.clear()
    counted.push(counted.draft(FILES))
    return len(counted.bucket.calls)


def test_a_kill_at_any_step_leaves_nothing_visible_and_the_next_push_completes(tmp_path: Path) -> None:
    for step in range(1, steps_of(tmp_path) + 1):
        desk = Desk.create(tmp_path, name=f"desk{step}")
        desk.pack(FILES)
        version = desk.draft(FILES)

        def kill(verb: str, key: str, number: int, step: int = step) -> None:
            if number >= step:
                raise Killed

        desk.bucket.before = kill
        with pytest.raises(Killed):
            desk.push(version)
        assert record_key(version.ref) not in desk.list_keys()
        desk.bucket.before = lambda verb, key, number: None
        sent = [key for key in desk.list_keys() if key != FORMAT]
        counts = desk.push(version)
        assert counts.objects == 4 - len(sent)
        reader = desk.other(f"reader{step}")
        reader.fetch(version)
        assert reader.fetched(version) == FILES


def test_failures_up_to_the_limit_are_tried_before_the_push_gives_up(desk: Desk) -> None:
    desk.pack(FILES)

    def fail(verb: str, key: str, number: int) -> None:
        if verb == "put_new" and key.startswith(XORBS):
            raise StorageUnreachable("memory://test", "broken pipe")

    desk.bucket.before = fail
    with pytest.raises(StorageUnreachable):
        push_version(desk.store, desk.outbox, desk.draft(FILES), progress=Silent(), fail_limit=3)
    assert not any(key.startswith(VERSIONS) for key in desk.list_keys())


def test_a_truncated_pack_in_the_bucket_is_replaced(desk: Desk) -> None:
    desk.pack(FILES)
    version = desk.draft(FILES)
    [name] = [name for name, _ in desk.outbox.list_packs()]
    key = f"{XORBS}{name[:2]}/{name[2:4]}/{name}"
    desk.bucket.bucket.put_new(key, b"the first bytes of an upload")
    desk.push(version)
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == FILES


def test_a_damaged_pack_of_the_outbox_is_never_published(desk: Desk) -> None:
    desk.pack(FILES)
    [pack] = (desk.outbox.folder / "packs").iterdir()
    data = bytearray(pack.read_bytes())
    data[5000] ^= 1
    pack.write_bytes(data)
    with pytest.raises(ContentDamaged, match="outbox"):
        desk.push(desk.draft(FILES))
    assert not any(key.startswith(VERSIONS) for key in desk.list_keys())


def test_a_lost_outbox_is_made_again_from_the_files(desk: Desk) -> None:
    desk.pack(FILES)
    desk.outbox.keep_only(set())
    version = desk.draft(FILES)
    with pytest.raises(ChunkMissing, match="outbox"):
        desk.push(version)
    counts = desk.push(version, desk.sources(FILES))
    assert counts.objects == 4


def test_files_that_were_only_hashed_are_packed_by_the_push(desk: Desk) -> None:
    result = desk.pack(FILES, is_copied=False)
    assert result.packs == ()
    assert desk.outbox.size == 0
    version = desk.draft(FILES)
    desk.push(version, desk.sources(FILES))
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == FILES


def test_a_file_that_changed_since_it_was_hashed_is_named(desk: Desk) -> None:
    desk.pack(FILES, is_copied=False)
    version, sources = desk.draft(FILES), desk.sources(FILES)
    (desk.folder / "data" / "a/two").write_bytes(b"other")
    with pytest.raises(SourceChanged, match="two"):
        desk.push(version, sources)
    assert not any(key.startswith(VERSIONS) for key in desk.list_keys())


def test_two_pushes_of_one_version_at_the_same_time_agree(desk: Desk) -> None:
    other = desk.other("other")
    for each in (desk, other):
        each.pack(FILES)
    version = desk.draft(FILES)

    def overtake(verb: str, key: str, number: int) -> None:
        if verb == "put_new" and key.startswith(VERSIONS):
            other.push(version)

    desk.bucket.before = overtake
    counts = desk.push(version)
    assert counts.objects == 3  # the record is that of the other
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == FILES


def test_objects_that_a_collection_would_delete_are_written_again(desk: Desk) -> None:
    desk.publish(FILES)
    [pack] = desk.list_keys(XORBS)
    before = desk.bucket.bucket.stat(pack)
    sweep = SweepRecord(1, 0.0, 1, {pack: "test"})
    desk.bucket.bucket.put_new(f"{SWEEPS}0-x.json", encode_json(sweep))
    desk.bucket.calls.clear()
    files = {**FILES, "new": b"x" * 10_000}
    desk.pack(files)
    desk.push(desk.draft(files, 2))
    assert before is not None
    assert ("replace", pack) in desk.bucket.calls
    assert desk.bucket.calls.index(("replace", pack)) < len(desk.bucket.calls) - 1
    assert desk.bucket.written()[-1].startswith(VERSIONS)


def test_an_object_that_a_collection_has_deleted_meanwhile_stops_the_push(desk: Desk) -> None:
    desk.publish(FILES)
    [pack] = desk.list_keys(XORBS)
    files = {**FILES, "new": b"x" * 10_000}
    desk.pack(files)

    def collect(verb: str, key: str, number: int) -> None:
        if verb == "put_new" and key.startswith(MANIFESTS):
            sweep = SweepRecord(1, 0.0, 2, {pack: "test"})
            desk.bucket.bucket.put_new(f"{SWEEPS}0-x.json", encode_json(sweep))
            desk.bucket.bucket.delete(pack)

    desk.bucket.before = collect
    with pytest.raises(ChunkMissing, match="xorbs"):
        desk.push(desk.draft(files, 2))
    assert len(desk.list_keys(VERSIONS)) == 1


def test_many_small_changes_are_gathered_in_a_fresh_index(desk: Desk) -> None:
    files: dict[str, bytes] = {}
    for number in range(1, 20):
        files[f"f{number:02}"] = noise(20_000, 100 + number)
        desk.publish(files, number)
    version = desk.draft(files, 19)
    record = desk.store.get_record(version.ref).record
    assert 1 <= len(record.indexes) <= 16
    assert len(desk.list_keys(INDEXES)) == 19
    reader = desk.other("reader")
    reader.fetch(version)
    assert reader.fetched(version) == files


def test_a_version_without_chunks_has_a_record(desk: Desk) -> None:
    version = draft_of(Manifest.of([]))
    assert desk.push(version).objects == 2
    assert desk.list_keys(VERSIONS) == [record_key(version.ref)]


def test_a_store_of_a_newer_format_is_not_written(desk: Desk) -> None:
    desk.bucket.bucket.put_new(FORMAT, b'{"format":2,"store":"x"}')
    desk.pack(FILES)
    with pytest.raises(StoreTooNew, match="format 2"):
        desk.push(desk.draft(FILES))
    assert desk.list_keys() == [FORMAT]


def test_a_manifest_with_another_size_than_the_content_is_refused(desk: Desk) -> None:
    desk.pack(FILES)
    good = desk.draft(FILES)
    files = good.manifest.files.items()
    wrong = {path: ManifestEntry(sha256=entry.sha256, size=entry.size + 1) for path, entry in files}
    with pytest.raises(ContentDamaged):
        desk.push(draft_of(Manifest(wrong)))


def test_a_store_made_anew_under_the_same_name_is_noticed(tmp_path: Path) -> None:
    desk = Desk.create(tmp_path)
    desk.publish(FILES)
    assert desk.store.cache.names()
    desk.bucket.bucket = memory_bucket()
    version = desk.draft(FILES)
    desk.pack(FILES)  # finds its chunks in the cache of the old store
    assert desk.push(version, desk.sources(FILES)).objects == 4
    assert desk.store.cache.names()


def test_on_a_real_server(s3_server: S3Server, tmp_path: Path) -> None:
    from entrepot.workspace.stores import open_store

    config = s3_server.make_bucket("pushing")
    store = open_store(config, tmp_path / "indexes", environ=s3_server.environ(), home=tmp_path)
    desk = Desk.create(tmp_path)
    desk.store = store
    desk.pack(FILES)
    version = desk.draft(FILES)
    assert desk.push(version).objects == 4
    assert desk.push(version) == PushCounts(0, 0, 390_000)
    desk.outbox.keep_only(set())
    desk.fetch(version)
    assert desk.fetched(version) == FILES
