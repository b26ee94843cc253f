from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from entrepot.blobs import file_key
from entrepot.errors import Busy, EntrepotError, EntryNotFound, Malformed, QuotaExceeded, StoreUnavailable
from entrepot.hub.accounts import quotas
from entrepot.hub.buckets import batches, buckets
from entrepot.hub.buckets.batches import AddToBucket
from entrepot.hub.files import bulk_uploads, lfs, multipart_uploads, rechunking
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile, AddLarge, Delete, Operation
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import commits, staged_changes
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import RepoPath, RepoRef, Sha256
from tests.support.chunk_sender import Sender
from tests.support.lfs_plans import plan
from tests.support.worlds import World

P = RepoPath


def used(world: World) -> int:
    return quotas.show(world.hub, "alice").used


def commit(world: World, ref: RepoRef, operations: Iterator[Operation]) -> None:
    commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", operations))


def propose(world: World, ref: RepoRef, operations: Iterator[Operation]) -> None:
    openings.open_with_commit(world.hub, world.alice, ref, "main", CommitDraft("s", operations))


def stage(world: World, ref: RepoRef, operations: Iterator[Operation]) -> None:
    staged_changes.stage(world.hub, world.alice, ref, "main", operations)


def refuse(world: World, ref: RepoRef, content: bytes, meanwhile: Callable[[], object]) -> None:
    """Send a commit that stores a file and is refused, after something else was done with the same content."""

    def operations() -> Iterator[Operation]:
        yield AddFile(P("a"), content)
        yield from (AddFile(P(f"small/{number}"), b"%d" % number) for number in range(2_500))
        meanwhile()
        yield Delete(P("missing"))

    with pytest.raises(EntryNotFound):
        commit(world, ref, operations())


@pytest.mark.parametrize("write", [commit, propose, stage])
@pytest.mark.parametrize("limit", [None, 10_000_000])
def test_a_refused_write_leaves_no_objects_that_count(
    world: World, write: Callable[[World, RepoRef, Iterator[Operation]], None], limit: int | None
) -> None:
    ref = world.repo()
    quotas.change(world.hub, "alice", {"max_bytes": limit})
    world.clock.advance(1_000)
    before = used(world)

    def operations() -> Iterator[Operation]:
        yield AddFile(P("large"), os.urandom(300_000))
        yield from (AddFile(P(f"small/{number}"), os.urandom(200)) for number in range(2_500))
        yield AddFile(P("../bad"), b"") if write is stage else Delete(P("missing"))
        if write is stage:
            raise EntryNotFound(P("missing"), world.head(ref))

    with pytest.raises(EntryNotFound):
        write(world, ref, operations())
    assert used(world) == before


def test_objects_that_another_write_uses_by_now_stay(world: World) -> None:
    ref, content = world.repo(), os.urandom(300_000)
    world.clock.advance(1_000)
    refuse(world, ref, content, lambda: stage(world, ref, iter([AddFile(P("b"), content)])))
    commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", [], staged=StagedPolicy(force=True)))
    assert world.read(ref, "b") == content


def test_objects_that_a_ref_may_lead_to_by_now_stay(world: World) -> None:
    ref, content = world.repo(), os.urandom(300_000)
    world.clock.advance(1_000)
    refuse(world, ref, content, lambda: world.add(ref, "b", content))
    assert world.read(ref, "b") == content


def test_a_write_that_will_be_repeated_keeps_what_it_has_stored(world: World) -> None:
    ref, before = world.repo(), used(world)

    def operations() -> Iterator[Operation]:
        yield from (AddFile(P(f"small/{number}"), b"%d" % number) for number in range(2_500))
        raise Busy("the repository")

    with pytest.raises(EntrepotError):
        commit(world, ref, operations())
    assert used(world) > before


def test_bytes_of_a_refused_write_count_no_longer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quotas.change(world.hub, "alice", {"max_bytes": 10_000_000})
    ref, counted = world.repo(), list[int]()
    monkeypatch.setattr(world.hub.usage_cache, "add", lambda _namespace_id, size: counted.append(size))
    monkeypatch.setattr(world.hub.usage_cache, "take_back", lambda _id, size, _added_to: counted.append(-size))
    operations: list[Operation] = [AddFile(P("a"), b"x"), Delete(P("missing"))]
    refused = CommitDraft("s", operations, inline_bytes=1_000)
    with pytest.raises(EntryNotFound):
        commits.create(world.hub, world.alice, ref, "main", refused)
    assert sum(counted) == 0
    files = [bulk_uploads.UploadedFile(Sha256(hashlib.sha256(b"large").hexdigest()), b"large")]

    def fail(*_arguments: object) -> None:
        raise Busy("this file")

    monkeypatch.setattr(bulk_uploads, "_record", fail)
    with pytest.raises(Busy):
        bulk_uploads.receive_files(world.hub, world.alice, ref, files, revision="main")
    assert counted[-2:] == [5, -5]


def test_bytes_that_are_stored_count_although_what_follows_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quotas.change(world.hub, "alice", {"max_bytes": 10_000_000})
    ref, taken_back = world.repo(), list[int]()
    monkeypatch.setattr(world.hub.usage_cache, "take_back", lambda _id, size, _added_to: taken_back.append(size))
    files = [bulk_uploads.UploadedFile(Sha256(hashlib.sha256(b"large").hexdigest()), b"large")]
    before, record = used(world), bulk_uploads._record

    def fail(*_arguments: object) -> None:
        raise Busy("this file")

    monkeypatch.setattr(bulk_uploads, "_record", lambda *rest: [*record(*rest), files[0].sha256])
    monkeypatch.setattr(rechunking, "drop_raw", fail)
    with pytest.raises(Busy):
        bulk_uploads.receive_files(world.hub, world.alice, ref, files, revision="main")
    assert used(world) == before + 5
    assert taken_back == []


KIB = 1 << 10
MOST = 100 * KIB


@pytest.fixture
def limited(make_world: Callable[..., World]) -> World:
    return make_world(default_quota_bytes=MOST, part_size=10 * KIB, multipart_threshold=10 * KIB, gc_grace_s=86_400)


def times_accepted(send: Callable[[int], object], most: int = 50) -> int:
    """Return how often something is accepted before a quota refuses it."""
    for number in range(most):
        try:
            send(number)
        except QuotaExceeded as error:
            refusal = error.message
            break
    else:
        pytest.fail("it is accepted without limit")
    assert "no commit uses" in refusal
    return number


def test_chunks_that_no_file_uses_are_limited_to_twice_the_quota(limited: World) -> None:
    sender = Sender(limited)
    given = sender.give(limited.repo())

    def send(number: int) -> None:
        sender.send(given, sender.xorb(sender.chunks(number, count=3, length=10_000)))

    assert times_accepted(send) == 2 * MOST // 30_000
    send(0)  # one that it has sent already counts once
    other = sender.give(limited.repo("acme/m", by=limited.olga), limited.olga)
    sender.send(other, sender.xorb(sender.chunks("other")))  # each account has a limit of its own
    with pytest.raises(QuotaExceeded):
        sender.send(sender.give(limited.repo("alice/second")), sender.xorb(sender.chunks("more", length=10_000)))


def test_a_xorb_of_which_a_file_uses_one_chunk_still_counts(limited: World) -> None:
    sender = Sender(limited)
    given = sender.give(limited.repo())

    def send(number: int) -> None:
        xorb = sender.xorb(sender.chunks(number, count=3, length=10_000))
        sender.send(given, xorb)
        sender.register(given, [sender.block([(xorb, 0, 1)], f"{number:064x}")], [xorb])

    assert times_accepted(send) == 1 + (2 * MOST - 30_000) // 20_000


def test_a_file_that_is_described_again_accounts_for_its_chunks_once(limited: World) -> None:
    sender = Sender(limited)
    given = sender.give(limited.repo())

    def send(number: int) -> None:
        xorb = sender.xorb(sender.chunks(number, count=3, length=10_000))
        sender.send(given, xorb)
        for _ in range(3):
            sender.register(given, [sender.block([(xorb, 0, 1)], f"{number:064x}")], [xorb])

    assert times_accepted(send) == 1 + (2 * MOST - 30_000) // 20_000


@pytest.mark.parametrize("stated", ["nothing", "the SHA-256 of another upload", "that of a file in use"])
def test_files_that_no_commit_can_name_do_not_account_for_their_chunks(limited: World, stated: str) -> None:
    sender, ref = Sender(limited), limited.repo()
    given, sha256, pieces = sender.give(ref), None, sender.chunks("first", count=1, length=10_000)
    if stated == "the SHA-256 of another upload":
        _, sha256 = sender.upload(ref, pieces)
    elif stated == "that of a file in use":
        _, sha256 = sender.add(ref, "f.bin", pieces)

    def send(number: int) -> None:
        xorb = sender.xorb(sender.chunks(number, count=3, length=10_000))
        sender.send(given, xorb)
        sender.register(given, [sender.block([(xorb, 0, 3)], sha256)], [xorb])

    assert times_accepted(send) == 2 * MOST // 30_000


def test_files_in_chunks_that_no_commit_names_are_limited(limited: World) -> None:
    sender = Sender(limited)
    first, second = limited.repo(), limited.repo("alice/second")

    def upload(number: int) -> None:
        sender.upload((first, second)[number % 2], sender.chunks(number, count=3, length=10_000))

    assert times_accepted(upload) == 2 * MOST // 30_000


def test_files_in_chunks_that_are_committed_count_in_the_quota_only(limited: World) -> None:
    sender, ref = Sender(limited), limited.repo()
    for number in range(3):
        _, sha256 = sender.upload(ref, sender.chunks(number, count=3, length=10_000))
        limited.commit(ref, AddLarge(RepoPath(f"{number}.bin"), sha256, None))
    with pytest.raises(QuotaExceeded, match="limit 102,400 bytes, in use"):
        sender.upload(ref, sender.chunks("one too many", count=3, length=10_000))


def test_files_of_buckets_that_are_never_named_are_limited(limited: World) -> None:
    sender = Sender(limited)
    ref = buckets.create(limited.hub, limited.alice, "alice", "logs", "private").ref

    def upload(number: int) -> str:
        given = sender.give(ref)
        xorb = sender.xorb(sender.chunks(number, count=3, length=10_000))
        sender.send(given, xorb)
        block = sender.block([(xorb, 0, xorb.index.count)])
        sender.register(given, [block], [xorb])
        return block.hash

    batches.apply(limited.hub, limited.alice, ref, [AddToBucket("named.bin", upload(-1))])
    assert times_accepted(upload) == 2 * MOST // 30_000


def test_contents_of_buckets_in_other_chunks_do_not_account_for_these(limited: World) -> None:
    sender = Sender(limited)
    ref = buckets.create(limited.hub, limited.alice, "alice", "logs", "private").ref
    given, pieces = sender.give(ref), sender.chunks("same", count=3, length=10_000)

    def send(number: int) -> None:
        xorb = sender.xorb([*pieces, *sender.chunks(number, count=1, length=400)])  # another one for each number
        sender.send(given, xorb)
        sender.register(given, [sender.block([(xorb, 0, 3)])], [xorb])

    assert times_accepted(send) == 1 + (2 * MOST - 400) // 30_400


def test_parts_that_are_cut_off_count(limited: World) -> None:
    ref = limited.repo()

    def send(number: int) -> None:
        link = plan(limited, ref, bytes([number]) * 50 * KIB, takes_parts=True).link
        assert isinstance(link, lfs.MultipartUpload)
        uid = link.complete.path.rpartition("/")[2]
        for part in range(1, 6):
            for _ in range(2):
                receiving = multipart_uploads.receive_part(limited.hub, uid, part, link.links[part - 1].query)
                receiving.write(bytes(receiving.size - 1))
                receiving.discard()

    assert times_accepted(send) == 4


def test_a_part_that_is_cut_off_is_missing_until_it_is_sent_again(limited: World) -> None:
    data = b"a" * 15 * KIB
    link = plan(limited, limited.repo(), data, takes_parts=True).link
    assert isinstance(link, lfs.MultipartUpload)
    uid = link.complete.path.rpartition("/")[2]

    def send(part: int, *, is_whole: bool) -> None:
        receiving = multipart_uploads.receive_part(limited.hub, uid, part, link.links[part - 1].query)
        receiving.write(data[: receiving.size if is_whole else 1])
        receiving.finish() if is_whole else receiving.discard()

    def complete() -> None:
        multipart_uploads.complete(limited.hub, uid, link.complete.query, {})

    send(1, is_whole=True)
    send(2, is_whole=False)
    send(1, is_whole=False)  # again, which changes nothing
    with pytest.raises(Malformed, match="1 of 2 parts are missing, the first is 2"):
        complete()
    send(2, is_whole=True)
    complete()


def test_parts_of_uploads_that_are_never_completed_are_limited(limited: World) -> None:
    ref = limited.repo()

    def send(number: int) -> None:
        link = plan(limited, ref, bytes([number]) * 50 * KIB, takes_parts=True).link
        assert isinstance(link, lfs.MultipartUpload)
        uid = link.complete.path.rpartition("/")[2]
        for part in range(1, 5):  # of 5
            for _ in range(2):
                receiving = multipart_uploads.receive_part(limited.hub, uid, part, link.links[part - 1].query)
                receiving.write(bytes([number]) * receiving.size)
                receiving.finish()

    assert times_accepted(send) == 5


def test_a_file_that_is_refused_when_it_has_arrived_leaves_no_bytes(limited: World) -> None:
    ref = limited.repo()
    receiving = []
    for number in range(4):
        data = bytes([number]) * 9 * KIB * 4
        link = plan(limited, ref, data).link
        assert isinstance(link, SignedUrl)
        sha256 = hashlib.sha256(data).hexdigest()
        receiving.append((sha256, lfs.receive(limited.hub, sha256, link.query)))
        receiving[-1][1].write(data)
    stored = []
    for sha256, one in receiving:
        try:
            one.finish()
        except QuotaExceeded:
            assert limited.hub.store.blobs.stat(file_key(Sha256(sha256))) is None
        else:
            stored.append(sha256)
    assert stored == [sha256 for sha256, _ in receiving[:2]]
    assert all(limited.hub.store.blobs.stat(file_key(Sha256(sha256))) for sha256 in stored)


def test_a_file_is_refused_even_if_its_bytes_cannot_be_deleted(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref, receiving = limited.repo(), []
    for number in range(2):
        data = bytes([number]) * 60 * KIB
        link = plan(limited, ref, data).link
        assert isinstance(link, SignedUrl)
        receiving.append(lfs.receive(limited.hub, hashlib.sha256(data).hexdigest(), link.query))
        receiving[-1].write(data)

    def fail(_key: str) -> None:
        raise StoreUnavailable("the store", "it is away")

    monkeypatch.setattr(limited.hub.store.blobs, "delete", fail)
    receiving[0].finish()
    with pytest.raises(QuotaExceeded):
        receiving[1].finish()


def test_what_is_swept_counts_no_longer(limited: World) -> None:
    sender = Sender(limited)
    given = sender.give(limited.repo())
    numbers = itertools.count()

    def send(_: int) -> None:
        sender.send(given, sender.xorb(sender.chunks(next(numbers), count=3, length=10_000)))

    assert times_accepted(send) == 6
    limited.clock.advance(60 * 86_400_000)
    list(maintenance.gc(limited.hub))
    given = sender.give(limited.repo("alice/again"))
    assert times_accepted(send) == 6
