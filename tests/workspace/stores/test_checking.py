"""Checks of a published version, and repairs from the outbox, the cache of indexes, and files."""

from __future__ import annotations

import pytest

from entrepot.client.progress import Silent
from entrepot.workspace.stores import CheckLevel, CheckReport, VersionDraft, check_version
from entrepot.workspace.stores.formats.keys import INDEXES, MANIFESTS, VERSIONS, XORBS
from tests.support.chunk_stores import Desk, draft_of, noise, write_old_format

FILES = {"a/one": noise(300_000, 1), "a/two": noise(90_000, 2), "empty": b""}


def check(
    desk: Desk, version: VersionDraft, level: CheckLevel = CheckLevel.PARANOID, files: dict[str, bytes] | None = None
) -> CheckReport:
    return check_version(
        desk.store,
        version,
        level=level,
        progress=Silent(),
        outbox=desk.outbox,
        sources=desk.sources(files if files is not None else {}),
    )


def assert_readable(desk: Desk, version: VersionDraft, files: dict[str, bytes]) -> None:
    reader = desk.other(f"reader{len(desk.list_keys())}")
    reader.fetch(version)
    assert reader.fetched(version) == files


@pytest.mark.parametrize("level", list(CheckLevel))
def test_a_good_version_passes(desk: Desk, level: CheckLevel) -> None:
    report = check(desk, desk.publish(FILES), level)
    assert report.left == ()
    assert (report.objects, report.fixed_objects, report.fixed_chunks) == (4, 0, 0)
    assert report.chunks > 3


@pytest.mark.parametrize("level", list(CheckLevel))
@pytest.mark.parametrize("prefix", [XORBS, INDEXES, MANIFESTS, VERSIONS])
def test_a_missing_object_is_written_again(desk: Desk, level: CheckLevel, prefix: str) -> None:
    version = desk.publish(FILES)
    desk.bucket.bucket.delete(desk.list_keys(prefix)[0])
    report = check(desk, version, level, FILES)
    assert report.left == ()
    assert report.fixed_objects >= 1
    assert_readable(desk, version, FILES)
    assert check(desk, version).fixed_objects == 0


@pytest.mark.parametrize("prefix", [XORBS, INDEXES, MANIFESTS, VERSIONS])
def test_a_damaged_object_is_written_again(desk: Desk, prefix: str) -> None:
    version = desk.publish(FILES)
    desk.damage(desk.list_keys(prefix)[0], 0 if prefix == VERSIONS else 70)
    report = check(desk, version, CheckLevel.PARANOID, FILES)
    assert report.left == ()
    assert report.fixed_objects >= 1
    assert_readable(desk, version, FILES)


def test_a_rebuilt_pack_heals_other_versions_too(desk: Desk) -> None:
    first = desk.publish(FILES)
    more = {**FILES, "more": b"more"}
    second = desk.publish(more, 2)
    for key in desk.list_keys(XORBS):
        desk.bucket.bucket.delete(key)
    assert check(desk, second, files=more).left == ()
    assert_readable(desk, first, FILES)


def test_an_index_is_made_anew_where_there_is_no_cache(desk: Desk) -> None:
    version = desk.publish(FILES)
    desk.bucket.bucket.delete(desk.list_keys(INDEXES)[0])
    other = desk.other("other")
    other.write(FILES)
    report = check(other, version, files=FILES)
    assert report.left == ()
    assert_readable(desk, version, FILES)


def test_a_pack_with_chunks_of_lost_files_is_replaced_for_this_version(desk: Desk) -> None:
    desk.publish({"lost": noise(200_000, 3), "kept": noise(200_000, 4)})
    kept = {"kept": noise(200_000, 4)}
    second = desk.publish(kept, 2)
    desk.bucket.bucket.delete(desk.list_keys(XORBS)[0])
    report = check(desk, second, files=kept)
    assert report.left == ()
    assert_readable(desk, second, kept)


def test_a_pack_of_the_outbox_is_a_copy(desk: Desk) -> None:
    desk.pack(FILES)
    version = desk.draft(FILES)
    desk.push(version)
    desk.bucket.bucket.delete(desk.list_keys(XORBS)[0])
    report = check(desk, version)
    assert (report.left, report.fixed_objects) == ((), 1)
    assert report.fixed_chunks == report.chunks


def test_without_any_copy_the_damage_is_named(desk: Desk) -> None:
    version = desk.publish(FILES)
    [pack] = desk.list_keys(XORBS)
    desk.bucket.bucket.delete(pack)
    report = check(desk, version)
    assert [problem.where for problem in report.left] == [pack]
    assert report.fixed_objects == 0


def test_a_file_that_has_changed_is_no_copy(desk: Desk) -> None:
    version = desk.publish(FILES)
    [pack] = desk.list_keys(XORBS)
    desk.bucket.bucket.delete(pack)
    (desk.folder / "data" / "a/one").write_bytes(noise(300_000, 99))
    assert [problem.where for problem in check(desk, version, files=FILES).left] == [pack]
    assert not desk.list_keys(XORBS)


def test_a_flipped_bit_needs_the_paranoid_level(desk: Desk) -> None:
    version = desk.publish(FILES)
    desk.damage(desk.list_keys(XORBS)[0], 1000)
    assert check(desk, version, CheckLevel.THOROUGH).fixed_objects == 0
    assert check(desk, version, CheckLevel.PARANOID, FILES).fixed_objects == 1


def test_the_old_format_is_checked(desk: Desk) -> None:
    manifest, documents = write_old_format(desk.bucket.bucket, {"data/x": noise(600_000, 1), "data/y": b"y"})
    version = draft_of(manifest, documents=documents)
    report = check(desk, version)
    assert (report.left, report.objects, report.chunks) == ((), 6, 4)
    for key in desk.list_keys("zdj7W"):
        desk.bucket.bucket.delete(key)
    assert len(check(desk, version, CheckLevel.PRESENCE).left) == 2
    assert desk.list_keys() == []
