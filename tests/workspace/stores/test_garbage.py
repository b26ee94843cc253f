"""Garbage collection: two phases, and never a deletion of what a version needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import ChunkMissing
from entrepot.workspace.stores import GarbageReport, collect_garbage, garbage
from entrepot.workspace.stores.formats.keys import INDEXES, MANIFESTS, SWEEPS, VERSIONS, XORBS
from tests.support.chunk_stores import Desk, Killed, draft_of, noise, write_old_format

ONE = {"a": noise(200_000, 1), "b": noise(50_000, 2)}
TWO = {"c": noise(200_000, 3)}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let phase 2 follow phase 1 immediately."""
    monkeypatch.setattr(garbage, "PHASE_S", -1.0)


def collect(desk: Desk, live: set[str], **options: object) -> GarbageReport:
    return collect_garbage(
        desk.store,
        lambda remote, tag, commit: tag in live,
        progress=Silent(),
        grace_s=float(options.pop("grace_s", -10.0)),  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )


def assert_readable(desk: Desk, *versions: tuple[object, dict[str, bytes]]) -> None:
    reader = desk.other(f"reader{len(list(desk.folder.parent.iterdir()))}")
    for version, files in versions:
        reader.fetch(version)  # type: ignore[arg-type]
        assert reader.fetched(version) == files  # type: ignore[arg-type]


def test_a_version_whose_tag_is_gone_is_deleted_in_two_phases(desk: Desk) -> None:
    first, second = desk.publish(ONE), desk.publish(TWO, 2)
    before = desk.list_keys()
    report = collect(desk, {second.tag})
    assert (report.phase, report.objects) == (1, 4)
    assert sum(report.by_reason.values()) == report.bytes > 250_000
    assert set(desk.list_keys()) - set(before) == set(desk.list_keys(SWEEPS))
    report = collect(desk, {second.tag})
    assert (report.phase, report.objects) == (2, 4)
    assert [len(desk.list_keys(prefix)) for prefix in (VERSIONS, INDEXES, MANIFESTS, XORBS)] == [1, 1, 1, 1]
    assert_readable(desk, (second, TWO))
    assert first.tag not in str(desk.list_keys(VERSIONS))


def test_nothing_is_garbage_while_all_tags_exist(desk: Desk) -> None:
    versions = [desk.publish(ONE), desk.publish(TWO, 2)]
    report = collect(desk, {version.tag for version in versions})
    assert (report.objects, report.by_reason) == (0, {})
    assert desk.list_keys(SWEEPS) == []


def test_a_remote_that_cannot_be_asked_keeps_its_versions(desk: Desk) -> None:
    desk.publish(ONE)
    report = collect_garbage(desk.store, lambda remote, tag, commit: None, progress=Silent(), grace_s=-10)
    assert report.objects == 0


def test_young_objects_are_kept(desk: Desk) -> None:
    desk.publish(ONE)
    assert collect(desk, set(), grace_s=3600).objects == 0


def test_a_rehearsal_changes_nothing(desk: Desk) -> None:
    desk.publish(ONE)
    before = desk.list_keys()
    assert collect(desk, set(), is_rehearsal=True).objects == 4
    assert desk.list_keys() == before


def test_phase_2_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "PHASE_S", 3600.0)
    desk.publish(ONE)
    first, second = collect(desk, set()), collect(desk, set())
    assert (first.phase, second.phase) == (1, 1)
    assert first.not_before == second.not_before
    assert len(desk.list_keys(SWEEPS)) == 1
    assert len(desk.list_keys(XORBS)) == 1


def test_chunks_that_another_version_shares_stay(desk: Desk) -> None:
    desk.publish(ONE)
    both = {**ONE, **TWO}
    second = desk.publish(both, 2)
    collect(desk, {second.tag})
    report = collect(desk, {second.tag})
    assert report.by_reason.keys() == {"versions whose tag is gone", "manifests that no version names"}
    assert_readable(desk, (second, both))


def test_the_rest_of_a_killed_push_is_deleted(desk: Desk) -> None:
    desk.pack(ONE)

    def kill(verb: str, key: str, number: int) -> None:
        if verb == "put_new" and key.startswith(VERSIONS):
            raise Killed

    desk.bucket.before = kill
    with pytest.raises(Killed):
        desk.push(desk.draft(ONE))
    desk.bucket.before = lambda verb, key, number: None
    collect(desk, set())
    assert collect(desk, set()).objects == 3
    assert [key for key in desk.list_keys() if key.startswith((XORBS, INDEXES, MANIFESTS))] == []


def test_a_push_between_the_phases_keeps_what_it_relies_on(desk: Desk, tmp_path: Path) -> None:
    desk.publish(ONE)
    collect(desk, set())
    both = {**ONE, **TWO}
    other = desk.other("other")
    other.pack(both)
    third = other.draft(both, 3)
    other.push(third)
    collect(desk, {third.tag})
    assert_readable(desk, (third, both))


def test_an_object_that_was_written_again_after_the_look_is_kept(desk: Desk) -> None:
    desk.publish(ONE)
    collect(desk, set())
    [pack] = desk.list_keys(XORBS)
    found = desk.bucket.bucket.get(pack, 1 << 20)
    assert found is not None

    def write_again(verb: str, key: str, number: int) -> None:
        if verb == "stat" and key == pack:
            desk.bucket.bucket.replace(pack, found.data, found.version)

    desk.bucket.before = write_again
    collect(desk, set())
    assert desk.list_keys(XORBS) == [pack]


def test_a_version_that_cannot_be_read_stops_the_collection(desk: Desk) -> None:
    version = desk.publish(ONE)
    desk.bucket.bucket.delete(desk.list_keys(INDEXES)[0])
    desk.store.cache.clear()
    with pytest.raises(ChunkMissing):
        collect(desk, {version.tag})
    assert desk.list_keys(SWEEPS) == []


def test_objects_of_the_old_format_are_kept_unless_all_their_manifests_are_known(desk: Desk) -> None:
    kept, _ = write_old_format(desk.bucket.bucket, {"data/x": b"kept", "data/both": b"both"})
    write_old_format(desk.bucket.bucket, {"data/y": b"gone", "data/both": b"both"})
    assert collect(desk, set()).objects == 0
    assert collect(desk, set(), old_manifests=[kept]).objects == 2
    report = collect(desk, set(), old_manifests=[kept])
    assert (report.phase, report.objects) == (2, 2)
    version = draft_of(kept, documents={"MANIFEST.yaml": b""})
    desk.fetch(version)
    assert desk.fetched(version) == {"data/x": b"kept", "data/both": b"both"}


def test_deletion_goes_from_records_to_packs(desk: Desk) -> None:
    desk.publish(ONE)
    collect(desk, set())
    collect(desk, set())
    deleted = [key for verb, key in desk.bucket.calls if verb == "delete" and not key.startswith("ws1/probes")]
    prefixes = [prefix for key in deleted for prefix in (VERSIONS, INDEXES, MANIFESTS, XORBS) if key.startswith(prefix)]
    assert prefixes == [VERSIONS, INDEXES, MANIFESTS, XORBS]


def test_the_parts_of_a_large_manifest_are_needed(desk: Desk) -> None:
    files = {f"f{number:05}": b"" for number in range(20_001)}
    desk.pack({"f": b""})
    version = desk.draft(files)
    desk.push(version)
    assert len(desk.list_keys(MANIFESTS)) > 2
    assert collect(desk, {version.tag}).objects == 0
    assert collect(desk, set()).objects == len(desk.list_keys(MANIFESTS)) + 2
