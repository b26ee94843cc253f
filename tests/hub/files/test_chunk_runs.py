from __future__ import annotations

import hashlib
from collections.abc import Callable

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.files import xet_files
from entrepot.catalog.files.file_links import LinkUser
from entrepot.errors import XorbMissing
from entrepot.hub.files import chunk_answers, chunks, reconstructions, shards
from entrepot.hub.files.chunk_runs import RunNames
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoPath, RepoRef, Sha256, XetHash
from entrepot.xet import FileBlock, Shard, Term, Terms, Xorb, XorbRun, chunk_hash, encode_shard, parse_shard, read_hash
from tests.support.chunk_sender import Sender
from tests.support.hub_work import register_shard
from tests.support.worlds import World


@attrs.frozen
class Shared:
    """A xorb of alice, whose chunks 2 to 6 are public, and bob, who may use them."""

    sender: Sender
    xorb: Xorb
    pieces: list[bytes]
    public: RepoRef
    given: XetToken

    def name(self) -> XetHash:
        """Return the name by which bob knows the public chunks."""
        chunk = read_hash(chunk_hash(self.pieces[2]))
        answer = chunk_answers.find_chunk(self.sender.world.hub, self.given, chunk)
        assert answer is not None
        [block] = parse_shard(answer).xorbs
        assert len(block.raw_ends) == 4
        return block.hash

    def block(self, name: XetHash, start: int, end: int) -> FileBlock:
        """Return a file of these chunks of the run."""
        real = self.sender.block([(self.xorb, 2 + start, 2 + end)], "a" * 64)
        [term] = real.terms
        return attrs.evolve(real, terms=Terms.of([Term(name, start, end, term.unpacked)]))

    def register(self, block: FileBlock) -> None:
        register_shard(self.sender.world.hub, self.given, encode_shard(Shard((block,), ())))

    def refusal(self, block: FileBlock) -> str:
        with pytest.raises(XorbMissing) as raised:
            self.register(block)
        return str(raised.value).replace(next(iter(block.terms)).xorb, "NAME").replace(block.hash, "FILE")


@pytest.fixture
def shared(world: World, sender: Sender) -> Shared:
    public, private = world.repo("alice/shown"), world.repo("alice/hidden", visibility="private")
    pieces = sender.chunks("shared", 8)
    xorb = sender.xorb(pieces)
    sender.send(sender.give(public), xorb)
    for ref, start, end in ((private, 0, 2), (public, 2, 6), (private, 6, 8)):
        sha256 = hashlib.sha256(b"".join(pieces[start:end])).hexdigest()
        sender.register(sender.give(ref), [sender.block([(xorb, start, end)], sha256)], [xorb])
        world.commit(ref, AddLarge(RepoPath(f"w{start}"), Sha256(sha256), None))
    return Shared(sender, xorb, pieces, public, sender.give(world.repo("bob/m")))


def test_a_file_that_uses_a_run_is_stored_with_its_xorb(world: World, shared: Shared) -> None:
    block = shared.block(shared.name(), 1, 4)
    shared.register(block)
    with world.hub.read() as tx:
        used = tx.sql.execute(sa.select(file_tables.xet_file_xorbs.c.xorb)).scalars().all()
        stored = tx.sql.execute(
            sa.select(file_tables.xet_files.c.terms).where(file_tables.xet_files.c.hash == block.hash)
        ).scalar_one()
    assert set(used) == {shared.xorb.hash}
    assert list(Terms(stored)) == [Term(shared.xorb.hash, 3, 6, 3000)]
    assert reconstructions.reconstruct(world.hub, shared.given, block.hash, 0, None).length == 3000


def test_a_xorb_is_named_by_its_hash_by_those_who_have_sent_it(shared: Shared) -> None:
    block = shared.sender.block([(shared.xorb, 3, 5)], "a" * 64)
    shared.sender.register(shared.sender.give(shared.public), [block])
    shared.sender.send(shared.given, shared.xorb)
    shared.register(block)


def test_a_guessed_xorb_is_answered_like_an_absent_one_though_its_chunks_are_readable(shared: Shared) -> None:
    """The hash derives from the private chunks beside them, so it would confirm a guess of these."""
    name, absent = shared.name(), shared.refusal(shared.block(XetHash("1" * 64), 0, 2))
    guessed = shared.sender.block([(shared.xorb, 2, 4)], "a" * 64)
    assert shared.refusal(guessed) == absent
    real = shared.block(name, 0, 2)  # a valid name of the same chunks in the same shard makes no difference
    for block in (guessed, attrs.evolve(guessed, terms=Terms.of([Term(XetHash("1" * 64), 2, 4, 2000)]))):
        with pytest.raises(XorbMissing) as raised:
            register_shard(shared.sender.world.hub, shared.given, encode_shard(Shard((real, block), ())))
        assert raised.value.xorb == next(iter(block.terms)).xorb


def test_a_xorb_of_readable_chunks_alone_is_sent_like_one_that_is_not_stored(world: World, sender: Sender) -> None:
    """Otherwise it would show that nothing lies beside them."""
    pieces, given = sender.chunks("alone"), sender.give(world.repo("bob/m"))
    sender.add(world.repo("alice/shown"), "w", pieces)
    xorb = sender.xorb(pieces)
    assert not chunks.has_xorb(world.hub, given, xorb.hash)
    block = sender.block([(xorb, 0, 4)], "a" * 64)
    for new in ([], [xorb]):
        with pytest.raises(XorbMissing):
            sender.register(given, [block], new)
    assert sender.send(given, xorb) is True
    assert sender.send(given, xorb) is False
    assert chunks.has_xorb(world.hub, given, xorb.hash)


def test_a_name_is_the_same_at_every_query_and_another_one_for_others(world: World, shared: Shared) -> None:
    name = shared.name()
    assert name == shared.name() != shared.xorb.hash
    names = [RunNames(world.hub, given) for given in (shared.given, shared.sender.give(world.repo("olga/m")))]
    with world.hub.read() as tx:
        assert [one.find(tx, [name]) for one in names] == [{name: XorbRun(shared.xorb.hash, 2, 6)}, {}]


@pytest.mark.parametrize(
    "forge",
    [
        lambda name: XetHash("0" * 64),
        lambda name: XetHash(name[:-1] + ("0" if name[-1] != "0" else "1")),
        lambda name: XetHash(("0" if name[0] != "0" else "1") + name[1:]),
        lambda name: XetHash(name[32:] + name[:32]),
    ],
    ids=["invented", "end", "beginning", "swapped"],
)
def test_a_forged_name_is_answered_like_an_absent_xorb(shared: Shared, forge: Callable[[XetHash], XetHash]) -> None:
    absent = shared.refusal(shared.block(XetHash("1" * 64), 0, 2))
    assert shared.refusal(shared.block(forge(shared.name()), 0, 2)) == absent


@pytest.mark.parametrize("span", [(0, 5), (4, 5), (5, 6)])
def test_chunks_outside_of_a_run_are_answered_like_those_of_an_absent_xorb(
    shared: Shared, span: tuple[int, int]
) -> None:
    assert shared.refusal(shared.block(shared.name(), *span)) == shared.refusal(shared.block(XetHash("1" * 64), *span))


def test_a_name_of_chunks_that_may_no_longer_be_read_is_answered_like_an_absent_xorb(
    world: World, shared: Shared
) -> None:
    name = shared.name()
    repositories.configure(world.hub, world.alice, shared.public, RepoChanges(visibility="private"))
    assert shared.refusal(shared.block(name, 0, 2)) == shared.refusal(shared.block(XetHash("1" * 64), 0, 2))


def test_the_name_of_another_holder_is_answered_like_an_absent_xorb(world: World, shared: Shared) -> None:
    name = shared.name()
    other = attrs.evolve(shared, given=shared.sender.give(world.repo("olga/m")))
    assert other.refusal(other.block(name, 0, 2)) == other.refusal(other.block(XetHash("1" * 64), 0, 2))
    other.register(other.block(other.name(), 0, 2))


def test_an_error_names_a_run_as_it_was_sent(world: World, shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    name = shared.name()
    monkeypatch.setattr(shards, "check_steps", lambda *_: (_ for _ in ()).throw(XorbMissing(shared.xorb.hash, "late")))
    with pytest.raises(XorbMissing) as raised:
        shared.register(shared.block(name, 0, 2))
    assert raised.value.xorb == name


def test_a_right_that_is_removed_while_a_shard_is_recorded_holds_for_none_of_its_later_parts(
    world: World, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_PART", 2)
    name = shared.name()
    blocks = [attrs.evolve(shared.block(name, 0, end), sha256=Sha256(f"{end:064x}")) for end in (1, 2, 3, 4)]
    steps = shards.register_steps(world.hub, shared.given, encode_shard(Shard(tuple(blocks), ())))

    def stored() -> int:
        with world.hub.read() as tx:
            user = LinkUser(shared.given.user_id, is_writer=True)
            wanted = [Sha256(f"{end:064x}") for end in (1, 2, 3, 4)]
            return len(xet_files.claimed(tx, shared.given.repo_id, wanted, user))

    while stored() < 2:
        next(steps)
    repositories.configure(world.hub, world.alice, shared.public, RepoChanges(visibility="private"))
    with pytest.raises(XorbMissing) as raised:
        list(steps)
    assert raised.value.xorb == name
    assert stored() == 2
