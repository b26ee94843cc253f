from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.catalog.files import file_links, files
from entrepot.errors import (
    Busy,
    ContentMismatch,
    LargeFileMissing,
    LimitExceeded,
    NotAllowed,
    QuotaExceeded,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import Caller
from entrepot.hub.files import lfs
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.hub.repos.pulls import openings
from entrepot.names import RepoPath, Sha256
from tests.support.lfs_plans import download, is_stored, plan, wanted
from tests.support.worlds import World

DATA = b"weights" * 1000


def send_all(receiving: lfs.ReceivingFile, data: bytes) -> None:
    receiving.write(data)
    receiving.finish()


def test_bytes_go_up_and_come_down(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, DATA)
    lfs.verify(world.hub, world.alice, ref, RequestedObject(sha256, len(DATA)))
    assert download(world, ref, DATA) == DATA
    assert plan(world, ref, DATA) == lfs.ObjectPlan(wanted(DATA))


def test_an_empty_file_can_be_uploaded(world: World) -> None:
    ref = world.repo()
    world.upload(ref, b"")
    assert download(world, ref, b"") == b""


def test_verify_tells_what_is_wrong(world: World) -> None:
    ref = world.repo()
    with pytest.raises(ThingNotFound):
        lfs.verify(world.hub, world.alice, ref, wanted(DATA))
    sha256 = world.upload(ref, DATA)
    with pytest.raises(ContentMismatch):
        lfs.verify(world.hub, world.alice, ref, RequestedObject(sha256, 1))


def test_another_size_of_a_stored_file_is_refused(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, DATA)
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, [RequestedObject(sha256, 5)], takes_parts=False)
    assert answer.link is None
    assert answer.refusal is not None
    assert answer.refusal[0] == 422


def test_files_that_are_planned_together_share_the_room_that_is_left(world: World) -> None:
    ref = world.repo()
    quotas.change(world.hub, "alice", {"max_bytes": quotas.show(world.hub, "alice").used + 250})
    files = [RequestedObject(Sha256(f"{number:064x}"), 100) for number in range(4)]
    planned = lfs.plan_uploads(world.hub, world.alice, ref, files, takes_parts=False)
    assert [answer.refusal and answer.refusal[0] for answer in planned] == [None, None, 413, 413]


def test_an_upload_does_not_begin_when_the_namespace_has_become_full(world: World) -> None:
    ref = world.repo()
    link = plan(world, ref, DATA).link
    assert isinstance(link, SignedUrl)
    quotas.change(world.hub, "alice", {"max_bytes": quotas.show(world.hub, "alice").used + len(DATA) - 1})
    with pytest.raises(QuotaExceeded):
        lfs.receive(world.hub, wanted(DATA).sha256, link.query)


def test_a_file_of_another_users_private_repository_looks_absent(world: World) -> None:
    secret, mine = world.repo("bob/secret", visibility="private"), world.repo("alice/m")
    world.add_large(secret, "w.bin", DATA)
    assert isinstance(plan(world, mine, DATA).link, SignedUrl)
    [answer] = lfs.plan_downloads(world.hub, world.alice, mine, [wanted(DATA)])
    assert answer.refusal is not None
    assert answer.refusal[0] == 404
    with pytest.raises(ThingNotFound):
        lfs.verify(world.hub, world.alice, mine, wanted(DATA))


def test_only_who_has_the_bytes_gets_at_a_foreign_file(world: World) -> None:
    secret, mine = world.repo("bob/secret", visibility="private"), world.repo("alice/m")
    world.add_large(secret, "w.bin", DATA)
    link = plan(world, mine, DATA).link
    assert isinstance(link, SignedUrl)
    for pieces in ((), (b"0" * len(DATA),)):
        receiving = lfs.receive(world.hub, wanted(DATA).sha256, link.query)
        for piece in pieces:
            receiving.write(piece)
        with pytest.raises(ContentMismatch):
            receiving.finish()
    assert isinstance(plan(world, mine, DATA).link, SignedUrl)
    world.upload(mine, DATA)
    assert download(world, mine, DATA) == DATA


def test_a_file_committed_to_a_public_repository_is_usable_by_everyone(world: World) -> None:
    public, mine = world.repo("bob/public"), world.repo("alice/m")
    world.upload(public, DATA)
    assert isinstance(plan(world, mine, DATA).link, SignedUrl), "uploaded, but not yet committed"
    world.add_large(public, "w.bin", DATA)
    assert plan(world, mine, DATA).link is None
    lfs.verify(world.hub, world.alice, mine, wanted(DATA))


def test_a_file_of_a_gated_repository_is_usable_by_its_members_only(world: World) -> None:
    gated, mine = world.repo("acme/gated", by=world.olga), world.repo("alice/m")
    world.add_large(gated, "w.bin", DATA, by=world.olga)
    repositories.configure(world.hub, world.olga, gated, repositories.RepoChanges(gated="auto"))
    assert isinstance(plan(world, mine, DATA).link, SignedUrl)
    theirs = world.repo("rita/m2", by=world.rita)
    assert plan(world, theirs, DATA, world.rita).link is None


@pytest.mark.parametrize("sent", [DATA[:-1], DATA + b"!", b"x" * len(DATA), b""])
def test_wrong_bytes_are_not_kept(world: World, sent: bytes) -> None:
    ref = world.repo()
    link = plan(world, ref, DATA).link
    assert isinstance(link, SignedUrl)
    receiving = lfs.receive(world.hub, wanted(DATA).sha256, link.query)
    with pytest.raises(ContentMismatch):
        send_all(receiving, sent)
    receiving.discard()
    assert not is_stored(world, DATA)
    with pytest.raises(ThingNotFound):
        lfs.verify(world.hub, world.alice, ref, wanted(DATA))


def test_an_upload_announced_with_a_wrong_size_does_not_poison_the_right_one(world: World) -> None:
    ref, sha256 = world.repo(), wanted(DATA).sha256
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, [RequestedObject(sha256, 3)], takes_parts=False)
    assert isinstance(answer.link, SignedUrl)
    receiving = lfs.receive(world.hub, sha256, answer.link.query)
    receiving.write(b"abc")
    with pytest.raises(ContentMismatch):
        receiving.finish()
    other = world.repo("bob/m")
    world.add_large(other, "w.bin", DATA)
    lfs.verify(world.hub, world.bob, other, wanted(DATA))
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []


def test_an_upload_into_a_repository_deleted_meanwhile_is_refused(world: World) -> None:
    ref = world.repo()
    link = plan(world, ref, DATA).link
    assert isinstance(link, SignedUrl)
    receiving = lfs.receive(world.hub, wanted(DATA).sha256, link.query)
    receiving.write(DATA)
    repositories.delete(world.hub, world.alice, ref)
    with pytest.raises(RepoNotFound):
        receiving.finish()


def test_a_download_link_ends_with_the_file(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, DATA)
    [answer] = lfs.plan_downloads(world.hub, world.alice, ref, [wanted(DATA)])
    assert isinstance(answer.link, SignedUrl)
    with world.hub.write() as tx:
        file_links.unlink(tx, world.row_id(ref), [sha256])
    with pytest.raises(ThingNotFound):
        lfs.fetch(world.hub, sha256, answer.link.query)


def test_a_file_being_swept_is_asked_for_again(world: World) -> None:
    ref, sha256 = world.repo(), wanted(DATA).sha256
    link = plan(world, ref, DATA).link
    assert isinstance(link, SignedUrl)
    with world.hub.write() as tx:
        files.reserve(tx, sha256, len(DATA), 1)
        assert files.begin_sweep(tx, sha256, 2, world.clock())
    receiving = lfs.receive(world.hub, sha256, link.query)
    receiving.write(DATA)
    with pytest.raises(Busy):
        receiving.finish()
    receiving.discard()
    with world.hub.write() as tx:
        files.end_sweep(tx, sha256)
    world.upload(ref, DATA)
    assert download(world, ref, DATA) == DATA


def test_limits(make_world: Callable[..., World]) -> None:
    world = make_world(max_file=100)
    ref = world.repo()
    answer = plan(world, ref, b"0" * 101)
    assert answer.refusal is not None
    assert answer.refusal[0] == 413
    many = [RequestedObject(Sha256(f"{number:064x}"), 1) for number in range(1001)]
    with pytest.raises(LimitExceeded):
        lfs.plan_uploads(world.hub, world.alice, ref, many, takes_parts=False)
    with pytest.raises(LimitExceeded):
        lfs.plan_downloads(world.hub, world.alice, ref, many)
    assert len(lfs.plan_uploads(world.hub, world.alice, ref, many[:1000], takes_parts=False)) == 1000


def test_only_writers_upload(world: World) -> None:
    with pytest.raises(NotAllowed):
        plan(world, world.repo(), DATA, world.zed)


def test_uncommitted_files_of_another_account_are_for_writers_only(world: World) -> None:
    ref = world.repo("alice/open")
    world.upload(ref, DATA)

    def propose(by: Caller) -> lfs.ObjectPlan:
        [answer] = lfs.plan_uploads(world.hub, by, ref, [wanted(DATA)], takes_parts=False, revision=None)
        return answer

    assert isinstance(propose(world.bob).link, SignedUrl)  # as if it were not there
    with pytest.raises(ThingNotFound):
        lfs.verify(world.hub, world.bob, ref, wanted(DATA))
    for reader in (world.bob, None):
        [answer] = lfs.plan_downloads(world.hub, reader, ref, [wanted(DATA)])
        assert answer.refusal is not None
    branch = "refs/pr/1"
    openings.open_draft(world.hub, world.bob, ref, "Mine", "text")
    with pytest.raises(LargeFileMissing):
        world.commit(ref, AddLarge(RepoPath("w.bin"), wanted(DATA).sha256, len(DATA)), by=world.bob, branch=branch)
    assert propose(world.alice).link is None
    link = propose(world.bob).link
    assert isinstance(link, SignedUrl)
    send_all(lfs.receive(world.hub, wanted(DATA).sha256, link.query), DATA)
    assert propose(world.bob).link is None
    assert propose(world.alice).link is None
    lfs.verify(world.hub, world.bob, ref, wanted(DATA))
    world.commit(ref, AddLarge(RepoPath("w.bin"), wanted(DATA).sha256, len(DATA)), by=world.bob, branch=branch)
    [answer] = lfs.plan_downloads(world.hub, None, ref, [wanted(DATA)])
    assert answer.refusal is None  # whoever reads the repository reads its pull requests
