from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog import files, jobs, xet_files, xorbs
from entrepot.errors import Busy, EntryNotFound, LargeFileMissing, ThingNotFound
from entrepot.hub import chunks, contents, followups, ingestion, lfs_files, repositories, scrubbing, transfers, upkeep
from entrepot.hub.operations import AddFile, AddLarge, Copy
from entrepot.names import RepoId, RepoPath, RepoRef, Sha256
from entrepot.xet import XorbBuilder, chunk_ends, chunk_hash, file_hash, read_hash

P = RepoPath


@pytest.fixture
def ref(world: Any) -> RepoRef:
    return world.repo()


@pytest.fixture(autouse=True)
def small_xorbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Xorbs of 300,000 bytes, so that a file needs several."""

    class Small(XorbBuilder):
        def has_room(self, length: int) -> bool:
            return self.count == 0 or self.raw_size + length <= 300_000

    monkeypatch.setattr(ingestion, "XorbBuilder", Small)


def noise(seed: object, size: int) -> bytes:
    return random.Random(str(seed)).randbytes(size)


def sha(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def chunk(world: Any, ref: RepoRef) -> int:
    return ingestion.chunk_files(world.hub, world.row_id(ref))


def raw_keys(world: Any) -> set[str]:
    return {stat.key for stat in world.hub.store.blobs.list("files/")}


def damage(world: Any) -> list[Any]:
    return [finding for finding in upkeep.fsck(world.hub, checks_chunks=True) if finding.is_damage]


def hash_of(data: bytes) -> str:
    """What a client would call a file."""
    ends = chunk_ends(data)
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return file_hash(b"".join(map(chunk_hash, pieces)), [len(piece) for piece in pieces])


# --- files that came whole --------------------------------------------------


def test_a_raw_file_becomes_chunks_and_reads_the_same(world: Any, sender: Any, ref: RepoRef) -> None:
    data = noise(1, 700_000)
    world.add_large(ref, "w.bin", data)
    assert sender.hash_at(ref, "w.bin") is None
    assert chunk(world, ref) == 1
    assert sender.hash_at(ref, "w.bin") == hash_of(data)
    assert raw_keys(world) == set()
    assert len(sender.keys()) >= 3
    assert world.read(ref, "w.bin") == data
    located = contents.locate(world.hub, world.alice, ref, "main", P("w.bin"))
    with contextlib.closing(located.open(world.hub)) as content:
        for start in (0, 1, 299_999, 300_000, 300_001, 699_999):
            assert content.read_at(start, 100_000) == data[start : start + 100_000]
    assert chunk(world, ref) == 0
    assert damage(world) == []


def test_a_client_of_the_chunk_store_reads_it_too(world: Any, sender: Any, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    world.add_large(ref, "w.bin", data)
    chunk(world, ref)
    plan = chunks.reconstruct(world.hub, sender.give_read(ref), sender.hash_at(ref, "w.bin"), 100_000, 300_000)
    assert plan.length == 200_001
    for given in (sender.give_read(world.repo("alice/o")), sender.give_read(world.repo("bob/o"))):
        with pytest.raises(ThingNotFound):
            chunks.reconstruct(world.hub, given, sender.hash_at(ref, "w.bin"), 0, None)


def test_lfs_clients_fetch_it_all_the_same(world: Any, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    sha256 = world.add_large(ref, "w.bin", data)
    [before] = transfers.plan_downloads(world.hub, world.alice, ref, [transfers.Wanted(sha256, len(data))])
    chunk(world, ref)
    assert isinstance(before.link, transfers.Link)
    with contextlib.closing(transfers.fetch(world.hub, sha256, before.link.query)) as content:
        assert content.read_at(0, content.size) == data
    [again] = transfers.plan_uploads(
        world.hub, world.alice, ref, [transfers.Wanted(sha256, len(data))], takes_parts=False
    )
    assert again.link is None


def test_what_was_opened_before_is_read_to_its_end(world: Any, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    world.add_large(ref, "w.bin", data)
    located = contents.locate(world.hub, world.alice, ref, "main", P("w.bin"))
    with contextlib.closing(located.open(world.hub)) as content:
        assert content.read_at(0, 1000) == data[:1000]
        assert chunk(world, ref) == 1
        assert content.read_at(1000, 400_000) == data[1000:]
    with contextlib.closing(located.open(world.hub)) as content:  # located while it was raw, opened now
        assert content.read_at(0, content.size) == data


def test_small_files_stay_as_they_are(world: Any, ref: RepoRef) -> None:
    for size in (1, ingestion.MIN_CHUNKED, ingestion.MIN_CHUNKED + 1):
        world.add_large(ref, f"{size}.bin", noise(size, size))
    assert chunk(world, ref) == 1
    assert len(raw_keys(world)) == 2
    assert [world.read(ref, f"{size}.bin") for size in (1, ingestion.MIN_CHUNKED + 1)] == [
        noise(size, size) for size in (1, ingestion.MIN_CHUNKED + 1)
    ]


def test_a_file_that_no_commit_names_stays_raw(world: Any, ref: RepoRef) -> None:
    world.upload(ref, noise(1, 100_000))
    assert chunk(world, ref) == 0
    assert len(raw_keys(world)) == 1


def test_similar_files_share_their_chunks(world: Any, sender: Any, ref: RepoRef) -> None:
    data = noise(1, 1_500_000)
    world.add_large(ref, "a", data)
    chunk(world, ref)
    before = sum(world.hub.store.blobs.stat(key).size for key in sender.keys())
    other = world.repo("bob/m")
    world.add_large(other, "b", data + noise(2, 100_000))
    world.add_large(other, "c", data[:900_000])
    assert chunk(world, other) == 2
    grown = sum(world.hub.store.blobs.stat(key).size for key in sender.keys()) - before
    assert grown < 500_000
    assert world.read(other, "b") == data + noise(2, 100_000)
    assert world.read(other, "c") == data[:900_000]


def test_namespaces_that_are_kept_apart_share_no_chunks(make_sender: Any) -> None:
    sender = make_sender(dedup_scope="namespace")
    world, data = sender.world, noise(1, 400_000)
    for owner, end in (("alice", b"1"), ("bob", b"2")):
        ref = world.repo(f"{owner}/m")
        world.add_large(ref, "w", data + end)
        chunk(world, ref)
        assert world.read(ref, "w") == data + end
    with world.hub.read() as tx:
        used = [xet_files.xorbs_of(tx, [sender.hash_at(world_ref(owner), "w")]) for owner in ("alice", "bob")]
    # Equal xorbs are one, but each namespace has made its own, not looked into the other's.
    for owner in ("alice", "bob"):
        realm = world.caller(owner).account.id
        with world.hub.read() as tx:
            mine = used[("alice", "bob").index(owner)]
            assert xorbs.in_realm(tx, realm, sorted(mine)) == mine


def world_ref(owner: str) -> RepoRef:
    from entrepot.names import RepoType

    return RepoRef(RepoType.MODEL, RepoId(owner, "m"))


def test_later_uploads_find_the_first_chunk_of_every_file(world: Any, sender: Any, ref: RepoRef) -> None:
    data = noise(1, 400_000)
    world.add_large(ref, "a", data)
    chunk(world, ref)
    world.add_large(ref, "b", data[chunk_ends(data)[1] :])  # all its chunks are known: it needs no xorb of its own
    chunk(world, ref)
    for start in (0, chunk_ends(data)[1]):
        piece = data[start : next(end for end in chunk_ends(data) if end > start)]
        assert chunks.find_chunk(world.hub, sender.give(ref), read_hash(chunk_hash(piece))) is not None


def test_more_files_than_a_batch_are_done_though_some_cannot_be(
    world: Any, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "_BATCH", 2)
    contents_ = {f"{n}": noise(n, 20_000) for n in range(5)}
    for name, data in contents_.items():
        world.add_large(ref, name, data)
        world.clock.advance(1)
    for lost in ("0", "1", "3"):
        world.hub.store.blobs.delete(file_key(sha(contents_[lost])))
    assert chunk(world, ref) == 2
    assert [world.read(ref, name) == contents_[name] for name in ("2", "4")] == [True, True]
    assert len(damage(world)) == 3


def test_rotten_bytes_do_not_become_chunks_of_a_good_name(world: Any, ref: RepoRef) -> None:
    sha256 = world.add_large(ref, "w", noise(1, 50_000))
    path = world.hub.store.blobs.path_of(file_key(sha256))
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"??")
    assert chunk(world, ref) == 0
    assert [finding.kind for finding in damage(world)] == ["corrupt"]


def test_bytes_that_a_git_object_needs_stay_raw(world: Any, sender: Any, ref: RepoRef) -> None:
    data = noise(1, 300_000)
    world.commit(ref, AddFile(P("inline"), data))
    world.add_large(ref, "w", data)
    assert chunk(world, ref) == 0
    assert raw_keys(world) == {file_key(sha(data))}
    assert damage(world) == []
    # Chunks that a client sent itself do not drive them out either.
    other = world.repo("bob/m")
    sender.add(other, "w", [data[:100_000], data[100_000:200_000], data[200_000:]])
    assert ingestion.verify_claims(world.hub) == 1
    assert raw_keys(world) == {file_key(sha(data))}
    assert damage(world) == []


def test_raw_bytes_are_kept_while_the_chunks_are_damaged_and_make_them_anew(
    world: Any, sender: Any, ref: RepoRef
) -> None:
    data = noise(1, 50_000)
    world.add_large(ref, "w", data)
    chunk(world, ref)
    before = sender.hash_at(ref, "w")
    sender.spoil(sender.keys()[0])
    assert damage(world)
    # Somebody who may not read the repository sends the same file.
    other = world.repo("bob/m")
    with world.hub.write() as tx:
        files.reserve(tx, sha(data), len(data), world.clock())
    put(world.hub.store.blobs, file_key(sha(data)), data)
    with world.hub.write() as tx:
        files.confirm(tx, sha(data), len(data))
        files.link(tx, world.row_id(other), [sha(data)], None, world.clock())
    assert world.read(ref, "w") == data
    assert chunk(world, ref) == 1
    assert world.read(ref, "w") == data
    assert raw_keys(world) == set()
    assert sender.hash_at(ref, "w") == before
    assert damage(world) == []


def test_a_known_chunk_that_is_swept_before_the_end_is_made_again(
    world: Any, sender: Any, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = noise(1, 400_000)
    first = world.repo("alice/first")
    world.add_large(first, "w", data)
    chunk(world, first)
    repositories.delete(world.hub, world.alice, first)
    world.add_large(ref, "v", data + b"more")
    world.clock.advance(1)
    finish = ingestion.Ingestion.finish

    def late(self: ingestion.Ingestion) -> None:
        monkeypatch.undo()
        assert any(item.kind == "xorb" for item in upkeep.gc(world.hub, grace_ms=0, bumps_epoch=True))
        finish(self)

    monkeypatch.setattr(ingestion.Ingestion, "finish", late)
    with pytest.raises(Busy):
        chunk(world, ref)
    assert world.read(ref, "v") == data + b"more"
    assert chunk(world, ref) == 1
    assert world.read(ref, "v") == data + b"more"
    assert damage(world) == []


def test_the_same_file_in_two_repositories_is_chunked_by_two_workers_at_once(world: Any, sender: Any) -> None:
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
def test_an_upload_beside_the_end_of_the_raw_bytes_loses_nothing(
    world: Any, sender: Any, ref: RepoRef, moment: str
) -> None:
    data = noise(1, 50_000)
    sha256 = world.add_large(ref, "w", data)
    other = world.repo("bob/m", visibility="private")
    world.commit(other, AddFile(P("x"), b"x"))
    private = world.repo("alice/p", visibility="private")
    world.add_large(private, "w", data)
    [answer] = transfers.plan_uploads(
        world.hub, world.wendy, world.repo("acme/m", by=world.wendy), [transfers.Wanted(sha256, 1)], takes_parts=False
    )
    assert answer.refusal is not None  # she sees the public one; bob's upload below is made by hand
    now = world.clock()
    if moment == "before the bytes":
        chunk(world, ref)
    with world.hub.write() as tx:
        files.reserve(tx, sha256, len(data), now)
    put(world.hub.store.blobs, file_key(sha256), data)
    if moment == "before the row":
        chunk(world, ref)
    claim = {"oid": sha256, "repo": str(world.row_id(other)), "user": "1"}
    transfers._link_stored(world.hub, claim, len(data))
    if moment == "after the row":
        chunk(world, ref)
    assert world.read(ref, "w") == data
    with world.hub.read() as tx:
        assert files.is_raw(tx, sha256) == (world.hub.store.blobs.stat(file_key(sha256)) is not None)
    assert damage(world) == []


# --- killed anywhere --------------------------------------------------------


class Killed(BaseException):
    """What a process does not catch."""


@attrs.define
class Counting:
    """Counts steps, and dies after the one that it is told to."""

    fatal: int
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.fatal:
            raise Killed


@attrs.define
class MortalStore:
    """A store after each of whose changes the process may die."""

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
    def write(self) -> Iterator[Any]:
        with self.inner.write() as tx:
            yield tx
        self.count.step()


def mortal(world: Any, count: Counting) -> Any:
    store = world.hub.store
    blobs = MortalStore(store.blobs, count)
    return attrs.evolve(
        world.hub,
        store=attrs.evolve(store, catalog=MortalCatalog(store.catalog, count), blobs=blobs, drafts=blobs),
    )


def test_a_job_that_is_killed_after_any_step_loses_nothing_and_is_completed_by_the_next(
    make_sender: Any,
) -> None:
    bodies = {"a": noise(1, 330_000), "b": noise(1, 330_000)[:200_000] + b"end", "c": noise(3, 20_000)}
    fatal, finished = 1, False
    sender = make_sender()
    world = sender.world
    while not finished:
        ref = world.repo(f"alice/m{fatal}")
        salt = f"{fatal}".encode() * 3  # so that no try profits from the chunks of the one before
        made = {name: salt + data for name, data in bodies.items()}
        for name, data in made.items():
            world.add_large(ref, name, data)
        count = Counting(fatal)
        try:
            ingestion.chunk_files(mortal(world, count), world.row_id(ref))
            finished = True
        except Killed:
            assert {name: world.read(ref, name) for name in made} == made, fatal
            # Harmless leftovers only; bytes are read by the sweep of strays, too.
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
    # What the killed job had said it would delete is all that is left; a sweep takes it.
    for key in raw_keys(world):
        sender.age(key)


def test_raw_bytes_that_a_killed_job_left_behind_are_taken_by_the_sweep(world: Any, sender: Any, ref: RepoRef) -> None:
    data = noise(1, 50_000)
    sha256 = world.add_large(ref, "w", data)

    def die(_key: str) -> bool:
        raise Killed

    blobs = attrs.make_class("Dying", {"inner": attrs.field()}, namespace={"__getattr__": lambda self, name: die if name == "delete" else getattr(self.inner, name)})
    store = attrs.evolve(world.hub.store, blobs=blobs(world.hub.store.blobs))
    with pytest.raises(Killed):
        ingestion.chunk_files(attrs.evolve(world.hub, store=store), world.row_id(ref))
    assert raw_keys(world) == {file_key(sha256)}
    chunk(world, ref)
    sender.age(file_key(sha256))
    world.clock.advance(1)
    list(upkeep.gc(world.hub, grace_ms=0))
    assert raw_keys(world) == set()
    assert world.read(ref, "w") == data
