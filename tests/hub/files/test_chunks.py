from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from entrepot.blobs import file_key, put
from entrepot.catalog import Read
from entrepot.catalog.files import chunk_access, xet_files, xorbs
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.xorbs import SWEEP_LEASE_MS
from entrepot.catalog.visibility import Visibility
from entrepot.errors import (
    BlobMissing,
    Busy,
    ContentMismatch,
    InvalidCredentials,
    InvalidSignature,
    LimitExceeded,
    Malformed,
    RangeNotSatisfiable,
    StoreFull,
    ThingNotFound,
    XorbDamaged,
    XorbMissing,
)
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks, shards, xet_tokens, xorb_scrubbing
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.jobs import maintenance
from entrepot.names import RepoPath, RepoRef, Sha256, XetFileId, XetHash
from entrepot.storage import chunk_content
from entrepot.xet import (
    Xorb,
    chunk_hash,
    decompress,
    encode_hash,
    keyed_chunk_hash,
    parse_shard,
    parse_xorb,
    read_hash,
)
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

DAY_MS = 86_400_000


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture
def keeps_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the hub store small xorbs as they are sent, as it does with large ones."""
    monkeypatch.setattr(chunks, "UNIFORM_BYTES", 0)


@pytest.fixture
def given(sender: Sender, ref: RepoRef) -> XetToken:
    return sender.give(ref)


def name_of(piece: bytes) -> XetHash:
    return read_hash(chunk_hash(piece))


def row_of(world: World, xorb: Xorb) -> Any:
    with world.hub.read() as tx:
        return xorbs.find(tx, xorb.hash)


def damage(world: World, xorb: Xorb) -> None:
    with world.hub.write() as tx:
        found = xorbs.state(tx, xorb.hash)
        assert found is not None
        xorbs.mark_damaged(tx, xorb.hash, found.since_ms)


def named(tx: Read, file: XetFileId) -> XetHash:
    row = xet_files.find(tx, file)
    assert row is not None
    return row.hash


def whole(world: World, file: XetHash) -> bytes:
    """Return the content of the only file with this hash."""
    with world.hub.read() as tx:
        [found] = [one for one in xet_files.ids(tx) if named(tx, one) == file]
    with contextlib.closing(chunks.open_file(world.hub, found)) as content:
        return content.read_at(0, content.size)


def assert_sound(world: World) -> None:
    assert [finding for finding in maintenance.fsck(world.hub, checks_chunks=True) if finding.is_damage] == []


# --- xorbs ------------------------------------------------------------------


def test_a_xorb_is_kept_once(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    assert sender.send(given, xorb) is True
    assert sender.send(given, xorb) is False
    [key] = sender.stored()
    with world.hub.store.blobs.open(key) as reader:
        assert reader.read_at(0, reader.size) == xorb.data


def test_a_footer_is_not_kept(world: World, sender: Sender, given: XetToken, uploads_footer: bytes) -> None:
    pieces = sender.chunks(1)
    xorb = sender.xorb(pieces)
    assert sender.send(given, Xorb(xorb.hash, xorb.data + uploads_footer, xorb.index))
    [key] = sender.stored()
    assert world.hub.store.blobs.stat(key).size == len(xorb.data)


@pytest.fixture
def uploads_footer(sender: Sender) -> bytes:
    """The footer of the xorb of ``sender.chunks(1)``, as clients before 1.1.10 sent it."""
    xorb = sender.xorb(sender.chunks(1))
    count = xorb.index.count
    hashes = b"XBLBHSH\x00" + struct.pack("<I", count) + xorb.index.hashes
    bounds = b"XBLBBND\x01" + struct.pack(f"<I{count}I{count}I", count, *xorb.index.ends, *xorb.index.raw_ends)
    tail = struct.pack("<III16x", count, len(hashes) + len(bounds) + 28, len(bounds) + 28)
    footer = b"XETBLOB\x01" + encode_hash(xorb.hash) + hashes + bounds + tail
    return footer + struct.pack("<I", len(footer))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda data: data[:-1], Malformed),
        (lambda data: data + b"\0", Malformed),
        (lambda data: b"", Malformed),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), (Malformed, ContentMismatch)),
    ],
)
def test_of_bytes_that_are_not_the_xorb_nothing_is_kept(
    world: World, sender: Sender, given: XetToken, spoil: Any, error: Any
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    with pytest.raises(error):
        sender.send(given, Xorb(xorb.hash, spoil(xorb.data), xorb.index))
    with pytest.raises(ContentMismatch):
        sender.send(given, Xorb(XetHash("a" * 64), xorb.data, xorb.index))
    assert sender.stored() == []
    assert row_of(world, xorb) is None


def test_a_xorb_that_is_announced_too_large_is_refused_at_once(world: World, given: XetToken) -> None:
    with pytest.raises(LimitExceeded):
        chunks.receive_xorb(world.hub, given, XetHash("a" * 64), chunks.MAX_XORB_BODY + 1)


@attrs.define
class Interrupted:
    """A store that calls a function at the first call of a method."""

    inner: Any
    verb: str
    errand: Any

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name != self.verb:
            return found

        def call(*args: Any, **options: Any) -> Any:
            errand, self.errand = self.errand, None
            if errand is not None:
                errand()
            return found(*args, **options)

        return call


def interrupted(world: World, verb: str, errand: Any) -> Any:
    """Return the hub with a store that runs a function when this method is first called."""
    blobs = Interrupted(world.hub.store.blobs, verb, errand)
    return attrs.evolve(world.hub, store=attrs.evolve(world.hub.store, blobs=blobs))


def keep(hub: HubContext, given: XetToken, xorb: Xorb, errand: Any = lambda: None) -> bool:
    """Store a xorb, and run a function between the look-up and the publication of its bytes."""
    with hub.store.drafts.receive_unnamed() as sink:
        sink.write(xorb.data)
        return chunks.keep_xorb(hub, given.namespace_id, xorb.hash, xorb.index, Late(sink, errand))  # type: ignore[arg-type]


@attrs.define
class Late:
    """A sink that calls a function before it publishes."""

    inner: Any
    errand: Any

    def publish_as(self, key: str, size: int) -> bool:
        self.errand()
        return bool(self.inner.publish_as(key, size))


@pytest.mark.usefixtures("keeps_layouts")
def test_of_two_uploads_with_different_bytes_the_first_stays(
    world: World, sender: Sender, ref: RepoRef, given: XetToken
) -> None:
    pieces = sender.chunks(1)
    packed, plain = sender.xorb(pieces), sender.uncompressed(pieces)
    assert len(packed.data) < len(plain.data)
    assert keep(world.hub, given, packed, lambda: keep(world.hub, given, plain))
    assert row_of(world, packed).size == len(plain.data)
    file, _ = sender.add(ref, "w", pieces)
    assert whole(world, file) == b"".join(pieces)
    # The second copy of the bytes is orphaned and will be swept; nothing else will.
    assert len(sender.stored()) == 2
    for key in sender.stored():
        sender.age(key)
    world.clock.advance(22 * DAY_MS)
    assert [item.size for item in maintenance.gc(world.hub) if item.kind == "xorb"] == [len(packed.data)]
    assert whole(world, file) == b"".join(pieces)


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
        found = chunks.reconstruct(world.hub, given, block.hash, 0, None)
        [fetched] = found.fetches
        link = chunks.data_link(world.hub, given, xorb.hash, 0, fetched.ranges[0].last_byte)
        content, *_ = chunks.fetch(world.hub, xorb.hash, link.query)
        with contextlib.closing(content):
            layout = [content.read_at(0, 8), content.size]
        stored = {name: value for name, value in link.query.items() if name not in ("sig", "layout")}
        seen.append((was_new, found.skip, found.length, fetched.ranges, stored, layout))
    assert seen[0] == seen[1]


def test_a_link_does_not_tell_when_the_bytes_were_stored(world: World, sender: Sender) -> None:
    pieces, queries = sender.chunks("large"), []
    xorb = sender.xorb(pieces)
    for owner in ("alice", "bob"):
        given = sender.give(world.repo(f"{owner}/m"))
        sender.send(given, xorb)
        queries.append(chunks.data_link(world.hub, given, xorb.hash, 0, 9).query["layout"])
        with world.hub.read() as tx:
            state = xorbs.state(tx, xorb.hash)
        assert state is not None
        assert str(state.since_ms) not in chunks.data_link(world.hub, given, xorb.hash, 0, 9).query.values()
    assert queries[0] == queries[1]


def test_many_uploads_of_one_xorb_at_once_leave_one(world: World, sender: Sender, given: XetToken) -> None:
    pieces = sender.chunks(1)
    variants = [sender.xorb(pieces), sender.uncompressed(pieces)] * 4

    def attempt(xorb: Xorb) -> bool:
        for _ in range(100):
            with contextlib.suppress(Busy):
                return bool(sender.send(given, xorb))
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, variants))
    assert any(answers)
    block = sender.block([(variants[0], 0, 4)])
    sender.register(given, [block], [variants[0]])
    assert whole(world, block.hash) == b"".join(pieces)
    assert_sound(world)


def test_bytes_that_a_crash_left_are_looked_at_before_they_are_relied_on(
    world: World, sender: Sender, given: XetToken
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    key = chunk_content.key_of(chunk_content.row_of(xorb.hash, xorb.index))
    put(world.hub.store.blobs, key, xorb.data[:-1] + b"?")
    with pytest.raises(Busy):
        sender.send(given, xorb)
    assert sender.send(given, xorb) is True
    with world.hub.store.blobs.open(key) as reader:
        assert reader.read_at(0, reader.size) == xorb.data
    good = sender.xorb(sender.chunks(2))
    put(world.hub.store.blobs, chunk_content.key_of(chunk_content.row_of(good.hash, good.index)), good.data)
    assert sender.send(given, good) is True


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_damaged_xorb_is_mended_by_a_new_upload(world: World, sender: Sender, ref: RepoRef, is_packed: bool) -> None:
    pieces = sender.chunks(1)
    file, _ = sender.add(ref, "w", pieces)
    xorb = sender.xorb(pieces)
    assert whole(world, file) == b"".join(pieces)
    stored = sender.file_at(ref, "w")
    sender.spoil(sender.stored()[0])
    world.clock.advance(31 * DAY_MS)
    assert hub_work.scrub_xorbs(world.hub) == 1
    given = sender.give(ref)
    with pytest.raises(XorbDamaged):
        chunks.open_file(world.hub, stored)
    assert not chunks.has_xorb(world.hub, given, xorb.hash)
    assert sender.send(given, xorb if is_packed else sender.uncompressed(pieces)) is True
    assert whole(world, file) == b"".join(pieces)
    assert world.read(ref, "w") == b"".join(pieces)
    assert chunks.has_xorb(world.hub, given, xorb.hash)
    assert len(sender.stored()) == 1
    assert_sound(world)


def test_lost_bytes_are_mended_by_a_new_upload(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    world.hub.store.blobs.delete(sender.stored()[0])
    assert not chunks.has_xorb(world.hub, given, xorb.hash)
    assert sender.send(given, xorb) is True
    assert chunks.has_xorb(world.hub, given, xorb.hash)


@pytest.mark.usefixtures("keeps_layouts")
def test_only_one_upload_mends_at_a_time(world: World, sender: Sender, given: XetToken) -> None:
    pieces = sender.chunks(1)
    packed, plain = sender.xorb(pieces), sender.uncompressed(pieces)
    sender.send(given, packed)
    damage(world, packed)

    def second() -> None:
        with pytest.raises(Busy):
            keep(world.hub, given, plain)

    assert keep(world.hub, given, packed, second)
    assert row_of(world, packed).size == len(packed.data)
    assert len(sender.stored()) == 1
    assert_sound(world)


@pytest.mark.usefixtures("keeps_layouts")
def test_a_mending_that_dies_leaves_the_xorb_in_quarantine_until_the_next(
    world: World, sender: Sender, given: XetToken
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    damage(world, xorb)

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep(world.hub, given, xorb, die)
    assert row_of(world, xorb).is_damaged
    with pytest.raises(Busy):
        sender.send(given, xorb)
    world.clock.advance(SWEEP_LEASE_MS)
    assert sender.send(given, xorb) is True
    assert not row_of(world, xorb).is_damaged


@pytest.mark.usefixtures("keeps_layouts")
def test_a_mending_that_took_too_long_has_lost_to_the_next(world: World, sender: Sender, given: XetToken) -> None:
    pieces = sender.chunks(1)
    packed, plain = sender.xorb(pieces), sender.uncompressed(pieces)
    sender.send(given, packed)
    damage(world, packed)

    def second() -> None:
        world.clock.advance(SWEEP_LEASE_MS)
        assert keep(world.hub, given, plain)

    with pytest.raises(Busy):
        keep(world.hub, given, packed, second)
    assert row_of(world, packed).size == len(plain.data)
    assert world.hub.store.blobs.stat(chunk_content.key_of(row_of(world, packed))) is not None


def sweep(world: World, hub: HubContext | None = None) -> list[str]:
    return [item.what for item in maintenance.gc(hub or world.hub, grace_ms=0, bumps_epoch=True) if item.kind == "xorb"]


def test_an_upload_beside_a_sweep_of_the_same_xorb_waits_or_is_kept(
    world: World, sender: Sender, given: XetToken
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    world.clock.advance(1)

    def during() -> None:
        with pytest.raises(Busy):
            sender.send(given, xorb)
        assert not chunks.has_xorb(world.hub, given, xorb.hash)

    assert sweep(world, interrupted(world, "delete", during)) == [xorb.hash]
    assert sender.stored() == []
    assert not chunks.has_xorb(world.hub, given, xorb.hash)
    assert sender.send(given, xorb) is True


@pytest.mark.usefixtures("keeps_layouts")
def test_an_upload_started_before_a_sweep_stays_correct(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    damage(world, xorb)
    world.clock.advance(1)
    assert keep(world.hub, given, xorb, lambda: sweep(world))
    assert world.hub.store.blobs.stat(chunk_content.key_of(row_of(world, xorb))) is not None


def test_a_sweep_that_crashed_after_deleting_bytes_leaves_no_false_rows(
    world: World, sender: Sender, given: XetToken
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    world.clock.advance(1)
    with world.hub.write() as tx:
        assert xorbs.begin_sweep(tx, xorb.hash, world.clock(), world.clock())
    world.hub.store.blobs.delete(sender.stored()[0])
    world.clock.advance(SWEEP_LEASE_MS)
    assert not chunks.has_xorb(world.hub, given, xorb.hash)
    with pytest.raises(XorbMissing):
        sender.register(given, [sender.block([(xorb, 0, 4)])])
    assert sender.send(given, xorb) is True
    sender.register(given, [sender.block([(xorb, 0, 4)])])
    assert_sound(world)


def test_two_sweeps_at_once_do_not_take_what_comes_between(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    world.clock.advance(1)
    assert sweep(world, interrupted(world, "delete", lambda: sweep(world))) == [xorb.hash]
    assert sender.send(given, xorb) is True
    assert chunks.has_xorb(world.hub, given, xorb.hash)


@pytest.mark.parametrize("moment", ["stat", "delete"])
def test_orphaned_bytes_that_an_upload_records_are_not_swept(
    world: World, sender: Sender, given: XetToken, moment: str
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    key = chunk_content.key_of(chunk_content.row_of(xorb.hash, xorb.index))
    put(world.hub.store.blobs, key, xorb.data)
    sender.age(key)
    world.clock.advance(1)
    outcomes: list[bool] = []

    def upload() -> None:
        with contextlib.suppress(Busy):
            outcomes.append(sender.send(given, xorb))

    sweep(world, interrupted(world, moment, upload))
    while not outcomes:
        upload()
    assert chunks.has_xorb(world.hub, given, xorb.hash)
    assert_sound(world)


# --- shards -----------------------------------------------------------------


def test_a_file_is_registered_and_read_back(world: World, sender: Sender, ref: RepoRef, given: XetToken) -> None:
    pieces, more = sender.chunks(1), sender.chunks(2)
    first, second = sender.xorb(pieces), sender.xorb(more)
    for xorb in (first, second):
        sender.send(given, xorb)
    block = sender.block([(second, 1, 3), (first, 0, 4), (second, 0, 1)], "a" * 64)
    sender.register(given, [block], [first, second])
    assert whole(world, block.hash) == b"".join([*more[1:3], *pieces, more[0]])


def test_the_empty_file_is_a_file(world: World, sender: Sender, ref: RepoRef, given: XetToken) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    block = sender.block([], empty)
    assert block.hash == "0" * 64
    sender.register(given, [block])
    assert whole(world, block.hash) == b""
    assert chunks.reconstruct(world.hub, given, block.hash, 0, None).terms == ()
    with pytest.raises(RangeNotSatisfiable):
        chunks.reconstruct(world.hub, given, block.hash, 1, None)
    assert_sound(world)


def test_nothing_new_refers_to_a_damaged_xorb(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    damage(world, xorb)
    with pytest.raises(XorbDamaged):
        sender.register(given, [sender.block([(xorb, 0, 4)])])


@pytest.mark.parametrize("fate", ["swept", "damaged"])
def test_a_xorb_that_is_lost_while_its_shard_is_checked_is_not_referred_to(
    world: World, sender: Sender, given: XetToken, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    world.clock.advance(1)
    from entrepot.xet import check_shard as check

    def checked(*args: Any) -> None:
        check(*args)
        if fate == "swept":
            assert sweep(world) == [xorb.hash]
        else:
            damage(world, xorb)

    monkeypatch.setattr(shards, "check_shard", checked)
    with pytest.raises(XorbMissing):
        sender.register(given, [sender.block([(xorb, 0, 4)], "a" * 64)])
    assert [finding for finding in maintenance.fsck(world.hub) if finding.where.startswith("xet file")] == []


def test_registering_keeps_a_xorb_from_the_sweep(world: World, sender: Sender, ref: RepoRef) -> None:
    file, _ = sender.add(ref, "w", sender.chunks(1))
    world.clock.advance(100 * DAY_MS)
    assert sweep(world) == []
    assert whole(world, file) == b"".join(sender.chunks(1))


def test_a_file_that_comes_again_in_other_xorbs_stays_in_the_first_ones(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    pieces = sender.chunks(1)
    file, sha256 = sender.add(ref, "w", pieces)
    given = sender.give(ref)
    halves = [sender.xorb(pieces[:2]), sender.xorb(pieces[2:])]
    for xorb in halves:
        sender.send(given, xorb)
    block = sender.block([(halves[0], 0, 2), (halves[1], 0, 2)], sha256)
    assert block.hash == file
    sender.register(given, [block], halves)
    world.clock.advance(1)
    assert world.read(ref, "w") == b"".join(pieces)
    world.clock.advance(22 * DAY_MS)  # the claim is forgotten, but not the commit
    assert sorted(sweep(world)) == sorted(xorb.hash for xorb in halves)
    assert whole(world, file) == b"".join(pieces)


def test_a_file_in_damaged_xorbs_moves_to_new_ones(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces = sender.chunks(1)
    file, sha256 = sender.add(ref, "w", pieces)
    damage(world, sender.xorb(pieces))
    given = sender.give(ref)
    halves = [sender.xorb(pieces[:2]), sender.xorb(pieces[2:])]
    for xorb in halves:
        sender.send(given, xorb)
    sender.register(given, [sender.block([(halves[0], 0, 2), (halves[1], 0, 2)], sha256)], halves)
    assert world.read(ref, "w") == b"".join(pieces)
    assert sender.hash_at(ref, "w") == file
    world.clock.advance(22 * DAY_MS)
    assert sweep(world) == [sender.xorb(pieces).hash]
    assert_sound(world)


# --- look-ups ---------------------------------------------------------------


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
    answer = chunks.find_chunk(world.hub, given, name_of(one[1]))
    assert set(answered(answer)) == {made[0].hash, made[1].hash}
    assert next(iter(answered(answer))) == made[0].hash
    assert chunks.find_chunk(world.hub, given, name_of(one[2])) is None
    assert chunks.find_chunk(world.hub, given, XetHash("a" * 64)) is None


def test_an_answer_shows_no_chunk_hash_to_those_who_have_not_the_chunk(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    pieces = sender.chunks(1)
    sender.upload(ref, pieces)
    answer = chunks.find_chunk(world.hub, sender.give(ref), name_of(pieces[0]))
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
    assert chunks.find_chunk(world.hub, given, name_of(pieces[0])) is not None
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
    assert chunks.find_chunk(world.hub, given, name_of(pieces[0])) is None


def test_a_damaged_xorb_is_in_no_answer(world: World, sender: Sender, given: XetToken) -> None:
    made = [sender.xorb(sender.chunks(n)) for n in range(2)]
    for xorb in made:
        sender.send(given, xorb)
    sender.register(given, [sender.block([(made[0], 0, 4), (made[1], 0, 4)])], made)
    damage(world, made[1])
    assert set(answered(chunks.find_chunk(world.hub, given, name_of(sender.chunks(0)[0])))) == {made[0].hash}
    damage(world, made[0])
    assert chunks.find_chunk(world.hub, given, name_of(sender.chunks(0)[0])) is None


def test_namespaces_that_are_kept_apart_neither_find_nor_use_each_others_xorbs(
    make_sender: Callable[..., Sender],
) -> None:
    sender = make_sender(dedup_scope="namespace")
    world = sender.world
    ours, theirs = world.repo("alice/m", visibility="private"), world.repo("bob/m")
    pieces = sender.chunks(1)
    sender.upload(ours, pieces)
    xorb, stranger = sender.xorb(pieces), sender.give(theirs)
    assert chunks.find_chunk(world.hub, stranger, name_of(pieces[0])) is None
    assert not chunks.has_xorb(world.hub, stranger, xorb.hash)
    block = sender.block([(xorb, 0, 4)], "a" * 64)
    for new in ([], [xorb]):
        with pytest.raises(XorbMissing):
            sender.register(stranger, [block], new)
    # Senders may refer to the bytes, and learn nothing about others who have them.
    assert sender.send(stranger, xorb) is True
    sender.register(stranger, [block], [xorb])
    assert chunks.find_chunk(world.hub, stranger, name_of(pieces[0])) is not None
    assert len(sender.stored()) == 1


def test_namespaces_that_share_find_each_others_xorbs(make_sender: Callable[..., Sender]) -> None:
    sender, pieces = make_sender(dedup_scope="hub"), make_sender().chunks(1)
    world = sender.world
    sender.upload(world.repo("alice/m", visibility="private"), pieces)
    stranger = sender.give(world.repo("bob/m"))
    assert chunks.find_chunk(world.hub, stranger, name_of(pieces[0])) is not None
    assert chunks.has_xorb(world.hub, stranger, sender.xorb(pieces).hash)


# --- reading ----------------------------------------------------------------


def fetched(world: World, given: XetToken, file: XetHash, first: int, last: int | None) -> bytes:
    """Return a range as a client reads it: through the plan and its links."""
    plan = chunks.reconstruct(world.hub, given, file, first, last)
    raw: dict[tuple[str, int], bytes] = {}
    for fetch in plan.fetches:
        for part in fetch.ranges:
            link = chunks.data_link(world.hub, given, fetch.xorb, part.first_byte, part.last_byte)
            content, start, stop = chunks.fetch(world.hub, fetch.xorb, link.query)
            with contextlib.closing(content):
                data = content.read_at(start, stop - start + 1)
            at = 0
            for number in range(part.start, part.end):
                length = 8 + int.from_bytes(data[at + 1 : at + 4], "little")
                raw[fetch.xorb, number] = unpacked(data[at : at + length])
                at += length
            assert at == len(data)
    made = b"".join(raw[term.xorb, number] for term in plan.terms for number in range(term.start, term.end))
    return made[plan.skip : plan.skip + plan.length]


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
        chunks.reconstruct(world.hub, reader, block.hash, len(content), None)
    again = chunks.reconstruct(world.hub, reader, block.hash, 5, 2500)
    assert again == chunks.reconstruct(world.hub, reader, block.hash, 5, 2500)


def test_a_xet_token_gives_access_to_its_own_repository_only(world: World, sender: Sender, ref: RepoRef) -> None:
    other = world.repo("alice/other")
    file, _ = sender.add(ref, "w", sender.chunks(1))
    assert chunks.reconstruct(world.hub, sender.give_read(ref), file, 0, None).length == 4000
    for given in (sender.give_read(other), sender.give(other), sender.give(world.repo("bob/m"))):
        with pytest.raises(ThingNotFound):
            chunks.reconstruct(world.hub, given, file, 0, None)


def test_a_link_opens_one_window_of_one_xorb_for_a_while(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.upload(ref, sender.chunks(1))
    sender.upload(ref, sender.chunks(2))
    one, two = (sender.xorb(sender.chunks(n)).hash for n in (1, 2))
    link = chunks.data_link(world.hub, sender.give(ref), one, 3, 9)
    content, first, last = chunks.fetch(world.hub, one, link.query)
    content.close()
    assert (link.path, first, last) == (f"/_xet/xorbs/{one}", 3, 9)
    for query in (
        {},
        {**link.query, "range": "0-9"},
        {**link.query, "exp": "9999999999"},
        {**link.query, "layout": "1"},
    ):
        with pytest.raises(InvalidSignature):
            chunks.fetch(world.hub, one, query)
    with pytest.raises(InvalidSignature):
        chunks.fetch(world.hub, two, link.query)
    world.clock.advance(world.hub.settings.url_lifetime_s * 1000 + 601_000)
    with pytest.raises(InvalidSignature):
        chunks.fetch(world.hub, one, link.query)


def test_links_of_one_plan_are_the_same_for_some_time(world: World, sender: Sender, ref: RepoRef) -> None:
    world.clock.now_ms -= world.clock.now_ms % 600_000 - 1000
    sender.upload(ref, sender.chunks(1))
    xorb = sender.xorb(sender.chunks(1)).hash
    given = sender.give(ref)
    link = chunks.data_link(world.hub, given, xorb, 3, 9)
    world.clock.advance(500_000)
    assert chunks.data_link(world.hub, given, xorb, 3, 9) == link


@pytest.mark.usefixtures("keeps_layouts")
def test_a_link_to_bytes_that_were_replaced_is_refused(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces = sender.chunks(1)
    sender.upload(ref, pieces)
    xorb, given = sender.xorb(pieces), sender.give(ref)
    link = chunks.data_link(world.hub, given, xorb.hash, 0, 9)
    damage(world, xorb)
    with pytest.raises(XorbDamaged):
        chunks.fetch(world.hub, xorb.hash, link.query)
    sender.send(given, sender.uncompressed(pieces))
    with pytest.raises(InvalidSignature):
        chunks.fetch(world.hub, xorb.hash, link.query)
    fresh = chunks.data_link(world.hub, given, xorb.hash, 0, 9)
    content, *_ = chunks.fetch(world.hub, xorb.hash, fresh.query)
    content.close()


def test_a_link_to_a_swept_xorb_is_not_found(world: World, sender: Sender, given: XetToken) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    link = chunks.data_link(world.hub, given, xorb.hash, 0, 9)
    world.clock.advance(1)
    sweep(world)
    with pytest.raises(ThingNotFound):
        chunks.fetch(world.hub, xorb.hash, link.query)
    link = chunks.data_link(world.hub, given, xorb.hash, 0, 9)
    with pytest.raises(ThingNotFound):
        chunks.fetch(world.hub, xorb.hash, link.query)


def test_a_reader_stops_at_a_xorb_found_damaged_during_the_read(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_content, "_BLOCK", 1)
    monkeypatch.setattr(chunk_content, "_TRUSTED_S", 0.0)
    sender.add(ref, "w", sender.chunks(1))
    with contextlib.closing(chunks.open_file(world.hub, sender.file_at(ref, "w"))) as content:
        assert content.read_at(0, 10) == sender.chunks(1)[0][:10]
        damage(world, sender.xorb(sender.chunks(1)))
        with pytest.raises(XorbDamaged):
            content.read_at(2000, 10)


def test_a_file_whose_raw_bytes_are_gone_must_be_linked_as_chunks(world: World, ref: RepoRef) -> None:
    sha256 = world.upload(ref, b"raw")
    with contextlib.closing(chunks.open_linked(world.hub, world.row_id(ref), sha256, 3)) as content:
        assert content.read_at(0, 3) == b"raw"
    world.hub.store.blobs.delete(file_key(sha256))
    for wanted in (sha256, Sha256("a" * 64)):
        with pytest.raises(BlobMissing):
            chunks.open_linked(world.hub, world.row_id(ref), wanted, 3)


def test_a_full_disk_keeps_nothing(world: World, given: XetToken) -> None:
    with pytest.raises(StoreFull):
        world.hub.store.drafts.receive_unnamed(1 << 62)
    assert list(world.hub.store.drafts.sweep_incoming(0, now_ms=world.clock() + DAY_MS)) == []


def test_the_parser_agrees_with_what_the_sender_makes(sender: Sender) -> None:
    pieces = sender.chunks(1)
    for xorb in (sender.xorb(pieces), sender.uncompressed(pieces)):
        assert parse_xorb(xorb.data, xorb.hash) == xorb.index


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
    assert chunks.find_chunk(world.hub, given, read_hash(chunk_hash(pieces[0]))) is None


def test_an_upload_learns_of_the_latest_chunks_of_its_repository_that_its_readers_may_use(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    assert chunks.find_latest(world.hub, sender.give(ref)) is None
    for number in (1, 2):
        sender.add(ref, str(number), sender.chunks(number))
        world.clock.advance(1000)
    sender.upload(ref, sender.chunks("uncommitted"))
    secret = world.repo("alice/secret", visibility="private")
    sender.add(secret, "w", sender.chunks("secret"))
    first, second = (sender.xorb(sender.chunks(number)).hash for number in (1, 2))
    assert list(answered(chunks.find_latest(world.hub, sender.give(ref)))) == [second, first]
    assert list(answered(chunks.find_latest(world.hub, give_proposer(sender, ref)))) == [second, first]
    assert chunks.find_latest(world.hub, sender.give_read(ref)) is None
    damage(world, sender.xorb(sender.chunks(2)))
    assert list(answered(chunks.find_latest(world.hub, sender.give(ref)))) == [first]


def test_a_right_that_is_lost_while_the_bytes_of_a_xorb_are_published_gives_no_claim_to_it(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.repo("acme/m", by=world.olga)
    made = accounts.create_token(world.hub, "olga", role="write")
    given = sender.give(ref, by=world.hub.identify(made.secret))
    xorb = sender.xorb(sender.chunks("late"))
    receiving = chunks.receive_xorb(world.hub, given, xorb.hash, len(xorb.data))
    receiving.write(xorb.data)

    def lose() -> None:
        tokens.revoke(world.hub, world.hub.identify(made.secret), made.token.uid)

    publish = receiving._sink.publish_as
    monkeypatch.setattr(type(receiving._sink), "publish_as", lambda self, key, size: (lose(), publish(key, size))[1])
    with pytest.raises(InvalidCredentials):
        receiving.finish()
    assert row_of(world, xorb) is None
    with world.hub.read() as tx:
        assert chunk_access.whole(tx, Viewer(Visibility(), given.holder), [xorb.hash]) == set()


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
        found = chunks.find_chunk(world.hub, stranger, name_of(piece))
        return found is not None, [*ran]

    sa.event.listen(world.hub.catalog._engine, "before_cursor_execute", note)
    assert asked(pieces[0])[0]
    assert asked(pieces[2]) == asked(b"never stored") == (False, ran)
