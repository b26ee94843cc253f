from __future__ import annotations

import hashlib

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog.files import file_links, xet_files
from entrepot.catalog.files.file_links import LinkUser
from entrepot.errors import (
    ContentMismatch,
    LimitExceeded,
    Malformed,
    XorbMissing,
)
from entrepot.hub.files import chunk_answers, shards, xet_tokens
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import RepoRef, Sha256, XetHash
from entrepot.xet import FileBlock, Shard, Xorb, chunk_hash, encode_shard, read_hash
from tests.support.chunk_sender import Sender
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture
def given(sender: Sender, ref: RepoRef) -> XetToken:
    return sender.give(ref)


def name_of(piece: bytes) -> XetHash:
    return read_hash(chunk_hash(piece))


def give_proposer(sender: Sender, ref: RepoRef) -> XetToken:
    """Return a Xet token of bob, who may only propose changes."""
    hub = sender.world.hub
    issued = xet_tokens.issue_write(hub, sender.world.bob, ref, None)
    return xet_tokens.check(hub, issued.secret, issued.store)


def test_of_a_shard_with_one_wrong_file_nothing_is_registered(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    good, bad = sender.block([(xorb, 0, 4)], "a" * 64), sender.block([(xorb, 1, 2)], "b" * 64)
    for wrong in (attrs.evolve(bad, hash=XetHash("c" * 64)), attrs.evolve(bad, range_hashes=b"x" * 32)):
        with pytest.raises(Malformed):
            sender.register(given, [good, wrong], [xorb])
    with world.hub.read() as tx:
        assert xet_files.ids(tx) == []
    assert chunk_answers.find_chunk(world.hub, given, name_of(sender.chunks(1)[0])) is None


def many_files(sender: Sender, given: XetToken, count: int) -> tuple[list[FileBlock], Xorb]:
    """Send a xorb, and return as many files that are parts of it."""
    xorb = sender.xorb(sender.chunks("many", count + 1, 64))
    sender.send(given, xorb)
    return [sender.block([(xorb, n, n + 2)], hashlib.sha256(str(n).encode()).hexdigest()) for n in range(count)], xorb


def test_a_shard_of_many_files_costs_few_statements(world: World, sender: Sender, given: XetToken) -> None:
    files, xorb = many_files(sender, given, 300)
    ran: list[str] = []
    sa.event.listen(world.hub.catalog._engine, "before_cursor_execute", lambda *told: ran.append(told[2]))
    sender.register(given, files, [xorb])
    assert len(ran) < 100


def test_a_long_shard_is_recorded_in_parts_between_which_others_write(
    world: World, sender: Sender, ref: RepoRef, given: XetToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_PART", 20)
    files, xorb = many_files(sender, given, 40)
    counts = []
    for _step in shards.register_steps(world.hub, given, encode_shard(Shard(tuple(files), (sender.listed(xorb),)))):
        with world.hub.read() as tx:
            counts.append(len(xet_files.ids(tx)))
        world.add(ref, f"{len(counts)}.txt")
    assert list(dict.fromkeys(counts)) == [0, 10, 20, 30, 40]
    with world.hub.read() as tx:
        wanted = [file.sha256 for file in files if file.sha256 is not None]
        claims = xet_files.claimed(tx, given.repo_id, wanted, LinkUser(given.user_id, is_writer=True))
    assert {sha256: claim.hash for sha256, claim in claims.items()} == {file.sha256: file.hash for file in files}
    assert chunk_answers.find_chunk(world.hub, given, name_of(sender.chunks("many", 41, 64)[39])) is not None


def test_a_missing_xorb_is_named(sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    with pytest.raises(XorbMissing) as caught:
        sender.register(given, [sender.block([(xorb, 0, 4)])])
    assert caught.value.xorb == xorb.hash


def test_claims_of_proposers_are_verified(sender: Sender) -> None:
    world, ref = sender.world, sender.world.repo()
    given, pieces = give_proposer(sender, ref), sender.chunks("true")
    assert given.is_proposal
    xorb = sender.xorb(pieces)
    sender.send(given, xorb)
    wanted = Sha256("ab" * 32)
    with pytest.raises(ContentMismatch, match=wanted):
        sender.register(given, [sender.block([(xorb, 0, xorb.index.count)], wanted)], [xorb])
    true = Sha256(hashlib.sha256(b"".join(pieces)).hexdigest())
    sender.register(given, [sender.block([(xorb, 0, xorb.index.count)], true)], [xorb])
    with world.hub.read() as tx:
        assert xet_files.claimed(tx, world.row_id(ref), [wanted, true]) == {}
        assert file_links.usable(tx, world.row_id(ref), [wanted, true]) == {true: 4000}
        assert file_links.usable(tx, world.row_id(ref), [true], file_links.READER) == {}


def test_a_proposer_cannot_claim_gigabytes_that_repeat_a_few_bytes(sender: Sender) -> None:
    """Their sha256 would take hours of computing for a shard of a few kilobytes."""
    given, xorb = give_proposer(sender, sender.world.repo()), sender.xorb([bytes(131_072)])
    sender.send(given, xorb)
    block = sender.block([(xorb, 0, 1)] * (3 * 8192), "ab" * 32)  # 3 GiB
    with pytest.raises(LimitExceeded, match="LFS"):
        sender.register(given, [block], [xorb])


def test_a_proposer_may_repeat_chunks(sender: Sender) -> None:
    ref = sender.world.repo()
    given, xorb = give_proposer(sender, ref), sender.xorb([bytes(1000)])
    sender.send(given, xorb)
    sha256 = Sha256(hashlib.sha256(bytes(100_000)).hexdigest())
    sender.register(given, [sender.block([(xorb, 0, 1)] * 100, sha256)] * 2, [xorb])
    with sender.world.hub.read() as tx:
        assert file_links.usable(tx, sender.world.row_id(ref), [sha256]) == {sha256: 100_000}


def test_a_false_claim_of_a_proposer_does_not_affect_commits_of_the_owner(sender: Sender) -> None:
    world, ref = sender.world, sender.world.repo()
    good, bad = sender.chunks("good"), sender.chunks("bad")
    sha256 = hashlib.sha256(b"".join(good)).hexdigest()
    given, xorb = give_proposer(sender, ref), sender.xorb(bad)
    sender.send(given, xorb)
    with pytest.raises(ContentMismatch):
        sender.register(given, [sender.block([(xorb, 0, xorb.index.count)], Sha256(sha256))], [xorb])
    sender.add(ref, "model.bin", good)
    assert world.read(ref, "model.bin") == b"".join(good)
