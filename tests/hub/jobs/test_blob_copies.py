from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.blobs import LocalBlobs, file_key, put
from entrepot.errors import StoreFull
from entrepot.hub.jobs import blob_copies
from entrepot.names import Sha256
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

ABSENT = file_key(Sha256("a" * 64))


@pytest.fixture
def target(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "target", fsync=False)


@pytest.fixture
def source(world: World, sender: Sender) -> LocalBlobs:
    repo = world.repo()
    world.add_large(repo, "raw.bin", b"raw" * 50_000)
    sender.add(repo, "chunked.bin", sender.chunks("copies"))
    return LocalBlobs(world.hub.settings.data / "blobs")


def test_only_what_is_missing_or_has_another_size_is_copied(
    world: World, source: LocalBlobs, target: LocalBlobs
) -> None:
    keys = list(source.list(""))
    first = blob_copies.copy_blobs(source, target, keys, world.hub.catalog)
    assert (first.blobs, first.size, first.damaged) == (len(keys), sum(stat.size for stat in keys), {})
    assert blob_copies.copy_blobs(source, target, keys, world.hub.catalog) == blob_copies.NOTHING
    target.delete(keys[0].key)
    put(target, keys[0].key, b"short")
    assert blob_copies.copy_blobs(source, target, keys, world.hub.catalog).blobs == 1
    assert {(stat.key, stat.size) for stat in target.list("")} == {(stat.key, stat.size) for stat in keys}


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [("files/", "its bytes have another sha256"), ("xorbs/", "its bytes are not the chunks of this xorb")],
)
@pytest.mark.parametrize("is_short", [False, True])
def test_damaged_blobs_are_left_out_with_the_reason(
    world: World, source: LocalBlobs, target: LocalBlobs, prefix: str, reason: str, is_short: bool
) -> None:
    keys = list(source.list(""))
    bad = next(stat for stat in keys if stat.key.startswith(prefix))
    source.delete(bad.key)
    put(source, bad.key, b"?" * (bad.size - is_short))
    copied = blob_copies.copy_blobs(source, target, keys, world.hub.catalog)
    assert (copied.blobs, copied.damaged) == (len(keys) - 1, {bad.key: reason})
    assert target.stat(bad.key) is None
    assert list(target.sweep_incoming(0, now_ms=1 << 60)) == []


def test_blobs_that_are_deleted_meanwhile_are_skipped(world: World, source: LocalBlobs, target: LocalBlobs) -> None:
    keys = list(source.list(""))
    source.delete(keys[0].key)
    copied = blob_copies.copy_blobs(source, target, keys, world.hub.catalog)
    assert (copied.blobs, copied.damaged) == (len(keys) - 1, {})


def test_a_fault_of_the_target_is_not_damage_of_the_source(
    world: World, source: LocalBlobs, target: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalBlobs, "free_bytes", lambda _self: 10)
    with pytest.raises(StoreFull):
        blob_copies.copy_blobs(source, target, list(source.list("")), world.hub.catalog)


def test_a_xorb_that_the_catalog_does_not_know_is_copied_as_it_is(
    world: World, source: LocalBlobs, target: LocalBlobs
) -> None:
    key = f"xorbs/aa/aa/{'a' * 64}.{'0' * 16}"
    put(source, key, b"orphan")
    copied = blob_copies.copy_blobs(source, target, list(source.list(key)), world.hub.catalog)
    assert (copied.blobs, copied.damaged) == (1, {})


def test_runs_add_up() -> None:
    one = blob_copies.CopiedBlobs(1, 10, {"a": "x"})
    assert one + blob_copies.CopiedBlobs(2, 5, {"b": "y"}) == blob_copies.CopiedBlobs(3, 15, {"a": "x", "b": "y"})
