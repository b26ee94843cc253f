"""Maintenance of a hub on PostgreSQL whose large files are in a bucket, on two dialects of S3."""

from __future__ import annotations

import hashlib
import itertools
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from entrepot.blobs import file_key, put
from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.errors import BlobUnreadable, EntrepotError, XorbDamaged
from entrepot.hub import blob_stores
from entrepot.hub.accounts import accounts, quotas
from entrepot.hub.context import open_hub
from entrepot.hub.files import lfs, reconstructions
from entrepot.hub.jobs import backups, maintenance
from entrepot.hub.repos import branches, repositories, storage_costs
from entrepot.names import RepoRef, Sha256
from entrepot.settings import Settings
from entrepot.storage.fsck import Finding
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.moto_server import BUCKET, MotoServer
from tests.support.postgres import PostgresServer
from tests.support.s3_server import S3Server
from tests.support.worlds import DAY_MS, PEOPLE, Clock, World

pytestmark = pytest.mark.timeout(300)
NUMBERS = itertools.count()
RAW, SMALL = bytes(range(256)) * 4_000, b"a" * 70_000


@pytest.fixture(params=["seaweedfs", "moto"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Return a function that returns the URL of a new prefix; the environment has its credentials."""
    found: S3Server | MotoServer
    if request.param == "moto":
        bucket, found = BUCKET, request.getfixturevalue("moto_server")
    else:
        bucket, found = "shared", request.getfixturevalue("s3_server")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.environ().items():
        monkeypatch.setenv(name, value)
    return lambda: f"s3://{bucket}/care{os.getpid()}x{next(NUMBERS)}?endpoint={found.url}"


@pytest.fixture
def world(tmp_path: pathlib.Path, store: Callable[[], str], postgres: PostgresServer) -> Iterator[World]:
    """A hub on PostgreSQL and a bucket, with users."""
    url = postgres.create_with_tables()
    settings = Settings(data=tmp_path / "data", database=url, store=store(), scratch=str(tmp_path / "scratch"))
    clock = Clock(time.time_ns() // 1_000_000)
    hub = attrs.evolve(open_hub(settings, fsync=False), now_ms=clock)
    secrets = {}
    for name in PEOPLE:
        accounts.create_user(hub, name, is_admin=name == "root")
        secrets[f"{name}:write"] = accounts.create_token(hub, name, role="write").secret
    yield World(hub, clock, secrets)
    hub.close()
    postgres.drop(url)


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world)


def bucket_of(world: World) -> S3Bucket:
    found = blob_stores.find_bucket(world.hub.settings)
    assert found is not None
    return found.bucket.below("blobs")


def keys(world: World, prefix: str = "") -> set[str]:
    return {stat.key for stat in world.hub.store.blobs.list(prefix)}


def damage(world: World, **options: Any) -> list[Finding]:
    return [finding for finding in maintenance.fsck(world.hub, **options) if finding.is_damage]


def test_gc_deletes_from_the_bucket_what_nothing_uses_and_keeps_the_rest(world: World, sender: Sender) -> None:
    repo = world.repo()
    kept = world.add_large(repo, "kept.bin", RAW)
    branches.create_branch(world.hub, world.alice, repo, "side", start=None, is_empty=False, overwrites=False)
    dropped = world.add_large(repo, "dropped.bin", RAW[::-1], branch="side")
    branches.delete_branch(world.hub, world.alice, repo, "side")
    sender.add(repo, "kept.chunks", sender.chunks("kept"))
    before = keys(world, "xorbs/")
    gone = world.repo("alice/gone")
    sender.add(gone, "gone.chunks", sender.chunks("gone"))
    put(world.hub.store.blobs, "files/notes", b"not of this hub")
    orphan = Sha256(hashlib.sha256(b"orphan").hexdigest())
    put(world.hub.store.blobs, file_key(orphan), b"orphan")
    lone = world.upload(repo, SMALL)
    world.hub.store.parts.begin_parts("ab" * 12, 6 << 20)
    with world.hub.store.parts.open_part("ab" * 12, 0, 5) as part:
        part.write(b"parts")
        part.finish()
    repositories.delete(world.hub, world.alice, gone)
    every = keys(world)
    assert list(maintenance.gc(world.hub)) == []
    assert keys(world) == every
    world.clock.advance(50 * DAY_MS)
    rehearsed = [(item.kind, item.what) for item in maintenance.gc(world.hub, is_rehearsal=True)]
    assert keys(world) == every
    assert {kind for kind, _ in rehearsed} >= {"repository", "file", "upload"}
    for _ in range(2):
        list(maintenance.gc(world.hub))
    assert keys(world) == {file_key(kept), "files/notes", *before}
    assert not {file_key(dropped), file_key(lone), file_key(orphan)} & keys(world)
    assert list(world.hub.store.parts.list_parts_uploads()) == []
    assert world.read(repo, "kept.bin") == RAW
    assert damage(world, checks_chunks=True) == []
    assert list(maintenance.gc(world.hub)) == []


def test_fsck_names_what_the_bucket_has_lost_or_changed(world: World, sender: Sender) -> None:
    repo, bucket = world.repo(), bucket_of(world)
    lost, short, other = (world.add_large(repo, f"f{n}", bytes([n]) * 70_000) for n in range(3))
    sender.add(repo, "chunks", sender.chunks("fsck"))
    [xorb] = keys(world, "xorbs/")
    assert damage(world, checks_chunks=True) == []
    bucket.delete(file_key(lost))
    bucket.put(file_key(short), b"short")
    bucket.put(file_key(other), b"x" * 70_000)
    data = bytearray(bucket.get(xorb) or b"")
    data[20] ^= 1
    bucket.put(xorb, bytes(data))
    assert {(found.kind, found.where) for found in damage(world, checks_content=False)} == {
        ("missing", file_key(lost)),
        ("corrupt", file_key(short)),
    }
    deep = {(found.kind, found.where) for found in damage(world, checks_chunks=True)}
    assert {(kind, where) for kind, where in deep if not where.startswith("xet file")} == {
        ("missing", file_key(lost)),
        ("corrupt", file_key(short)),
        ("corrupt", file_key(other)),
        ("corrupt", xorb),
    }


def test_scrubbing_stops_serving_damaged_bytes_and_an_upload_heals_them(world: World, sender: Sender) -> None:
    repo, bucket = world.repo(), bucket_of(world)
    digest = world.add_large(repo, "raw.bin", RAW)
    sender.add(repo, "chunks", sender.chunks("scrub"))
    [xorb] = keys(world, "xorbs/")
    world.clock.advance(40 * DAY_MS)
    assert hub_work.scrub_files(world.hub) >= len(RAW)
    assert hub_work.scrub_xorbs(world.hub) == 0
    bucket.put(file_key(digest), RAW[:-1] + b"x")
    data = bytearray(bucket.get(xorb) or b"")
    data[20] ^= 1
    bucket.put(xorb, bytes(data))
    world.clock.advance(40 * DAY_MS)
    hub_work.scrub_files(world.hub)
    assert hub_work.scrub_xorbs(world.hub) == 1
    with pytest.raises(BlobUnreadable):
        world.read(repo, "raw.bin")
    assert world.upload(repo, RAW) == digest
    assert world.read(repo, "raw.bin") == RAW
    sender.add(repo, "again", sender.chunks("scrub"))
    assert damage(world, checks_chunks=True) == []


def planned(world: World, repo: RepoRef, size: int) -> lfs.ObjectPlan:
    [found] = lfs.plan_uploads(
        world.hub, world.alice, repo, [lfs.RequestedObject(Sha256("0" * 64), size)], takes_parts=False
    )
    return found


def test_storage_costs_and_quotas_count_what_is_in_the_bucket(world: World) -> None:
    repo = world.repo()
    world.add_large(repo, "raw.bin", RAW)
    cost = storage_costs.of_repo(world.hub, world.alice, repo)
    assert cost.stored >= len(RAW)
    assert cost.freed >= len(RAW)
    quotas.change(world.hub, "alice", {"max_bytes": len(RAW) + 10_000})
    refused = planned(world, repo, 70_000).refusal
    assert refused is not None
    assert "the quota of the namespace alice is exceeded" in refused[1]
    assert planned(world, repo, 5_000).link is not None
    assert quotas.show(world.hub, "alice").used >= len(RAW)


def test_a_backup_of_a_bucket_is_restored_into_another_one(
    world: World, sender: Sender, tmp_path: pathlib.Path, store: Callable[[], str], postgres: PostgresServer
) -> None:
    repo = world.repo()
    world.add(repo, "object.bin", bytes(range(256)) * 2_000)
    world.add_large(repo, "raw.bin", RAW)
    sender.add(repo, "chunks", sender.chunks("backup"))
    content = world.read(repo, "chunks")
    made = backups.backup(world.hub, tmp_path / "backup")
    assert made.copied == len(keys(world))
    assert backups.backup(world.hub, tmp_path / "backup").copied == 0
    assert list(backups.verify(tmp_path / "backup")) == []
    url = postgres.create_with_tables()
    try:
        target = Settings(data=tmp_path / "restored", database=url, store=store())
        _, found = backups.restore(tmp_path / "backup", target)
        assert found == []
        restored = World(attrs.evolve(open_hub(target, fsync=False), now_ms=world.clock), world.clock, world.secrets)
        try:
            assert keys(restored) == keys(world)
            assert damage(restored, checks_chunks=True) == []
            assert restored.read(repo, "raw.bin") == RAW
            assert restored.read(repo, "chunks") == content
        finally:
            restored.hub.close()
    finally:
        postgres.drop(url)


@pytest.mark.parametrize("how", ["flipped", "cut", "deleted"])
def test_damage_of_a_xorb_in_the_bucket_is_never_sent_and_heals_when_it_is_sent_again(
    world: World, sender: Sender, tmp_path: pathlib.Path, how: str
) -> None:
    repo, bucket = world.repo(), bucket_of(world)
    pieces = sender.chunks("damage", count=8, length=20_000)
    sender.add(repo, "chunks", pieces)
    [xorb] = keys(world, "xorbs/")
    data = bucket.get(xorb) or b""
    if how == "deleted":
        bucket.delete(xorb)
    else:
        bucket.put(xorb, data[:-100] if how == "cut" else data[:-1] + bytes((data[-1] ^ 1,)))
    for _ in range(2):
        with pytest.raises(EntrepotError):
            world.read(repo, "chunks")
    with pytest.raises(XorbDamaged):
        reconstructions.reconstruct(world.hub, sender.give_read(repo), sender.known_hash_at(repo, "chunks"), 0, None)
    found = {finding.where for finding in damage(world, checks_chunks=True)}
    assert any(xorb in where or where in xorb for where in found), found
    saved = backups.backup(world.hub, tmp_path / "backup")
    assert xorb in {lack.where for lack in saved.snapshot.lacks}
    assert list(backups.verify(tmp_path / "backup")) == []
    sender.add(repo, "again", pieces)
    assert world.read(repo, "chunks") == b"".join(pieces) == world.read(repo, "again")
    assert damage(world, checks_chunks=True) == []
