from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import pytest

from entrepot.blobs import file_key
from entrepot.catalog.files import file_checks
from entrepot.errors import BlobUnreadable
from entrepot.hub.files import attachments, bulk_uploads, lfs, multipart_uploads, preuploads, xorb_scrubbing
from entrepot.hub.files.bulk_uploads import UploadedFile
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.preuploads import Candidate
from entrepot.hub.jobs import handlers, maintenance
from entrepot.names import RepoPath, RepoRef, Sha256
from tests.support import hub_work
from tests.support.worlds import World

DATA = os.urandom(400_000)
SHA256 = Sha256(hashlib.sha256(DATA).hexdigest())
PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(100)
HOUR_MS = 3_600_000


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


def spoil(world: World, sha256: Sha256 = SHA256) -> None:
    path = world.blob_path(file_key(sha256))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def scrub(world: World) -> None:
    world.clock.advance(xorb_scrubbing.INTERVAL_MS + 2 * HOUR_MS)
    hub_work.scrub_files(world.hub)


def is_marked(world: World, sha256: Sha256 = SHA256) -> bool:
    with world.hub.read() as tx:
        return file_checks.damaged(tx, [sha256]) == {sha256}


def test_sound_files_are_read_once_in_a_while(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "w.bin", DATA)
    assert hub_work.scrub_files(world.hub) == 0  # it was hashed during the upload, less than an hour ago
    world.clock.advance(2 * HOUR_MS)
    assert [hub_work.scrub_files(world.hub) for _ in range(2)] == [len(DATA), 0]
    assert not is_marked(world)


def test_a_damaged_file_is_not_served_until_an_upload_mends_it(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "w.bin", DATA)
    [answer] = lfs.plan_downloads(world.hub, world.alice, ref, [RequestedObject(SHA256, len(DATA))])
    assert isinstance(answer.link, SignedUrl)
    spoil(world)
    scrub(world)
    assert is_marked(world)
    with pytest.raises(BlobUnreadable):
        world.read(ref, "w.bin")
    [answer] = lfs.plan_downloads(world.hub, world.alice, ref, [RequestedObject(SHA256, len(DATA))])
    with pytest.raises(BlobUnreadable):
        lfs.fetch(world.hub, SHA256, answer.link.query)
    for checks_content in (True, False):
        assert [item.kind for item in maintenance.fsck(world.hub, checks_content=checks_content)] == ["corrupt"]
    world.upload(ref, DATA)
    assert not is_marked(world)
    assert world.read(ref, "w.bin") == DATA
    scrub(world)
    assert not is_marked(world)


@pytest.mark.parametrize("is_lost", [False, True], ids=["damaged", "lost"])
def test_a_file_that_fsck_finds_damaged_can_be_sent_again(world: World, ref: RepoRef, is_lost: bool) -> None:
    world.add_large(ref, "w.bin", DATA)
    if is_lost:
        world.hub.store.blobs.delete(file_key(SHA256))
    else:
        spoil(world)
    assert [item.is_damage for item in maintenance.fsck(world.hub)] == [True]
    assert is_marked(world)
    candidates = [Candidate(RepoPath("w.bin"), len(DATA), b"\0")]
    assert [item.etag for item in preuploads.plan(world.hub, world.alice, ref, "main", candidates).advice] == [None]
    asked = [RequestedObject(SHA256, len(DATA))]
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, asked, takes_parts=False)
    assert answer.link is not None
    world.upload(ref, DATA)
    assert world.read(ref, "w.bin") == DATA
    assert [item.etag for item in preuploads.plan(world.hub, world.alice, ref, "main", candidates).advice] == [SHA256]


def test_a_lost_file_can_be_sent_again(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "w.bin", DATA)
    world.hub.store.blobs.delete(file_key(SHA256))
    scrub(world)
    assert is_marked(world)
    world.upload(ref, DATA)
    assert world.read(ref, "w.bin") == DATA


def test_parts_mend_a_damaged_file(make_world: Callable[..., World]) -> None:
    world = make_world(multipart_threshold=1, part_size=len(DATA))
    ref = world.repo()
    world.add_large(ref, "w.bin", DATA)
    spoil(world)
    scrub(world)
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, [RequestedObject(SHA256, len(DATA))], takes_parts=True)
    upload = answer.link.complete.path.rpartition("/")[2]
    part = multipart_uploads.receive_part(world.hub, upload, 1, answer.link.links[0].query)
    part.write(DATA)
    multipart_uploads.complete(world.hub, upload, answer.link.complete.query, {1: part.finish()})
    assert world.read(ref, "w.bin") == DATA


def test_a_bulk_upload_mends_a_damaged_file(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "w.bin", DATA)
    spoil(world)
    scrub(world)
    bulk_uploads.receive_files(world.hub, world.alice, ref, [UploadedFile(SHA256, DATA)])
    assert world.read(ref, "w.bin") == DATA


def test_a_large_git_object_is_guarded_too(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.txt", DATA)
    spoil(world)
    scrub(world)
    with pytest.raises(BlobUnreadable):
        world.read(ref, "a.txt")
    world.add(ref, "b.txt", DATA)
    assert world.read(ref, "a.txt") == DATA


def test_an_image_is_guarded_and_mended(world: World) -> None:
    image = attachments.add(world.hub, world.alice, PNG)
    spoil(world, image.sha256)
    scrub(world)
    with pytest.raises(BlobUnreadable):
        attachments.find(world.hub, image.uid)
    attachments.add(world.hub, world.alice, PNG)
    opened = attachments.find(world.hub, image.uid)
    assert opened.content.read_at(0, len(PNG)) == PNG
    opened.content.close()


def test_a_file_that_is_published_meanwhile_is_not_marked(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "w.bin", DATA)
    world.clock.advance(2 * HOUR_MS)
    with world.hub.read() as tx:
        due = file_checks.next_due(tx, checked_before_ms=1, touched_before_ms=world.clock.now_ms)
    assert due is not None
    world.upload(world.repo("alice/other"), DATA)
    with world.hub.write() as tx:
        assert not file_checks.note(tx, due, world.clock.now_ms, is_damaged=True)
    assert not is_marked(world)


def test_the_job_checks_raw_files(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "w.bin", DATA)
    spoil(world)
    world.clock.advance(2 * HOUR_MS)
    steps = handlers.HANDLERS["scrub"](world.hub, {})
    assert steps is not None
    assert not any(steps)
    assert is_marked(world)
