from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import attrs
import msgspec
import pytest

from entrepot.blobs import file_key
from entrepot.catalog.files import file_links, files, linked_forms, xet_files
from entrepot.errors import (
    ContentMismatch,
    LargeFileMissing,
    LimitExceeded,
    LoginRequired,
    NotAllowed,
    QuotaExceeded,
    RepoNotFound,
)
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files import bulk_uploads, lfs
from entrepot.hub.files.bulk_uploads import UploadedFile
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.names import RepoPath, RepoRef, Sha256
from tests.support.worlds import World

DAY_MS = 86_400_000
SIZES = (1, 4096, 8192, 8193, 300_000)


def sha(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def deliver(world: World, ref: RepoRef, contents: Sequence[bytes], by: MaybeCaller = None) -> list[Sha256]:
    brought = [UploadedFile(sha(data), memoryview(data)) for data in contents]
    return bulk_uploads.receive_files(world.hub, by or world.caller(ref.id.namespace), ref, brought)


def commit(world: World, ref: RepoRef, contents: Sequence[bytes]) -> None:
    operations = [AddLarge(RepoPath(f"{n}.bin"), sha(data), len(data)) for n, data in enumerate(contents)]
    world.commit(ref, *operations)


def is_raw(world: World, data: bytes) -> bool:
    return world.hub.store.blobs.stat(file_key(sha(data))) is not None


def xorbs_of(world: World) -> int:
    return sum(1 for _ in world.hub.store.blobs.list("xorbs/"))


def test_uploaded_files_can_be_committed_and_read(world: World) -> None:
    ref, contents = world.repo(), [os.urandom(size) for size in SIZES]
    assert deliver(world, ref, contents) == [sha(data) for data in contents]
    commit(world, ref, contents)
    assert [world.read(ref, f"{n}.bin") for n in range(len(contents))] == contents


def test_many_files_share_one_blob(world: World) -> None:
    ref = world.repo()
    deliver(world, ref, [b"%d" % number for number in range(50)])
    assert xorbs_of(world) == 1
    assert not any(True for _ in world.hub.store.blobs.list("files/"))


def test_uploaded_files_are_not_claims(world: World) -> None:
    ref, data = world.repo(), b"weights"
    deliver(world, ref, [data])
    with world.hub.read() as tx:
        assert xet_files.claimed(tx, world.row_id(ref), [sha(data)]) == {}
    commit(world, ref, [data])
    with world.hub.read() as tx:
        assert xet_files.repos_with_claims(tx) == []
        assert list(linked_forms.proven(tx, world.row_id(ref), [sha(data)])) == [sha(data)]


def test_equal_chunks_are_kept_once(world: World) -> None:
    ref, block = world.repo(), os.urandom(500_000)
    contents = [block, block + b"1", block + b"2"]
    deliver(world, ref, contents)
    [stored] = world.hub.store.blobs.list("xorbs/")
    assert stored.size < 1_000_000
    commit(world, ref, contents)
    assert [world.read(ref, f"{n}.bin") for n in range(3)] == contents


def test_files_that_do_not_fit_into_one_xorb_go_into_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_uploads, "MAX_CHUNKS", 3)
    ref, contents = world.repo(), [b"%d" % number for number in range(7)]
    deliver(world, ref, contents)
    assert xorbs_of(world) == 3
    commit(world, ref, contents)
    assert [world.read(ref, f"{n}.bin") for n in range(7)] == contents


def test_the_same_again_changes_nothing(world: World) -> None:
    ref, contents = world.repo(), [b"a", b"b"]
    deliver(world, ref, contents)
    before = [stat.key for stat in world.hub.store.blobs.list("")]
    deliver(world, ref, [*contents, b"a"])
    assert [stat.key for stat in world.hub.store.blobs.list("")] == before


def test_files_that_the_repository_stores_raw_are_not_stored_again(world: World) -> None:
    mine, data = world.repo(), b"weights" * 9
    world.add_large(mine, "w.bin", data)
    deliver(world, mine, [data])
    assert xorbs_of(world) == 0
    commit(world, mine, [data])
    assert world.read(mine, "0.bin") == data


def test_a_row_without_bytes_is_not_mistaken_for_a_stored_file(world: World) -> None:
    ref, data = world.repo(), b"weights" * 9
    with world.hub.write() as tx:
        files.reserve(tx, sha(data), len(data), world.clock())
        file_links.link(tx, world.row_id(ref), [sha(data)], world.alice.account.id, world.clock())
    deliver(world, ref, [data])
    commit(world, ref, [data])
    assert world.read(ref, "0.bin") == data


def test_a_content_that_is_another_one_is_refused_with_all_the_others(world: World) -> None:
    ref = world.repo()
    brought = [UploadedFile(sha(b"good"), b"good"), UploadedFile(sha(b"other"), b"bad")]
    with pytest.raises(ContentMismatch):
        bulk_uploads.receive_files(world.hub, world.alice, ref, brought)
    with pytest.raises(LargeFileMissing):
        commit(world, ref, [b"good"])
    assert xorbs_of(world) == 0


def test_a_file_beyond_the_limit_of_the_hub_is_refused(world: World) -> None:
    ref = world.repo()
    small = msgspec.structs.replace(world.hub.settings, max_file=10)
    world.hub = attrs.evolve(world.hub, settings=small)
    with pytest.raises(LimitExceeded):
        deliver(world, ref, [b"x" * 11])
    assert deliver(world, ref, [b"x" * 10])


def test_only_writers_deliver(world: World) -> None:
    ref, hidden = world.repo(), world.repo("alice/hidden", visibility="private")
    with pytest.raises(NotAllowed):
        deliver(world, ref, [b"x"], by=world.bob)
    with pytest.raises(NotAllowed):
        deliver(world, ref, [b"x"], by=world.caller("alice", "read"))
    with pytest.raises(LoginRequired):
        bulk_uploads.receive_files(world.hub, None, ref, [])
    for by in (world.bob, None):
        with pytest.raises(RepoNotFound):
            bulk_uploads.receive_files(world.hub, by, hidden, [])


def test_a_delivery_gives_other_repositories_nothing(world: World) -> None:
    mine, other, data = world.repo(), world.repo("bob/m"), b"weights"
    deliver(world, mine, [data])
    with pytest.raises(LargeFileMissing):
        commit(world, other, [data])


def test_a_repository_that_is_deleted_meanwhile_gets_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    packed = bulk_uploads._Packing.pack

    def pack(self: Any, contents: Any) -> Any:
        repositories.delete(world.hub, world.alice, ref)
        return packed(self, contents)

    monkeypatch.setattr(bulk_uploads._Packing, "pack", pack)
    with pytest.raises(RepoNotFound):
        deliver(world, ref, [b"x"])


def test_uncommitted_files_are_swept_and_can_be_uploaded_again(world: World) -> None:
    ref = world.repo()
    deliver(world, ref, [b"weights"])
    for _ in range(3):
        world.clock.advance(60 * DAY_MS)
        list(maintenance.gc(world.hub, bumps_epoch=True))
    assert xorbs_of(world) == 0
    deliver(world, ref, [b"weights"])
    commit(world, ref, [b"weights"])
    assert world.read(ref, "0.bin") == b"weights"


def test_stored_data_is_intact(world: World) -> None:
    ref, contents = world.repo(), [os.urandom(size) for size in SIZES]
    deliver(world, ref, contents)
    commit(world, ref, contents)
    assert list(maintenance.fsck(world.hub, checks_chunks=True)) == []


def test_lfs_needs_no_bytes_of_what_was_delivered(world: World) -> None:
    ref, data = world.repo(), b"weights"
    deliver(world, ref, [data])
    wanted = lfs.RequestedObject(sha(data), len(data))
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, [wanted], takes_parts=False)
    assert (answer.link, answer.refusal) == (None, None)


def test_a_full_namespace_takes_nothing_new(world: World) -> None:
    ref = world.repo()
    deliver(world, ref, [b"\0first"])
    quotas.change(world.hub, "alice", {"max_bytes": 2000})
    with pytest.raises(QuotaExceeded):
        deliver(world, ref, [bytes(5000)])
    deliver(world, ref, [b"\0first"])
    quotas.change(world.hub, "alice", {"max_file_bytes": 3, "max_bytes": 1000})
    with pytest.raises(LimitExceeded):
        deliver(world, ref, [b"\0third"])
