from __future__ import annotations

import contextlib
import hashlib

import pytest
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.files import xorbs
from entrepot.errors import InvalidSignature, RangeNotSatisfiable, ThingNotFound, XorbDamaged
from entrepot.hub.files import chunks, reconstructions
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.files.reconstructions import LinkedPart, LinkedParts
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.repos import lfs_files, repositories
from entrepot.names import RepoPath, RepoRef, Sha256, XetHash
from entrepot.xet import Xorb, file_parts
from tests.support.chunk_sender import Sender
from tests.support.worlds import World
from tests.support.xet_codec import decompress


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture
def keeps_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the hub store small xorbs as they are sent, as it does with large ones."""
    monkeypatch.setattr(chunks, "UNIFORM_BYTES", 0)


def damage(world: World, xorb: Xorb) -> None:
    with world.hub.write() as tx:
        found = xorbs.state(tx, xorb.hash)
        assert found is not None
        xorbs.mark_damaged(tx, xorb.hash, found.since_ms)


@pytest.mark.parametrize("is_odd", [False, True])
def test_who_guesses_private_content_learns_nothing_from_its_reconstruction(
    world: World, sender: Sender, *, is_odd: bool
) -> None:
    """Bob sends the chunks of a private file of alice, compressed alike or not, and chunks that were never stored."""
    secret, fresh = sender.chunks("secret"), [piece[::-1] for piece in sender.chunks("secret")]
    sender.add(world.repo("alice/secret", visibility="private"), "x.bin", secret)
    world.clock.advance(1000)
    mine = world.repo("bob/mine")
    given, seen = sender.give(mine, world.bob), []
    for pieces in (secret, fresh):
        xorb = sender.uncompressed(pieces) if is_odd else sender.xorb(pieces)
        was_new = sender.send(given, xorb)
        block = sender.block([(xorb, 0, len(pieces))], hashlib.sha256(b"".join(pieces)).hexdigest())
        sender.register(given, [block], [xorb])
        found = reconstructions.reconstruct(world.hub, given, block.hash, 0, None)
        [part] = found.parts
        data = data_of(world, part)
        stored = {name: value for name, value in part.query.items() if name not in ("sig", "part")}
        shape = (part.count, part.unpacked, part.size, len(part.query["part"]))
        seen.append((was_new, found.skip, found.length, shape, stored, data[:8], len(data)))
    assert seen[0] == seen[1]


def test_links_of_two_holders_cannot_be_compared(world: World, sender: Sender) -> None:
    pieces, sealed, names = sender.chunks("same"), [], []
    for owner in ("alice", "bob"):
        ref = world.repo(f"{owner}/m")
        file, _ = sender.upload(ref, pieces)
        parts = [one_part(world, sender.give(ref), file) for _ in range(2)]
        assert parts[0].query["part"] == parts[1].query["part"]
        sealed.append(parts[0].query["part"])
        names.append(parts[0].name)
    assert sealed[0] != sealed[1]
    assert names[0] == names[1]  # of the same content, which caches of clients use


def fetched(world: World, given: XetToken, file: XetHash, first: int, last: int | None) -> bytes:
    """Return a range as a client reads it: through the parts and their links."""
    found = reconstructions.reconstruct(world.hub, given, file, first, last)
    made = b"".join(b"".join(chunks_of(world, part)) for part in found.parts)
    return made[found.skip : found.skip + found.length]


def data_of(world: World, part: LinkedPart) -> bytes:
    with contextlib.closing(reconstructions.fetch(world.hub, part.name, part.query)) as content:
        assert content.size == part.size
        return content.read_at(0, part.size)


def chunks_of(world: World, part: LinkedPart) -> list[bytes]:
    data, found = data_of(world, part), []
    while data:
        length = 8 + int.from_bytes(data[1:4], "little")
        found.append(unpacked(data[:length]))
        data = data[length:]
    assert (len(found), sum(map(len, found))) == (part.count, part.unpacked)
    return found


def shapes_of(found: LinkedParts) -> list[tuple[object, ...]]:
    """Return all that parts say but for the keys in their links."""
    return [(part.name, part.count, part.unpacked, part.size, len(part.query["part"])) for part in found.parts]


def one_part(world: World, given: XetToken, file: XetHash, first: int = 0, last: int | None = None) -> LinkedPart:
    [part] = reconstructions.reconstruct(world.hub, given, file, first, last).parts
    return part


def unpacked(chunk: bytes) -> bytes:
    return decompress(chunk[4], chunk[8:], int.from_bytes(chunk[5:8], "little"))


def test_plans_and_links_give_every_range(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces, more = sender.chunks(1), sender.chunks(2, 3, 400)
    given = sender.give(ref)
    first, second = sender.xorb(pieces), sender.xorb(more)
    for xorb in (first, second):
        sender.send(given, xorb)
    block = sender.block([(first, 2, 4), (second, 0, 3), (first, 0, 3)], "a" * 64)
    sender.register(given, [block], [first, second])
    content = b"".join([*pieces[2:], *more, *pieces[:3]])
    reader = sender.give_read(ref)
    borders = [0, 999, 1000, 1001, 1999, 2000, 2399, 2400, 3199, 3200, 4200, len(content) - 1]
    for start in borders:
        assert fetched(world, reader, block.hash, start, None) == content[start:]
        for stop in borders:
            if stop >= start:
                assert fetched(world, reader, block.hash, start, stop) == content[start : stop + 1]
    assert fetched(world, reader, block.hash, 5, 10**9) == content[5:]
    with pytest.raises(RangeNotSatisfiable):
        reconstructions.reconstruct(world.hub, reader, block.hash, len(content), None)
    again = reconstructions.reconstruct(world.hub, reader, block.hash, 5, 2500)
    assert again == reconstructions.reconstruct(world.hub, reader, block.hash, 5, 2500)


def test_a_xet_token_gives_access_to_its_own_repository_only(world: World, sender: Sender, ref: RepoRef) -> None:
    other = world.repo("alice/other")
    file, _ = sender.add(ref, "w", sender.chunks(1))
    assert reconstructions.reconstruct(world.hub, sender.give_read(ref), file, 0, None).length == 4000
    for given in (sender.give_read(other), sender.give(other), sender.give(world.repo("bob/m"))):
        with pytest.raises(ThingNotFound):
            reconstructions.reconstruct(world.hub, given, file, 0, None)


def test_a_link_opens_one_part_of_one_file_for_a_while(world: World, sender: Sender, ref: RepoRef) -> None:
    one, two = (sender.upload(ref, sender.chunks(number))[0] for number in (1, 2))
    given = sender.give(ref)
    part, other = one_part(world, given, one), one_part(world, given, two)
    assert part.path == f"/_xet/xorbs/{part.name}"
    assert b"".join(chunks_of(world, part)) == b"".join(sender.chunks(1))
    for query in (
        {},
        {**part.query, "part": other.query["part"]},
        {**part.query, "exp": "9999999999"},
        {name: value for name, value in part.query.items() if name != "part"},
    ):
        with pytest.raises(InvalidSignature):
            reconstructions.fetch(world.hub, part.name, query)
    with pytest.raises(InvalidSignature):
        reconstructions.fetch(world.hub, other.name, part.query)
    world.clock.advance(world.hub.settings.url_lifetime_s * 1000 + 601_000)
    with pytest.raises(InvalidSignature):
        reconstructions.fetch(world.hub, part.name, part.query)


def test_links_of_one_plan_are_the_same_for_some_time(world: World, sender: Sender, ref: RepoRef) -> None:
    world.clock.now_ms -= world.clock.now_ms % 600_000 - 1000
    file, _ = sender.upload(ref, sender.chunks(1))
    given = sender.give(ref)
    found = reconstructions.reconstruct(world.hub, given, file, 3, 9)
    world.clock.advance(500_000)
    assert reconstructions.reconstruct(world.hub, given, file, 3, 9) == found


@pytest.mark.usefixtures("keeps_layouts")
def test_a_link_to_bytes_that_were_replaced_is_refused(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces = sender.chunks(1)
    file, _ = sender.upload(ref, pieces)
    xorb, given = sender.xorb(pieces), sender.give(ref)
    part = one_part(world, given, file)
    damage(world, xorb)
    with pytest.raises(XorbDamaged) as raised:
        reconstructions.fetch(world.hub, part.name, part.query)
    assert xorb.hash not in raised.value.public_message
    sender.send(given, sender.uncompressed(pieces))
    with pytest.raises(InvalidSignature):
        reconstructions.fetch(world.hub, part.name, part.query)
    fresh = one_part(world, given, file)
    assert fresh.name == part.name
    assert b"".join(chunks_of(world, fresh)) == b"".join(pieces)


def test_a_link_to_a_file_that_is_gone_is_not_found(world: World, sender: Sender, ref: RepoRef) -> None:
    file, _ = sender.upload(ref, sender.chunks(1))
    part = one_part(world, sender.give(ref), file)
    with world.hub.write() as tx:
        for table in (file_tables.xet_claims, file_tables.xet_file_xorbs, file_tables.xet_files):
            tx.sql.execute(sa.delete(table))
    with pytest.raises(ThingNotFound):
        reconstructions.fetch(world.hub, part.name, part.query)


def test_a_link_does_not_open_a_file_that_its_repository_lacks(world: World, sender: Sender, ref: RepoRef) -> None:
    file, _ = sender.add(ref, "w", sender.chunks(1))
    part = one_part(world, sender.give_read(ref), file)
    repositories.delete(world.hub, world.alice, ref)
    assert world.repo() == ref
    with pytest.raises(ThingNotFound):
        reconstructions.fetch(world.hub, part.name, part.query)
    sender.add(ref, "again", sender.chunks(1))
    assert b"".join(chunks_of(world, part)) == b"".join(sender.chunks(1))
    [listed] = lfs_files.list_files(world.hub, world.alice, ref, after=None, limit=1)
    lfs_files.delete(world.hub, world.alice, ref, [listed.link.uid], rewrites_history=True)
    with pytest.raises(ThingNotFound):
        reconstructions.fetch(world.hub, part.name, part.query)


def test_parts_end_at_fixed_numbers_of_chunks_wherever_these_lie(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_parts, "PART_CHUNKS", 4)
    pieces, other = sender.chunks(1, 10), world.repo("alice/other")
    whole = sender.xorb(pieces)
    split = [sender.xorb([b"more", *pieces[:3]]), sender.xorb([*sender.chunks(2), *pieces[3:]])]
    shapes = []
    for repo, made, terms in (
        (ref, [whole], [(whole, 0, 10)]),
        (other, split, [(split[0], 1, 4), (split[1], 4, 7), (split[1], 7, 11)]),
    ):
        given = sender.give(repo)
        for xorb in made:
            sender.send(given, xorb)
        block = sender.block(terms, hashlib.sha256(b"".join(pieces)).hexdigest())
        sender.register(given, [block], made)
        found = [reconstructions.reconstruct(world.hub, given, block.hash, *span) for span in ((0, None), (2500, 6100))]
        shapes.append([(one.skip, one.length, shapes_of(one)) for one in found])
        assert [part.count for part in found[0].parts] == [4, 4, 2]
        assert fetched(world, given, block.hash, 2500, 6100) == b"".join(pieces)[2500:6101]
    assert shapes[0] == shapes[1]


def test_an_answer_of_a_read_token_is_the_same_for_a_public_file_with_and_without_private_siblings(
    world: World, sender: Sender
) -> None:
    pieces, shapes = sender.chunks("public"), []
    for name, before, after in (("alone", 0, 0), ("short", 1, 0), ("long", 7, 3)):
        ref = world.repo(f"alice/{name}")
        xorb = sender.xorb([*sender.chunks(f"{name}-", before), *pieces, *sender.chunks(f"-{name}", after)])
        given = sender.give(ref)
        sender.send(given, xorb)
        sha256 = hashlib.sha256(b"".join(pieces)).hexdigest()
        block = sender.block([(xorb, before, before + len(pieces))], sha256)
        sender.register(given, [block], [xorb])
        world.commit(ref, AddLarge(RepoPath("w"), Sha256(sha256), None))
        found = reconstructions.reconstruct(world.hub, sender.give_read(ref, world.bob), block.hash, 10, 3500)
        assert all(xorb.hash not in str(part) for part in found.parts)
        shapes.append((found.skip, found.length, shapes_of(found)))
    assert shapes[0] == shapes[1] == shapes[2]
