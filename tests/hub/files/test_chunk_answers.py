from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog.files import chunk_access, xorbs
from entrepot.errors import XorbMissing
from entrepot.hub.files import chunk_answers, chunk_rights, chunks, xet_tokens, xorb_scrubbing
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType, Sha256, XetHash
from entrepot.xet import Xorb, XorbBlock, chunk_hash, keyed_chunk_hash, parse_shard, read_hash
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

DAY_MS = 86_400_000


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture
def given(sender: Sender, ref: RepoRef) -> XetToken:
    return sender.give(ref)


def name_of(piece: bytes) -> XetHash:
    return read_hash(chunk_hash(piece))


def damage(world: World, xorb: Xorb) -> None:
    with world.hub.write() as tx:
        found = xorbs.state(tx, xorb.hash)
        assert found is not None
        xorbs.mark_damaged(tx, xorb.hash, found.since_ms)


def sweep(world: World) -> list[str]:
    """Delete what nothing uses; return the xorbs that went."""
    return [item.what for item in maintenance.gc(world.hub, grace_ms=0, bumps_epoch=True) if item.kind == "xorb"]


def answered(answer: bytes | None) -> dict[str, bytes]:
    """Return the xorbs of a response by name, and their keyed chunk hashes."""
    assert answer is not None
    shard = parse_shard(answer)
    assert shard.files == ()
    return {block.hash: block.hashes for block in shard.xorbs}


def test_the_first_chunk_of_a_file_finds_its_xorb_and_those_that_came_with_it(
    world: World, sender: Sender, given: XetToken
) -> None:
    one, two, three = (sender.chunks(n) for n in range(3))
    made = [sender.xorb(pieces) for pieces in (one, two, three)]
    for xorb in made:
        sender.send(given, xorb)
    sender.register(given, [sender.block([(made[0], 1, 4), (made[1], 0, 4)], "a" * 64)], made[:2])
    sender.register(given, [sender.block([(made[2], 0, 4)], "b" * 64)], made[2:])
    answer = chunk_answers.find_chunk(world.hub, given, name_of(one[1]))
    assert set(answered(answer)) == {made[0].hash, made[1].hash}
    assert chunk_answers.find_chunk(world.hub, given, name_of(one[2])) is None
    assert chunk_answers.find_chunk(world.hub, given, XetHash("a" * 64)) is None


def test_an_answer_shows_no_chunk_hash_to_those_who_have_not_the_chunk(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    pieces = sender.chunks(1)
    sender.upload(ref, pieces)
    answer = chunk_answers.find_chunk(world.hub, sender.give(ref), name_of(pieces[0]))
    assert answer is not None
    footer = parse_shard(answer).footer
    assert footer is not None
    assert any(footer.key)
    [hashes] = answered(answer).values()
    assert hashes == b"".join(keyed_chunk_hash(chunk_hash(piece), footer.key) for piece in pieces)
    assert not any(chunk_hash(piece) in answer for piece in pieces)
    now_s = world.clock() // 1000
    assert footer.created == now_s
    # Chunks that a client remembers as stored must be kept for longer than it remembers them.
    assert footer.expires - now_s + 7 * 86_400 <= xorb_scrubbing.XORB_GRACE_MS // 1000


def test_an_answer_keeps_its_xorbs_from_the_sweep(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces = sender.chunks(1)
    sender.upload(ref, pieces)
    given = sender.give(ref)
    world.clock.advance(20 * DAY_MS)
    assert chunk_answers.find_chunk(world.hub, given, name_of(pieces[0])) is not None
    world.clock.advance(20 * DAY_MS)
    assert [item.kind for item in maintenance.gc(world.hub, grace_ms=0) if item.kind == "xorb"] == []
    world.clock.advance(2 * DAY_MS)
    assert [item.kind for item in maintenance.gc(world.hub, grace_ms=0) if item.kind == "xorb"] == ["xorb"]


def test_an_answer_beside_a_sweep_names_nothing_that_is_going(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = sender.chunks(1)
    xorb, given = sender.xorb(pieces), sender.give(ref)
    sender.send(given, xorb)
    sender.register(given, [sender.block([(xorb, 0, 4)])], [xorb])
    world.clock.advance(1)
    near = chunk_access.near_chunk
    read = world.hub.store.catalog.read

    @contextlib.contextmanager
    def reading() -> Iterator[Any]:
        with read() as tx:
            yield tx
        if asked:
            asked.clear()
            assert sweep(world) == [xorb.hash]

    asked: list[bool] = []

    def looked_up(*args: Any) -> Any:
        asked.append(True)
        return near(*args)

    monkeypatch.setattr(world.hub.store.catalog, "read", reading)
    monkeypatch.setattr(chunk_access, "near_chunk", looked_up)
    assert chunk_answers.find_chunk(world.hub, given, name_of(pieces[0])) is None


def test_a_damaged_xorb_is_in_no_answer(world: World, sender: Sender, given: XetToken) -> None:
    made = [sender.xorb(sender.chunks(n)) for n in range(2)]
    for xorb in made:
        sender.send(given, xorb)
    sender.register(given, [sender.block([(made[0], 0, 4), (made[1], 0, 4)])], made)
    damage(world, made[1])
    assert set(answered(chunk_answers.find_chunk(world.hub, given, name_of(sender.chunks(0)[0])))) == {made[0].hash}
    damage(world, made[0])
    assert chunk_answers.find_chunk(world.hub, given, name_of(sender.chunks(0)[0])) is None


def test_namespaces_that_are_kept_apart_neither_find_nor_use_each_others_xorbs(
    make_sender: Callable[..., Sender],
) -> None:
    sender = make_sender(dedup_scope="namespace")
    world = sender.world
    ours, theirs = world.repo("alice/m", visibility="private"), world.repo("bob/m")
    pieces = sender.chunks(1)
    sender.upload(ours, pieces)
    xorb, stranger = sender.xorb(pieces), sender.give(theirs)
    assert chunk_answers.find_chunk(world.hub, stranger, name_of(pieces[0])) is None
    assert not chunks.has_xorb(world.hub, stranger, xorb.hash)
    block = sender.block([(xorb, 0, 4)], "a" * 64)
    for new in ([], [xorb]):
        with pytest.raises(XorbMissing):
            sender.register(stranger, [block], new)
    # Senders may refer to the bytes, and learn nothing about others who have them.
    assert sender.send(stranger, xorb) is True
    sender.register(stranger, [block], [xorb])
    assert chunk_answers.find_chunk(world.hub, stranger, name_of(pieces[0])) is not None
    assert len(sender.stored()) == 1


def test_namespaces_that_share_find_each_others_xorbs(make_sender: Callable[..., Sender]) -> None:
    sender, pieces = make_sender(dedup_scope="hub"), make_sender().chunks(1)
    world = sender.world
    sender.upload(world.repo("alice/m", visibility="private"), pieces)
    stranger = sender.give(world.repo("bob/m"))
    assert chunk_answers.find_chunk(world.hub, stranger, name_of(pieces[0])) is not None
    assert chunks.has_xorb(world.hub, stranger, sender.xorb(pieces).hash)


def give_proposer(sender: Sender, ref: RepoRef) -> XetToken:
    """Return a Xet token of bob, who may only propose changes."""
    hub = sender.world.hub
    issued = xet_tokens.issue_write(hub, sender.world.bob, ref, None)
    return xet_tokens.check(hub, issued.secret, issued.store)


def test_a_proposer_uses_chunks_of_their_own_namespace(make_sender: Callable[..., Sender]) -> None:
    sender = make_sender(dedup_scope="namespace")
    world, ref = sender.world, sender.world.repo()
    pieces = sender.chunks("private")
    sender.add(world.repo("alice/secret", visibility="private"), "x.bin", pieces)
    given = give_proposer(sender, ref)
    assert given.namespace_id == world.bob.account.id
    xorb = sender.xorb(pieces)
    assert chunks.has_xorb(world.hub, given, xorb.hash) is False
    assert chunk_answers.find_chunk(world.hub, given, read_hash(chunk_hash(pieces[0]))) is None


def test_an_upload_learns_of_the_latest_chunks_of_its_repository_that_its_readers_may_use(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    assert chunk_answers.find_latest(world.hub, sender.give(ref)) is None
    for number in (1, 2):
        sender.add(ref, str(number), sender.chunks(number))
        world.clock.advance(1000)
    sender.upload(ref, sender.chunks("uncommitted"))
    secret = world.repo("alice/secret", visibility="private")
    sender.add(secret, "w", sender.chunks("secret"))
    first, second = (sender.xorb(sender.chunks(number)).hash for number in (1, 2))
    assert set(answered(chunk_answers.find_latest(world.hub, sender.give(ref)))) == {second, first}
    counts = [
        len(hashes) // 32
        for hashes in answered(chunk_answers.find_latest(world.hub, give_proposer(sender, ref))).values()
    ]
    assert counts == [4, 4]
    assert chunk_answers.find_latest(world.hub, sender.give_read(ref)) is None
    damage(world, sender.xorb(sender.chunks(2)))
    assert list(answered(chunk_answers.find_latest(world.hub, sender.give(ref)))) == [first]


def listed(answer: bytes | None, sender: Sender, names: Iterable[str]) -> set[str]:
    """Return the repositories whose chunks an answer lists; those of each are made from its name."""
    if answer is None:
        return set()
    footer = parse_shard(answer).footer
    assert footer is not None
    blocks = set(answered(answer).values())

    def keyed(name: str) -> bytes:
        return b"".join(keyed_chunk_hash(chunk_hash(piece), footer.key) for piece in sender.chunks(name))

    return {name for name in names if keyed(name) in blocks}


def test_the_first_upload_to_a_repository_learns_of_what_changed_last_that_its_sender_may_read(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("alice/old", "alice/own", "zed/open", "zed/secret", "zed/gated")
    for name in names:
        visibility = "private" if name in {"alice/own", "zed/secret"} else "public"
        repo = world.repo(name, visibility=visibility)
        sender.add(repo, "w", sender.chunks(name))
        if name == "zed/gated":
            repositories.configure(world.hub, world.caller("zed"), repo, RepoChanges(gated="auto"))
        world.clock.advance(1000)

    def learnt(repo: RepoRef) -> set[str]:
        return listed(chunk_answers.find_latest(world.hub, sender.give(repo)), sender, names)

    empty = world.repo("bob/m")
    assert learnt(ref) == {"alice/old", "alice/own", "zed/open"}
    assert learnt(empty) == {"alice/old", "zed/open"}
    assert chunk_answers.find_latest(world.hub, sender.give_read(empty)) is None
    with monkeypatch.context() as patched:  # what may not be used takes no place, and one's own comes first
        patched.setattr(chunk_answers, "_LATEST_XORBS", 1)
        assert learnt(ref) == {"alice/own"}
        assert learnt(empty) == {"zed/open"}
    shut = RepoChanges(visibility="private")
    repositories.configure(world.hub, world.caller("zed"), RepoRef(RepoType.MODEL, RepoId("zed", "open")), shut)
    assert learnt(empty) == {"alice/old"}
    sender.add(ref, "w", sender.chunks("mine"))
    assert learnt(ref) == set()  # from now on, the repository has files of its own


def test_a_chunk_of_a_private_sibling_costs_the_statements_of_one_never_stored(world: World, sender: Sender) -> None:
    shown, hidden = world.repo("alice/shown"), world.repo("alice/hidden", visibility="private")
    pieces = sender.chunks(1)
    xorb = sender.xorb(pieces)
    sender.send(sender.give(shown), xorb)
    for ref, start, end in ((shown, 0, 2), (hidden, 2, 4)):
        sha256 = hashlib.sha256(b"".join(pieces[start:end])).hexdigest()
        sender.register(sender.give(ref), [sender.block([(xorb, start, end)], sha256)], [xorb])
        world.commit(ref, AddLarge(RepoPath("w"), Sha256(sha256), None))
    stranger, ran = sender.give(world.repo("bob/m")), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        ran.append(statement)

    def asked(piece: bytes) -> tuple[bool, list[str]]:
        ran.clear()
        found = chunk_answers.find_chunk(world.hub, stranger, name_of(piece))
        return found is not None, [*ran]

    sa.event.listen(world.hub.catalog._engine, "before_cursor_execute", note)
    assert asked(pieces[0])[0]
    assert asked(pieces[2]) == asked(b"never stored") == (False, ran)


# --- runs of readable chunks -----------------------------------------------


def blocks_of(answer: bytes | None) -> list[XorbBlock]:
    assert answer is not None
    return list(parse_shard(answer).xorbs)


def shared_xorb(sender: Sender, pieces: list[bytes], parts: dict[str, tuple[int, int]]) -> Xorb:
    """Send a xorb as alice, and commit these chunks of it as files of her repositories."""
    xorb = sender.xorb(pieces)
    for name, (start, end) in parts.items():
        repo = sender.world.repo(f"alice/{name}", visibility="private" if name.startswith("private") else "public")
        sender.send(sender.give(repo), xorb)
        sha256 = hashlib.sha256(b"".join(pieces[start:end])).hexdigest()
        sender.register(sender.give(repo), [sender.block([(xorb, start, end)], sha256)], [xorb])
        sender.world.commit(repo, AddLarge(RepoPath("w"), Sha256(sha256), None))
    return xorb


def test_each_run_of_readable_chunks_is_a_xorb_of_its_own(world: World, sender: Sender) -> None:
    pieces = sender.chunks(1, 9)
    xorb = shared_xorb(sender, pieces, {"one": (1, 3), "private": (3, 6), "two": (6, 8)})
    answer = chunk_answers.find_chunk(world.hub, sender.give(world.repo("bob/m")), name_of(pieces[6]))
    found = {block.hash: block for block in blocks_of(answer)}
    assert len(found) == 2
    assert xorb.hash not in found
    assert [block.raw_ends.tolist() for block in found.values()] == [[1000, 2000]] * 2
    assert answer is not None
    footer = parse_shard(answer).footer
    assert footer is not None
    keyed = {
        b"".join(keyed_chunk_hash(chunk_hash(piece), footer.key) for piece in pieces[a:b]) for a, b in ((1, 3), (6, 8))
    }
    assert {block.hashes for block in found.values()} == keyed
    whole = blocks_of(chunk_answers.find_chunk(world.hub, sender.give(world.repo("alice/more")), name_of(pieces[6])))
    assert [(block.hash, len(block.raw_ends)) for block in whole] == [(xorb.hash, 9)]


def test_a_wholly_readable_xorb_looks_like_one_that_is_not(world: World, sender: Sender) -> None:
    stranger, shapes = sender.give(world.repo("bob/m")), []
    for seed, private in (("beside", {"private": (2, 5)}), ("alone", {})):
        pieces = sender.chunks(seed, 2 + 3 * len(private))
        xorb = shared_xorb(sender, pieces, {f"public-{seed}": (0, 2), **private})
        [block] = blocks_of(chunk_answers.find_chunk(world.hub, stranger, name_of(pieces[0])))
        assert block.hash != xorb.hash
        shapes.append((block.raw_ends.tolist(), block.size))
    assert shapes[0] == shapes[1]


def test_files_side_by_side_are_runs_of_their_own_whether_or_not_something_lies_between(
    world: World, sender: Sender
) -> None:
    stranger, found = sender.give(world.repo("bob/m")), []
    for seed, between in (("touching", 0), ("apart", 3)):
        pieces = sender.chunks(seed, 4 + between)
        shared_xorb(sender, pieces, {f"a-{seed}": (0, 2), f"b-{seed}": (2 + between, 4 + between)})
        answer = blocks_of(chunk_answers.find_chunk(world.hub, stranger, name_of(pieces[0])))
        found.append([block.raw_ends.tolist() for block in answer])
    assert found[0] == found[1] == [[1000, 2000]] * 2


def test_neighbours_that_a_caller_may_not_use_take_no_place_of_others(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_answers, "_ANSWER_XORBS", 2)
    shown, hidden = world.repo("alice/shown"), world.repo("alice/hidden", visibility="private")
    made = [sender.xorb(sender.chunks(number)) for number in range(6)]
    for xorb in made:
        sender.send(sender.give(shown), xorb)
    sender.register(sender.give(shown), [], made)
    for ref, held in ((shown, made[:2]), (hidden, made[2:])):
        for number, xorb in enumerate(held):
            sha256 = hashlib.sha256(xorb.hash.encode()).hexdigest()
            sender.register(sender.give(ref), [sender.block([(xorb, 0, 4)], sha256)])
            world.commit(ref, AddLarge(RepoPath(str(number)), Sha256(sha256), None))
    stranger = sender.give(world.repo("bob/m"))
    for pieces in (sender.chunks(0), sender.chunks(1)):
        assert len(blocks_of(chunk_answers.find_chunk(world.hub, stranger, name_of(pieces[0])))) in (1, 2)
    [group] = with_neighbours(world, stranger, name_of(sender.chunks(0)[0]))
    assert set(group) <= {made[0].hash, made[1].hash}


def with_neighbours(world: World, given: XetToken, chunk: XetHash) -> list[list[XetHash]]:
    with world.hub.read() as tx:
        return chunk_access.near_chunk(tx, chunk_rights.viewer_of(world.hub, tx, given), chunk, 2)
