from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from entrepot.errors import ContentMismatch, InvalidSignature, Malformed, ThingNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files import arrivals, lfs, multipart_uploads
from entrepot.hub.files.lfs import MultipartUpload, RequestedObject
from entrepot.hub.jobs import maintenance
from entrepot.names import RepoRef, Sha256
from tests.support.lfs_plans import download, is_stored, plan, wanted
from tests.support.worlds import World


def send_all(receiving: multipart_uploads.ReceivingPart, data: bytes) -> None:
    receiving.write(data)
    receiving.finish()


PART = 1000
LONG = bytes(range(256)) * 13  # 3,328 bytes: four parts, the last one shorter


@pytest.fixture
def parted(make_world: Callable[..., World]) -> World:
    return make_world(part_size=PART, multipart_threshold=PART)


def begin(world: World, ref: RepoRef, data: bytes = LONG, by: MaybeCaller = None) -> MultipartUpload:
    link = plan(world, ref, data, by, takes_parts=True).link
    assert isinstance(link, MultipartUpload)
    return link


def uid_of(parts: MultipartUpload) -> str:
    return parts.complete.path.rpartition("/")[2]


def send(world: World, parts: MultipartUpload, number: int, data: bytes = LONG) -> str:
    receiving = multipart_uploads.receive_part(world.hub, uid_of(parts), number, parts.links[number - 1].query)
    receiving.write(data[(number - 1) * PART :][: receiving.size])
    return receiving.finish()


def complete(world: World, parts: MultipartUpload, etags: dict[int, str]) -> None:
    multipart_uploads.complete(world.hub, uid_of(parts), parts.complete.query, etags)


def test_parts_may_come_in_any_order(parted: World) -> None:
    ref = parted.repo()
    orders = list(itertools.permutations(range(1, 5)))[::5]
    for turn, order in enumerate(orders):
        data = bytes([turn]) + LONG[1:]
        parts = begin(parted, ref, data)
        assert len(parts.links) == 4
        complete(parted, parts, {number: send(parted, parts, number, data) for number in order})
        assert download(parted, ref, data) == data


def test_an_upload_is_resumed_after_a_restart(parted: World) -> None:
    ref = parted.repo()
    parts = begin(parted, ref)
    etags = {number: send(parted, parts, number) for number in (1, 3)}
    parted.reopen()
    again = begin(parted, ref)
    assert uid_of(again) == uid_of(parts)
    etags |= {number: send(parted, again, number) for number in (4, 2)}
    complete(parted, again, etags)
    assert download(parted, ref, LONG) == LONG


def test_a_part_may_be_sent_again(parted: World) -> None:
    ref = parted.repo()
    parts = begin(parted, ref)
    wrong = send(parted, parts, 1, b"x" * 4000)
    etags = {number: send(parted, parts, number) for number in (1, 2, 3, 4)}
    assert wrong != etags[1]
    with pytest.raises(Malformed):
        complete(parted, parts, etags | {1: wrong})
    complete(parted, parts, {number: f'"{etag}"' for number, etag in etags.items()})
    assert download(parted, ref, LONG) == LONG


def test_completing_may_be_repeated(parted: World) -> None:
    ref = parted.repo()
    parts = begin(parted, ref)
    etags = {number: send(parted, parts, number) for number in (1, 2, 3, 4)}
    complete(parted, parts, etags)
    complete(parted, parts, etags)
    assert list(parted.hub.store.parts.list_parts_uploads()) == []


def test_an_upload_whose_completion_was_cut_off_takes_its_parts_again(
    parted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = parted.repo()
    parts = begin(parted, ref)
    etags = {number: send(parted, parts, number) for number in (1, 2, 3, 4)}

    def stop(*_: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "link", stop)  # the file is stored, and the row of the upload remains
        with pytest.raises(KeyboardInterrupt):
            complete(parted, parts, etags)
    again = begin(parted, ref)
    complete(parted, again, {number: send(parted, again, number) for number in (1, 2, 3, 4)})
    assert not plan(parted, ref, LONG, takes_parts=True).link


def test_a_missing_part_is_named(parted: World) -> None:
    parts = begin(parted, parted.repo())
    etags = {number: send(parted, parts, number) for number in (1, 2, 4)}
    with pytest.raises(Malformed, match="the first is 3"):
        complete(parted, parts, etags)
    complete(parted, parts, etags | {3: send(parted, parts, 3)})


@pytest.mark.parametrize("sent", [b"", b"x" * 999, b"x" * 1001])
def test_a_part_of_the_wrong_length_is_not_kept(parted: World, sent: bytes) -> None:
    parts = begin(parted, parted.repo())
    receiving = multipart_uploads.receive_part(parted.hub, uid_of(parts), 2, parts.links[1].query)
    with pytest.raises(ContentMismatch):
        send_all(receiving, sent)
    receiving.discard()
    etags = {number: send(parted, parts, number) for number in (1, 3, 4)}
    with pytest.raises(Malformed):
        complete(parted, parts, etags)


def test_a_whole_with_another_digest_is_thrown_away(parted: World) -> None:
    ref = parted.repo()
    parts = begin(parted, ref)
    etags = {number: send(parted, parts, number, b"x" * 4000) for number in (1, 2, 3, 4)}
    with pytest.raises(ContentMismatch):
        complete(parted, parts, etags)
    assert not is_stored(parted, LONG)
    with pytest.raises(ThingNotFound):
        complete(parted, parts, etags)
    fresh = begin(parted, ref)
    assert uid_of(fresh) != uid_of(parts)
    complete(parted, fresh, {number: send(parted, fresh, number) for number in (1, 2, 3, 4)})
    assert download(parted, ref, LONG) == LONG


def test_an_upload_with_lost_parts_starts_again_without_other_bytes(parted: World) -> None:
    secret, mine = parted.repo("bob/secret", visibility="private"), parted.repo("alice/m")
    parts = begin(parted, mine)
    etags = {number: send(parted, parts, number, b"x" * 4000) for number in (1, 2, 3, 4)}
    parted.hub.store.parts.abort_parts(uid_of(parts))
    theirs = begin(parted, secret)
    complete(parted, theirs, {number: send(parted, theirs, number) for number in (1, 2, 3, 4)})
    with pytest.raises(ThingNotFound):
        complete(parted, parts, etags)
    with pytest.raises(ThingNotFound):
        lfs.verify(parted.hub, parted.alice, mine, wanted(LONG))
    assert uid_of(begin(parted, mine)) != uid_of(parts)


def test_a_part_whose_upload_has_ended_is_refused(parted: World) -> None:
    parts = begin(parted, parted.repo())
    receiving = multipart_uploads.receive_part(parted.hub, uid_of(parts), 1, parts.links[0].query)
    receiving.write(LONG[:PART])
    parted.clock.advance(30 * 86_400_000)
    assert [item.kind for item in maintenance.gc(parted.hub)] == ["upload"]
    with pytest.raises(ThingNotFound):
        receiving.finish()
    with pytest.raises(InvalidSignature):
        multipart_uploads.receive_part(parted.hub, uid_of(parts), 1, parts.links[0].query)


def test_links_of_parts_are_good_for_their_part_only(parted: World) -> None:
    parts = begin(parted, parted.repo())
    with pytest.raises(InvalidSignature):
        multipart_uploads.receive_part(parted.hub, uid_of(parts), 2, parts.links[0].query)
    with pytest.raises(InvalidSignature):
        multipart_uploads.receive_part(parted.hub, "f" * 24, 1, parts.links[0].query)
    with pytest.raises(InvalidSignature):
        multipart_uploads.complete(parted.hub, uid_of(parts), parts.links[0].query, {})


def test_two_users_do_not_share_an_unfinished_upload(parted: World) -> None:
    ref = parted.repo("acme/m", by=parted.olga)
    assert uid_of(begin(parted, ref, by=parted.olga)) != uid_of(begin(parted, ref, by=parted.wendy))


def test_parts_grow_when_there_would_be_too_many(make_world: Callable[..., World]) -> None:
    world = make_world(part_size=1, multipart_threshold=1)
    ref = world.repo()
    big = RequestedObject(Sha256("a" * 64), 25_001)
    [answer] = lfs.plan_uploads(world.hub, world.alice, ref, [big], takes_parts=True)
    assert isinstance(answer.link, MultipartUpload)
    assert (answer.link.part_size, len(answer.link.links)) == (3, 8334)


def test_parts_grow_when_many_files_are_requested_together(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(part_size=1, multipart_threshold=1)
    ref = world.repo()
    monkeypatch.setattr(multipart_uploads, "MAX_TOGETHER", 100)
    files = [RequestedObject(Sha256(f"{number:064x}"), 90) for number in range(10)]
    for item in files:  # alone, each has a part for each byte
        [answer] = lfs.plan_uploads(world.hub, world.alice, ref, [item], takes_parts=True)
        assert isinstance(answer.link, MultipartUpload)
        assert len(answer.link.links) == 90
    answers = [
        [item.link for item in lfs.plan_uploads(world.hub, world.alice, ref, files, takes_parts=True)] for _ in range(2)
    ]
    links, again = ([link for link in answer if isinstance(link, MultipartUpload)] for answer in answers)
    assert [len(link.links) for link in links] == [10] * 10
    assert [uid_of(link) for link in links] == [uid_of(link) for link in again]
