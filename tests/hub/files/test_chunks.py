from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

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
    LimitExceeded,
    Malformed,
    RangeNotSatisfiable,
    StoreFull,
    XorbDamaged,
    XorbMissing,
)
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks, reconstructions, shards
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.jobs import maintenance
from entrepot.names import RepoRef, Sha256, XetFileId, XetHash
from entrepot.storage import chunk_content
from entrepot.xet import (
    Xorb,
    chunk_hash,
    encode_hash,
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
    call: Any

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name != self.verb:
            return found

        def call(*args: Any, **options: Any) -> Any:
            call, self.call = self.call, None
            if call is not None:
                call()
            return found(*args, **options)

        return call


def interrupted(world: World, verb: str, call: Any) -> Any:
    """Return the hub with a store that runs a function when this method is first called."""
    blobs = Interrupted(world.hub.store.blobs, verb, call)
    return attrs.evolve(world.hub, store=attrs.evolve(world.hub.store, blobs=blobs))


def keep(hub: HubContext, given: XetToken, xorb: Xorb, call: Any = lambda: None) -> bool:
    """Store a xorb, and run a function between the look-up and the publication of its bytes."""
    with hub.store.drafts.receive_unnamed() as sink:
        sink.write(xorb.data)
        return chunks.keep_xorb(hub, given.namespace_id, xorb.hash, xorb.index, Late(sink, call))  # type: ignore[arg-type]


@attrs.define
class Late:
    """A sink that calls a function before it publishes."""

    inner: Any
    call: Any

    def publish_as(self, key: str, size: int) -> bool:
        self.call()
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
    assert reconstructions.reconstruct(world.hub, given, block.hash, 0, None).parts == ()
    with pytest.raises(RangeNotSatisfiable):
        reconstructions.reconstruct(world.hub, given, block.hash, 1, None)
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
    from entrepot.xet import check_steps as check

    def checked(*args: Any) -> Iterator[None]:
        yield from check(*args)
        if fate == "swept":
            assert sweep(world) == [xorb.hash]
        else:
            damage(world, xorb)

    monkeypatch.setattr(shards, "check_steps", checked)
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
        assert chunk_access.whole(tx, Viewer(Visibility(), given.sender), [xorb.hash]) == set()
