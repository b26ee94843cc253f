from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import attrs
import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog import Read
from entrepot.catalog.files import file_links, files, xet_files, xorbs
from entrepot.catalog.jobs import jobs
from entrepot.errors import BeingVerified, Busy, Damaged, EntryNotFound, LargeFileMissing, ThingNotFound
from entrepot.hub.files import chunk_answers, content_chunks, lfs, rechunking, reconstructions
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile, AddLarge, Copy
from entrepot.hub.jobs import handlers, maintenance
from entrepot.hub.repos import contents, lfs_files, repositories
from entrepot.names import RepoId, RepoPath, RepoRef, Sha256, XetHash
from entrepot.storage import fsck, objects
from entrepot.xet import XorbWriter, chunk_ends, chunk_hash, file_hash, read_hash
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.stored_rows import in_realm
from tests.support.worlds import World

P = RepoPath


def size(world: World, key: str) -> int:
    found = world.hub.store.blobs.stat(key)
    assert found is not None
    return found.size


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture(autouse=True)
def small_xorbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit xorbs to 300,000 bytes, so that a file needs several."""

    class Small(XorbWriter):
        def has_room(self, length: int) -> bool:
            return self.count == 0 or self.raw_size + length <= 300_000

    monkeypatch.setattr(rechunking, "XorbWriter", Small)


def noise(seed: object, size: int) -> bytes:
    return random.Random(str(seed)).randbytes(size)


def sha(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def chunk(world: World, ref: RepoRef) -> int:
    return hub_work.chunk_files(world.hub, world.row_id(ref))


def raw_keys(world: World) -> set[str]:
    return {stat.key for stat in world.hub.store.blobs.list("files/")}


def damage(world: World) -> list[Any]:
    return [finding for finding in maintenance.fsck(world.hub, checks_chunks=True) if finding.is_damage]


def hash_of(data: bytes) -> XetHash:
    """Return the Xet hash that a client computes for a file."""
    ends = chunk_ends(data)
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return file_hash(b"".join(map(chunk_hash, pieces)), [len(piece) for piece in pieces])


# --- files uploaded whole ---------------------------------------------------


def test_a_raw_file_becomes_chunks_and_reads_the_same(world: World, sender: Sender, ref: RepoRef) -> None:
    data = noise(1, 700_000)
    world.add_large(ref, "w.bin", data)
    assert sender.hash_at(ref, "w.bin") is None
    assert chunk(world, ref) == 1
    assert sender.hash_at(ref, "w.bin") == hash_of(data)
    assert raw_keys(world) == set()
    assert len(sender.stored()) >= 3
    assert world.read(ref, "w.bin") == data
    located = contents.locate(world.hub, world.alice, ref, "main", P("w.bin"))
    with contextlib.closing(located.open(world.hub)) as content:
        for start in (0, 1, 299_999, 300_000, 300_001, 699_999):
            assert content.read_at(start, 100_000) == data[start : start + 100_000]
    assert chunk(world, ref) == 0
    assert damage(world) == []


def test_a_client_of_the_chunk_store_reads_it_too(world: World, sender: Sender, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    world.add_large(ref, "w.bin", data)
    chunk(world, ref)
    plan = reconstructions.reconstruct(
        world.hub, sender.give_read(ref), sender.known_hash_at(ref, "w.bin"), 100_000, 300_000
    )
    assert plan.length == 200_001
    for given in (sender.give_read(world.repo("alice/o")), sender.give_read(world.repo("bob/o"))):
        with pytest.raises(ThingNotFound):
            reconstructions.reconstruct(world.hub, given, sender.known_hash_at(ref, "w.bin"), 0, None)


def test_lfs_clients_fetch_it_all_the_same(world: World, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    sha256 = world.add_large(ref, "w.bin", data)
    [before] = lfs.plan_downloads(world.hub, world.alice, ref, [lfs.RequestedObject(sha256, len(data))])
    chunk(world, ref)
    assert isinstance(before.link, SignedUrl)
    with contextlib.closing(lfs.fetch(world.hub, sha256, before.link.query)) as content:
        assert content.read_at(0, content.size) == data
    [again] = lfs.plan_uploads(world.hub, world.alice, ref, [lfs.RequestedObject(sha256, len(data))], takes_parts=False)
    assert again.link is None


def test_files_opened_before_are_read_to_their_end(world: World, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    world.add_large(ref, "w.bin", data)
    located = contents.locate(world.hub, world.alice, ref, "main", P("w.bin"))
    with contextlib.closing(located.open(world.hub)) as content:
        assert content.read_at(0, 1000) == data[:1000]
        assert chunk(world, ref) == 1
        assert content.read_at(1000, 400_000) == data[1000:]
    with contextlib.closing(located.open(world.hub)) as content:  # located while it was raw, opened now
        assert content.read_at(0, content.size) == data


def test_small_files_stay_as_they_are(world: World, ref: RepoRef) -> None:
    for size in (1, rechunking.MIN_CHUNKED, rechunking.MIN_CHUNKED + 1):
        world.add_large(ref, f"{size}.bin", noise(size, size))
    assert chunk(world, ref) == 1
    assert len(raw_keys(world)) == 2
    assert [world.read(ref, f"{size}.bin") for size in (1, rechunking.MIN_CHUNKED + 1)] == [
        noise(size, size) for size in (1, rechunking.MIN_CHUNKED + 1)
    ]


def test_a_file_that_no_commit_names_stays_raw(world: World, ref: RepoRef) -> None:
    world.upload(ref, noise(1, 100_000))
    assert chunk(world, ref) == 0
    assert len(raw_keys(world)) == 1


def test_similar_files_share_their_chunks(world: World, sender: Sender, ref: RepoRef) -> None:
    data = noise(1, 1_500_000)
    world.add_large(ref, "a", data)
    chunk(world, ref)
    before = sum(size(world, key) for key in sender.stored())
    other = world.repo("bob/m")
    world.add_large(other, "b", data + noise(2, 100_000))
    world.add_large(other, "c", data[:900_000])
    assert chunk(world, other) == 2
    grown = sum(size(world, key) for key in sender.stored()) - before
    assert grown < 500_000
    assert world.read(other, "b") == data + noise(2, 100_000)
    assert world.read(other, "c") == data[:900_000]


def test_namespaces_that_are_kept_apart_reuse_no_chunks_of_each_other(make_sender: Callable[..., Sender]) -> None:
    sender = make_sender(dedup_scope="namespace")
    world, data = sender.world, noise(1, 400_000)
    grown: list[Any] = []
    for owner, end in (("alice", b""), ("bob", noise(2, 50_000)), ("bob", noise(3, 50_000))):
        ref = world.repo(f"{owner}/m{len(grown)}", visibility="private")
        world.add_large(ref, "w", data + end)
        before = len(sender.stored())
        chunk(world, ref)
        grown.append(len(sender.stored()) - before)
        with world.hub.read() as tx:
            used = xet_files.xorbs_of(tx, [sender.file_at(ref, "w")])
            assert in_realm(tx, world.caller(owner).account.id, used) == used
    # bob has sent the xorbs that equal alice's himself; his second file needs only its end.
    assert grown[0] >= 2
    assert grown[2] == 1


def test_later_uploads_find_the_first_chunk_of_every_file(world: World, sender: Sender, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    world.add_large(ref, "a", data)
    chunk(world, ref)
    world.add_large(ref, "b", data[chunk_ends(data)[1] :])  # all its chunks are known: it needs no new xorb
    chunk(world, ref)
    for start in (0, chunk_ends(data)[1]):
        piece = data[start : next(end for end in chunk_ends(data) if end > start)]
        assert chunk_answers.find_chunk(world.hub, sender.give(ref), read_hash(chunk_hash(piece))) is not None


def test_more_files_than_a_batch_are_done_though_some_cannot_be(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechunking, "_BATCH", 2)
    contents_ = {f"{n}": noise(n, 20_000) for n in range(5)}
    for name, data in contents_.items():
        world.add_large(ref, name, data)
        world.clock.advance(1)
    for lost in ("0", "1", "3"):
        world.hub.store.blobs.delete(file_key(sha(contents_[lost])))
    assert chunk(world, ref) == 2
    assert [world.read(ref, name) == contents_[name] for name in ("2", "4")] == [True, True]
    assert len(damage(world)) == 3


@pytest.mark.parametrize("is_honest", [True, False], ids=["its chunks", "others"])
def test_chunks_that_are_sent_for_a_damaged_file_replace_it(
    world: World, ref: RepoRef, sender: Sender, is_honest: bool
) -> None:
    pieces = sender.chunks(1)
    data = b"".join(pieces)
    sha256 = world.add_large(ref, "w.bin", data)
    world.hub.store.blobs.delete(file_key(sha256))
    assert [item.is_damage for item in maintenance.fsck(world.hub)] == [True]
    sender.add(ref, "w.bin", pieces if is_honest else sender.chunks(2), sha256=sha256)
    if is_honest:
        assert world.read(ref, "w.bin") == data
    else:
        with pytest.raises(Damaged):
            world.read(ref, "w.bin")


def test_damaged_bytes_do_not_become_chunks_of_an_intact_file(world: World, ref: RepoRef) -> None:
    sha256 = world.add_large(ref, "w", noise(1, 50_000))
    path = world.blob_path(file_key(sha256))
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"??")
    assert chunk(world, ref) == 0
    assert [finding.kind for finding in damage(world)] == ["corrupt"]


def test_bytes_that_a_git_object_needs_stay_raw(world: World, sender: Sender) -> None:
    data, ref = noise(1, 300_000), world.repo(visibility="private")
    world.commit(ref, AddFile(P("inline"), data))
    world.add_large(ref, "w", data)
    assert chunk(world, ref) == 1
    assert raw_keys(world) == {file_key(sha(data))}
    assert damage(world) == []
    # Chunks that a client uploaded do not replace them either.
    other = world.repo("bob/m")
    sender.add(other, "w", [data[:100_000], data[100_000:200_000], data[200_000:]])
    assert rechunking.verify_claims(world.hub) == 1
    assert raw_keys(world) == {file_key(sha(data))}
    assert damage(world) == []


def test_raw_bytes_are_kept_while_the_chunks_are_damaged_and_make_them_anew(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    data = noise(1, 50_000)
    world.add_large(ref, "w", data)
    chunk(world, ref)
    before = sender.hash_at(ref, "w")
    sender.spoil(sender.stored()[0])
    assert damage(world)
    # A user who may not read the repository uploads the same file.
    other = world.repo("bob/m")
    with world.hub.write() as tx:
        files.reserve(tx, sha(data), len(data), world.clock())
    put(world.hub.store.blobs, file_key(sha(data)), data)
    with world.hub.write() as tx:
        files.confirm(tx, sha(data), len(data))
        file_links.link(tx, world.row_id(other), [sha(data)], None, world.clock())
    assert chunk(world, ref) == 1
    assert world.read(ref, "w") == data
    assert sender.hash_at(ref, "w") == before
    assert damage(world) == []


def test_a_known_chunk_that_is_swept_before_the_end_is_made_again(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = noise(1, 400_000)
    first = world.repo("alice/first")
    world.add_large(first, "w", data)
    chunk(world, first)
    world.add_large(ref, "v", data + b"more")
    world.clock.advance(1)
    finish = rechunking.Rechunker.finish

    def late(self: rechunking.Rechunker) -> None:
        monkeypatch.undo()
        repositories.delete(world.hub, world.alice, first)
        world.clock.advance(1)
        assert any(item.kind == "xorb" for item in maintenance.gc(world.hub, grace_ms=0, bumps_epoch=True))
        finish(self)

    monkeypatch.setattr(rechunking.Rechunker, "finish", late)
    with pytest.raises(Busy):
        chunk(world, ref)
    assert world.read(ref, "v") == data + b"more"
    assert chunk(world, ref) == 1
    assert world.read(ref, "v") == data + b"more"
    assert damage(world) == []


def test_the_same_file_in_two_repositories_is_chunked_by_two_workers_at_once(world: World, sender: Sender) -> None:
    data = noise(1, 400_000)
    refs = [world.repo("alice/a"), world.repo("alice/b")]
    for ref in refs:
        world.add_large(ref, "w", data)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda ref: chunk(world, ref), refs))
    assert [world.read(ref, "w") for ref in refs] == [data, data]
    assert raw_keys(world) == set()
    assert damage(world) == []


@pytest.mark.parametrize("moment", ["before the bytes", "before the row", "after the row"])
def test_an_upload_beside_the_end_of_the_raw_bytes_loses_nothing(world: World, sender: Sender, moment: str) -> None:
    data = noise(1, 50_000)
    ref, other = world.repo(visibility="private"), world.repo("bob/m")
    sha256 = world.add_large(ref, "w", data)
    wanted = lfs.RequestedObject(sha256, len(data))
    [answer] = lfs.plan_uploads(world.hub, world.bob, other, [wanted], takes_parts=False)
    assert isinstance(answer.link, SignedUrl)

    receiving = lfs.receive(world.hub, sha256, answer.link.query)
    receiving.write(data)
    if moment == "before the bytes":
        chunk(world, ref)
    if moment == "before the row":
        publish = receiving._sink.publish
        world.clock.advance(1)
        receiving._sink.publish = lambda: (publish(), chunk(world, ref))[0]
    if moment == "before the row":
        with pytest.raises(Busy):
            receiving.finish()
        receiving = lfs.receive(world.hub, sha256, answer.link.query)
        receiving.write(data)
    receiving.finish()
    if moment == "after the row":
        chunk(world, ref)
    world.commit(other, AddLarge(P("v"), sha256, len(data)))
    assert world.read(ref, "w") == world.read(other, "v") == data
    with world.hub.read() as tx:
        assert files.is_raw(tx, sha256) == (file_key(sha256) in raw_keys(world))
    assert damage(world) == []
    chunk(world, other)
    assert raw_keys(world) == set()


def test_bytes_that_chunks_replace_just_before_an_object_needs_them_are_asked_for_again(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, other = noise(1, 300_000), world.repo("alice/o")
    world.add_large(ref, "w", data)
    keep_large = objects.keep_large

    def late(*args: Any) -> Any:
        row = keep_large(*args)
        monkeypatch.undo()
        assert hub_work.chunk_files(world.hub, world.row_id(ref)) == 1
        return row

    monkeypatch.setattr(objects, "keep_large", late)
    with pytest.raises(Busy):
        world.add(other, "inline", data)
    world.add(other, "inline", data)
    assert world.read(ref, "w") == world.read(other, "inline") == data
    assert damage(world) == []


def test_a_file_that_becomes_chunks_while_fsck_looks_at_it_is_no_finding(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_large(ref, "w", noise(1, 50_000))
    check_file = fsck.check_file

    def late(*args: Any, **options: Any) -> Any:
        assert chunk(world, ref) == 1
        return check_file(*args, **options)

    monkeypatch.setattr(fsck, "check_file", late)
    assert damage(world) == []


# --- claims -----------------------------------------------------------------


VICTIM = noise("secret", 30_000)


@pytest.fixture
def liar(world: World, sender: Sender) -> tuple[RepoRef, Sha256, bytes]:
    """A repository of bob with a false claim: its content under the sha256 of alice's private file."""
    secret = world.repo("alice/secret", visibility="private")
    sha256 = world.add_large(secret, "w", VICTIM)
    pieces = sender.chunks("lie", 3)
    ref = world.repo("bob/liar")
    sender.add(ref, "w", pieces, sha256=sha256)
    return ref, sha256, b"".join(pieces)


def test_a_claim_leads_to_the_chunks_that_were_claimed(world: World, liar: tuple[RepoRef, Sha256, bytes]) -> None:
    ref, sha256, lie = liar
    assert world.read(ref, "w", by=world.bob) == lie
    [answer] = lfs.plan_downloads(world.hub, world.bob, ref, [lfs.RequestedObject(sha256, 3000)])
    assert isinstance(answer.link, SignedUrl)
    with contextlib.closing(lfs.fetch(world.hub, sha256, answer.link.query)) as content:
        assert content.read_at(0, 99_999) == lie


def test_a_claim_before_its_commit_leads_to_no_other_bytes_either(world: World, sender: Sender) -> None:
    secret, ref = world.repo("alice/secret", visibility="private"), world.repo("bob/liar")
    sha256 = world.add_large(secret, "w", VICTIM)
    pieces = sender.chunks("lie", 3)
    sender.upload(ref, pieces, sha256=sha256)
    for size in (len(VICTIM), 3000):
        [answer] = lfs.plan_uploads(world.hub, world.bob, ref, [lfs.RequestedObject(sha256, size)], takes_parts=False)
        assert (answer.link is None, answer.refusal is None) == (True, size == 3000)
    [found] = lfs.plan_downloads(world.hub, world.bob, ref, [lfs.RequestedObject(sha256, 3000)])
    assert isinstance(found.link, SignedUrl)
    with contextlib.closing(lfs.fetch(world.hub, sha256, found.link.query)) as content:
        assert content.read_at(0, 99_999) == b"".join(pieces)


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_claim_opens_no_file_of_others_to_the_chunk_store(
    world: World, sender: Sender, liar: tuple[RepoRef, Sha256, bytes], is_chunked: bool
) -> None:
    ref, *_ = liar
    secret = RepoRef(ref.type, RepoId("alice", "secret"))
    if is_chunked:
        chunk(world, secret)
    with pytest.raises(ThingNotFound):
        reconstructions.reconstruct(world.hub, sender.give_read(ref), hash_of(VICTIM), 0, None)


def test_a_false_claim_gives_no_one_else_a_file(world: World, sender: Sender) -> None:
    body = sender.chunks("body", 3)
    sha256 = sha(VICTIM)
    world.add_large(world.repo("alice/secret", visibility="private"), "w", VICTIM)
    ref = world.repo("bob/claims")
    sender.add(ref, "w", body, sha256=sha256)
    mine, wanted = world.repo("zed/m"), [lfs.RequestedObject(sha256, 3000)]
    [answer] = lfs.plan_uploads(world.hub, world.zed, mine, wanted, takes_parts=False)
    assert answer.link is not None  # an upload is needed
    with pytest.raises(LargeFileMissing):
        world.commit(mine, AddLarge(P("w"), sha256, None))
    with pytest.raises(LargeFileMissing):
        world.commit(mine, Copy(P("w"), P("w"), repo=ref, revision="main"))
    assert lfs_files.share(world.hub, world.zed, ref, mine, [sha256]) == frozenset()
    # Another repository of the same user cannot use it either.
    other = world.repo("bob/other")
    assert lfs_files.share(world.hub, world.bob, ref, other, [sha256]) == frozenset()
    with pytest.raises(LargeFileMissing):
        world.commit(other, AddLarge(P("w"), sha256, None))
    assert world.paths(mine) == world.paths(other) == [".gitattributes"]


def test_a_recent_upload_is_verified_when_it_is_copied(world: World, sender: Sender) -> None:
    for number, take in enumerate(
        (
            lambda ref, to, key: world.commit(to, Copy(P("w"), P("w"), repo=ref, revision="main")),
            lambda ref, to, key: world.commit(to, AddLarge(P("w"), key, None)),
            lambda ref, to, key: (
                lfs_files.share(world.hub, world.zed, ref, to, [key]) and world.commit(to, AddLarge(P("w"), key, None))
            ),
        )
    ):
        body = sender.chunks(f"copied {number}", 3)
        ref, mine = world.repo(f"bob/c{number}"), world.repo(f"zed/c{number}")
        _, sha256 = sender.add(ref, "w", body)
        take(ref, mine, sha256)
        assert world.read(mine, "w") == b"".join(body)
        assert sender.file_at(mine, "w") == sender.file_at(ref, "w")


def test_a_copy_that_is_too_large_to_verify_now_says_so_and_works_after_the_job(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechunking, "VERIFIED_NOW_BYTES", 2_999)
    ref, mine = world.repo("bob/large"), world.repo("zed/large")
    _, sha256 = sender.add(ref, "w", sender.chunks("large", 3))
    copy = Copy(P("w"), P("w"), repo=ref, revision="main")
    with pytest.raises(BeingVerified, match="still being verified"):
        world.commit(mine, copy)
    with pytest.raises(BeingVerified):
        lfs_files.share(world.hub, world.zed, ref, mine, [sha256])
    rechunking.verify_claims(world.hub)
    world.commit(mine, copy)
    assert world.read(mine, "w") == world.read(ref, "w")


def test_a_right_claim_about_other_chunks_than_the_known_ones_is_settled(world: World, sender: Sender) -> None:
    body = sender.chunks("settled", 4)
    _, sha256 = sender.add(world.repo("bob/first"), "w", body)
    rechunking.verify_claims(world.hub)
    ref, mine = world.repo("bob/second"), world.repo("zed/second")
    joined = [body[0] + body[1], body[2] + body[3]]
    assert sender.add(ref, "w", joined)[1] == sha256
    world.commit(mine, Copy(P("w"), P("w"), repo=ref, revision="main"))
    assert world.read(mine, "w") == world.read(ref, "w") == b"".join(body)


def test_a_verified_claim_is_usable_by_everyone_with_the_right(world: World, sender: Sender) -> None:
    pieces, ref = sender.chunks("true", 30), world.repo("bob/m")
    file, sha256 = sender.add(ref, "w", pieces)
    assert rechunking.verify_claims(world.hub) == 1
    assert rechunking.verify_claims(world.hub) == 0
    mine = world.repo("zed/m")
    wanted = [lfs.RequestedObject(sha256, 30_000)]
    [answer] = lfs.plan_uploads(world.hub, world.zed, mine, wanted, takes_parts=False)
    assert answer.link is None
    world.commit(mine, AddLarge(P("a"), sha256, 30_000), Copy(P("b"), P("w"), repo=ref, revision="main"))
    assert lfs_files.share(world.hub, world.olga, ref, world.repo("acme/m", by=world.olga), [sha256]) == {sha256}
    assert world.read(mine, "a") == world.read(mine, "b") == b"".join(pieces)
    assert sender.hash_at(mine, "a") == sender.hash_at(mine, "b") == sender.hash_at(ref, "w") == file
    assert reconstructions.reconstruct(world.hub, sender.give_read(mine), file, 0, None).length == 30_000
    private = world.repo("alice/p", visibility="private")
    _, hidden = sender.add(private, "w", sender.chunks("hidden"))
    assert rechunking.verify_claims(world.hub) == 1
    with pytest.raises(LargeFileMissing):
        world.commit(mine, AddLarge(P("c"), hidden, None))


def test_a_wrong_claim_is_marked_and_never_verified_again(world: World, sender: Sender) -> None:
    ref = world.repo("bob/m")
    file, sha256 = sender.add(ref, "w", sender.chunks("lie"), sha256="a" * 64)
    assert rechunking.verify_claims(world.hub) == 0
    with world.hub.read() as tx:
        assert xet_files.unverified(tx, 10) == []
        assert files.known(tx, [sha256]) == set()
    assert world.read(ref, "w") == b"".join(sender.chunks("lie"))
    assert sender.hash_at(ref, "w") == file
    with pytest.raises(LargeFileMissing):
        world.commit(world.repo("zed/m"), AddLarge(P("w"), sha256, None))


def test_a_duplicate_takes_what_is_true_and_leaves_out_what_is_not(
    world: World, sender: Sender, liar: tuple[RepoRef, Sha256, bytes]
) -> None:
    ref, sha256, _ = liar
    truth, true_sha = sender.add(ref, "true", sender.chunks("true", 20))
    sender.add(ref, "unknown", sender.chunks("lie 2"), sha256="b" * 64)
    copy = repositories.duplicate(world.hub, world.zed, ref, RepoId("zed", "copy"), None).ref
    assert world.read(copy, "true") == b"".join(sender.chunks("true", 20))
    assert sender.hash_at(copy, "true") == truth
    for path in ("w", "unknown"):
        with pytest.raises(EntryNotFound):
            world.read(copy, path)
    with world.hub.read() as tx:
        assert set(file_links.usable(tx, world.row_id(copy), [sha256, true_sha, Sha256("b" * 64)])) == {true_sha}


def test_a_claim_beside_a_reservation_is_verified_all_the_same(world: World, sender: Sender) -> None:
    pieces, ref = sender.chunks("true", 30), world.repo("bob/m")
    sha256 = sha(b"".join(pieces))
    with world.hub.write() as tx:
        files.reserve(tx, sha256, 7, world.clock())  # an upload that never ends
    sender.add(ref, "w", pieces)
    assert damage(world) == []
    assert rechunking.verify_claims(world.hub) == 1
    assert damage(world) == []
    mine = world.repo("zed/m")
    world.commit(mine, AddLarge(P("w"), sha256, 30_000))
    assert world.read(mine, "w") == b"".join(pieces)


def test_verified_chunks_take_the_place_of_raw_bytes_only_where_they_were_sent(world: World, sender: Sender) -> None:
    pieces = sender.chunks("true", 30)
    private, ref = world.repo("alice/p", visibility="private"), world.repo("bob/m")
    sha256 = world.add_large(private, "w", b"".join(pieces))
    file, _ = sender.add(ref, "w", pieces)
    assert rechunking.verify_claims(world.hub) == 1
    assert raw_keys(world) == {file_key(sha256)}
    assert (sender.hash_at(private, "w"), sender.hash_at(ref, "w")) == (None, file)
    chunk(world, private)
    assert raw_keys(world) == set()
    assert world.read(private, "w") == world.read(ref, "w") == b"".join(pieces)


def test_any_number_of_claims_is_verified(world: World, sender: Sender) -> None:
    ref, given = world.repo("bob/m"), sender.give(world.repo("bob/n"))
    made = [sender.chunks(n, 1) for n in range(7)]
    for number, pieces in enumerate(made):
        sender.add(ref, f"{number}", pieces)
    for number in (0, 3):
        with world.hub.write() as tx:
            name = sender.xorb(made[number]).hash
            xorbs.mark_damaged(tx, name, xorbs.state(tx, name).since_ms)
    assert rechunking.verify_claims(world.hub, limit=2) == 5
    for number in (0, 3):
        sender.send(given, sender.xorb(made[number]))
    assert rechunking.verify_claims(world.hub, limit=1) == 2


def test_many_small_claims_tell_as_much_work_as_a_large_one(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechunking, "_PIECE", 10_000)
    ref = world.repo("bob/m")
    made = [sender.chunks(number, 30) for number in range(5)]
    for number, pieces in enumerate(made):
        sender.add(ref, f"{number}", pieces)
    sizes = [len(b"".join(pieces)) for pieces in made]
    steps = rechunking.verify_steps(world.hub, 2, repo_id=world.row_id(ref))
    told = [left_bytes for left_bytes in steps if left_bytes is not None]
    assert told[0] == sum(sizes)
    assert told == sorted(told, reverse=True)
    assert 0 < told[-1] <= 10_000


def test_the_bytes_of_claims_are_summed_once_and_only_if_some_wait(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    summed: list[int] = []
    unverified_bytes = xet_files.unverified_bytes

    def note(tx: Read, repo_id: int | None = None) -> int:
        summed.append(unverified_bytes(tx, repo_id))
        return summed[-1]

    monkeypatch.setattr(xet_files, "unverified_bytes", note)
    ref = world.repo("bob/m")
    assert rechunking.verify_claims(world.hub) == 0
    assert summed == []
    made = [sender.chunks(number, 1) for number in range(4)]
    for number, pieces in enumerate(made):
        sender.add(ref, f"{number}", pieces)
    assert rechunking.verify_claims(world.hub, limit=1) == 4
    assert summed == [sum(len(b"".join(pieces)) for pieces in made)]


def test_damage_on_disk_does_not_make_a_claim_false(world: World, sender: Sender) -> None:
    ref, pieces = world.repo("bob/m"), sender.chunks("true", 30)
    given = sender.give(ref)
    plain = sender.uncompressed(pieces)
    sender.send(given, plain)
    sender.add(ref, "w", pieces)
    file = sender.file_at(ref, "w")
    sender.spoil(sender.stored()[0])
    assert rechunking.verify_claims(world.hub) == 0
    with world.hub.read() as tx:
        assert xet_files.damaged_xorb_of(tx, file) == plain.hash
    sender.send(given, plain)
    assert rechunking.verify_claims(world.hub) == 1


def test_bytes_that_are_lost_leave_a_claim_as_it_is(world: World, sender: Sender) -> None:
    ref = world.repo("bob/m")
    sender.add(ref, "w", sender.chunks(1))
    world.hub.store.blobs.delete(sender.stored()[0])
    assert rechunking.verify_claims(world.hub) == 0
    sender.upload(ref, sender.chunks(1))
    assert rechunking.verify_claims(world.hub) == 1


def test_the_jobs_verify_and_chunk_what_was_committed(world: World, sender: Sender) -> None:
    ref = world.repo("bob/m")
    sender.add(ref, "x", sender.chunks(1, 30))
    world.add_large(ref, "w", noise(1, 50_000))
    world.clock.advance(61_000)
    owner = handlers.new_owner()
    kinds = []
    while (outcome := hub_work.run_next(world.hub, owner)) is not None:
        assert outcome.error is None
        kinds.append(outcome.job.kind)
    assert {"verify", "chunk"} <= set(kinds)
    assert raw_keys(world) == set()
    with world.hub.read() as tx:
        assert xet_files.unverified(tx, 10) == []
        assert jobs.find(tx, states=["dead"]) == []


def test_a_file_that_was_deleted_for_good_is_not_read_through_its_claim(world: World, sender: Sender) -> None:
    ref = world.repo("bob/m")
    file, sha256 = sender.add(ref, "w", sender.chunks(1))
    given = sender.give_read(ref)
    assert reconstructions.reconstruct(world.hub, given, file, 0, None).length == 4000
    lfs_files.delete_content(world.hub, world.bob, ref, sha256, rewrites_history=False)
    with pytest.raises(ThingNotFound):
        reconstructions.reconstruct(world.hub, given, file, 0, None)
    with pytest.raises(LargeFileMissing):
        world.commit(ref, AddLarge(P("again"), sha256, None))


# --- stable Xet hashes ------------------------------------------------------


def recut(pieces: list[bytes]) -> list[bytes]:
    """Return the same content in other chunks, as another client could split it."""
    return [pieces[0] + pieces[1], *pieces[2:]]


@pytest.mark.parametrize("first_job", ["verify", "chunk"])
def test_the_xet_hash_of_a_commit_never_changes(world: World, sender: Sender, first_job: str) -> None:
    pieces = sender.chunks("p", 40)
    data, first, second = b"".join(pieces), world.repo("alice/a"), world.repo("bob/b", visibility="private")
    one, sha256 = sender.add(first, "w", pieces)
    two, _ = sender.add(second, "w", recut(pieces))
    assert one != two
    announced: dict[RepoRef, XetHash | None] = {first: one, second: two}

    def check() -> None:
        assert {ref: sender.hash_at(ref, "w") for ref in announced} == announced
        assert [world.read(ref, "w") for ref in announced] == [data] * len(announced)

    check()
    third = world.repo("zed/c", visibility="private")
    world.add_large(third, "w", data)  # by LFS: zed does not know that it is stored
    check()
    announced[third] = None
    if first_job == "chunk":
        chunk(world, third)
        announced[third] = hash_of(data)
    assert rechunking.verify_claims(world.hub) == 2
    check()
    chunk(world, third)
    announced[third] = hash_of(data)
    check()
    world.upload(first, data)
    sender.add(first, "again", recut(pieces))
    world.commit(first, Copy(P("copy"), P("w")))
    check()
    assert sender.hash_at(first, "again") == sender.hash_at(first, "copy") == one
    for ref in (first, second, third):
        chunk(world, ref)
    check()
    source, name = (first, one) if first_job == "verify" else (third, hash_of(data))
    target = repositories.duplicate(world.hub, world.caller("root"), source, RepoId("root", "dup"), None).ref
    announced[target] = name
    check()
    world.clock.advance(40 * 86_400_000)
    list(maintenance.gc(world.hub, grace_ms=0, bumps_epoch=True))
    check()
    assert damage(world) == []
    assert sha256 == sha(data)


def test_the_claim_that_was_made_first_stands_in_a_repository(world: World, sender: Sender) -> None:
    pieces, ref = sender.chunks("p", 40), world.repo("bob/m")
    one, _ = sender.upload(ref, pieces)
    sender.add(ref, "w", recut(pieces))
    assert sender.hash_at(ref, "w") == one


# --- interruptions ----------------------------------------------------------


class Killed(BaseException):
    """An exception that stands for the end of the process."""


@attrs.define
class Counting:
    """Counts steps, and raises after the given one."""

    fatal: int
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.fatal:
            raise Killed


@attrs.define
class MortalStore:
    """A store that can end the process after each of its changes."""

    inner: Any
    count: Counting

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def delete(self, key: str) -> bool:
        found = bool(self.inner.delete(key))
        self.count.step()
        return found

    def receive_unnamed(self, size: int | None = None) -> Any:
        return MortalSink(self.inner.receive_unnamed(size), self.count)


@attrs.define
class Dying:
    """A store that ends the process before it deletes anything."""

    inner: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def delete(self, _key: str) -> bool:
        raise Killed


@attrs.define
class MortalSink:
    inner: Any
    count: Counting

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __enter__(self) -> MortalSink:
        return self

    def __exit__(self, *_: object) -> None:
        self.inner.discard()

    def publish_as(self, key: str, size: int) -> bool:
        found = bool(self.inner.publish_as(key, size))
        self.count.step()
        return found


@attrs.define
class MortalCatalog:
    inner: Any
    count: Counting

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @contextlib.contextmanager
    def write(self, *locks: Any, **options: Any) -> Iterator[Any]:
        with self.inner.write(*locks, **options) as tx:
            yield tx
        self.count.step()


def mortal(world: World, count: Counting) -> Any:
    store = world.hub.store
    blobs, catalog = MortalStore(store.blobs, count), cast(Any, MortalCatalog(store.catalog, count))
    return attrs.evolve(
        world.hub,
        store=attrs.evolve(store, catalog=catalog, blobs=blobs, drafts=blobs),
    )


def test_a_job_that_is_killed_after_any_step_loses_nothing_and_is_completed_by_the_next(
    make_sender: Callable[..., Sender],
) -> None:
    bodies = {"a": noise(1, 330_000), "b": noise(1, 330_000)[:200_000] + b"end", "c": noise(3, 20_000)}
    fatal, finished = 1, False
    sender = make_sender()
    world = sender.world
    while not finished:
        ref = world.repo(f"alice/m{fatal}")
        salt = f"{fatal}".encode() * 3  # different content for each attempt, so that no chunks are shared
        made = {name: salt + data for name, data in bodies.items()}
        for name, data in made.items():
            world.add_large(ref, name, data)
        count = Counting(fatal)
        try:
            hub_work.chunk_files(mortal(world, count), world.row_id(ref))
            finished = True
        except Killed:
            assert {name: world.read(ref, name) for name in made} == made, fatal
            # Only harmless leftovers; the sweep of orphans reads bytes, too.
            assert damage(world) == [], fatal
            announced = {name: sender.hash_at(ref, name) for name in made}
            chunk(world, ref)
            assert {name: world.read(ref, name) for name in made} == made, fatal
            for name, before in announced.items():
                assert before in (None, sender.hash_at(ref, name))
        assert all(sender.hash_at(ref, name) is not None for name in made)
        fatal += 1
    assert fatal > 8
    assert damage(world) == []


def test_raw_bytes_that_a_killed_job_left_behind_are_taken_by_the_sweep(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    data = noise(1, 50_000)
    sha256 = world.add_large(ref, "w", data)

    store = attrs.evolve(world.hub.store, blobs=Dying(world.hub.store.blobs))
    with pytest.raises(Killed):
        hub_work.chunk_files(attrs.evolve(world.hub, store=store), world.row_id(ref))
    assert raw_keys(world) == {file_key(sha256)}
    chunk(world, ref)
    sender.age(file_key(sha256))
    world.clock.advance(1)
    list(maintenance.gc(world.hub, grace_ms=0))
    assert raw_keys(world) == set()
    assert world.read(ref, "w") == data


def test_a_job_verifies_the_claims_of_its_repository_only_and_step_by_step(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechunking, "_PIECE", 10_000)
    mine, other = world.repo("alice/m"), world.repo("bob/m")
    sender.add(mine, "w", sender.chunks("mine", 40))
    sender.add(other, "w", sender.chunks("other", 40))
    steps = handlers.verify_claims(world.hub, {"repo": world.row_id(mine)})
    assert len(list(steps)) >= 4
    with world.hub.read() as tx:
        assert xet_files.repos_with_claims(tx) == [world.row_id(other)]
    handlers.reverify(world.hub, {})
    with world.hub.read() as tx:
        waiting = [(job.kind, job.args.get("repo")) for job in jobs.find(tx, states=["ready"], lanes=["heavy"])]
    assert ("verify", world.row_id(other)) in waiting


def test_chunking_yields_while_it_reads_and_while_it_writes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_chunks, "_PIECE", 100_000)
    monkeypatch.setattr(rechunking, "_CUTS_IN_A_STEP", 1)
    ref = world.repo("alice/m")
    world.add_large(ref, "zeros", bytes(2_000_000))
    looked: list[bytes] = []
    look_up = rechunking.Rechunker._look_up

    def note(self: rechunking.Rechunker, raw: bytes) -> None:
        looked.append(raw)
        look_up(self, raw)

    monkeypatch.setattr(rechunking.Rechunker, "_look_up", note)
    assert len(list(rechunking.chunk_steps(world.hub, world.row_id(ref)))) >= 20 + 2_000_000 // 131_072
    assert len(looked) == len(set(looked))
    assert world.read(ref, "zeros") == bytes(2_000_000)
