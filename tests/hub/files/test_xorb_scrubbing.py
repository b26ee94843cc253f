from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.blobs import put
from entrepot.catalog import file_tables, hub_metadata, tables
from entrepot.catalog.files import xorbs
from entrepot.catalog.files.xorbs import SWEEP_LEASE_MS
from entrepot.catalog.jobs import jobs
from entrepot.errors import XorbDamaged
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks, preuploads, reconstructions, xet_tokens, xorb_scrubbing
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.files.preuploads import Candidate
from entrepot.hub.jobs import handlers, maintenance
from entrepot.hub.repos import contents, repositories
from entrepot.names import RepoPath, RepoRef, Sha256, XetHash, parse_repo_id
from entrepot.storage import chunk_content
from entrepot.storage.fsck import Finding
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

DAY_MS = 86_400_000
MONTH_MS = xorb_scrubbing.INTERVAL_MS + 1


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


def findings(world: World, *, is_deep: bool) -> list[Finding]:
    return list(maintenance.fsck(world.hub, checks_chunks=is_deep))


def kinds(world: World, *, is_deep: bool) -> list[tuple[str, str]]:
    """Return the kinds of findings, and whether each is about a xorb or a file."""
    return [(found.kind, found.where.partition("/")[0].split(" ")[0]) for found in findings(world, is_deep=is_deep)]


def is_damaged(world: World, xorb: XetHash) -> bool:
    with world.hub.read() as tx:
        found = xorbs.state(tx, xorb)
    assert found is not None
    return bool(found.is_damaged)


def checked_ms(world: World) -> list[int]:
    with world.hub.read() as tx:
        return sorted(tx.sql.execute(sa.select(file_tables.xorbs.c.checked_ms)).scalars())


# --- scrubbing --------------------------------------------------------------


def test_a_flipped_bit_is_never_delivered_after_a_scrub(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces = sender.chunks(1)
    sender.send(sender.give(ref), sender.uncompressed(pieces))  # a flipped bit must not break decompression
    file, _ = sender.add(ref, "w", pieces)
    stored = sender.file_at(ref, "w")
    located = contents.locate(world.hub, world.alice, ref, "main", RepoPath("w"))
    opened = located.open(world.hub)
    sender.spoil(sender.stored()[0])
    assert hub_work.scrub_xorbs(world.hub) == 0
    world.clock.advance(MONTH_MS)
    [part] = reconstructions.reconstruct(world.hub, sender.give(ref), file, 0, None).parts
    assert hub_work.scrub_xorbs(world.hub) == 1
    for read in (
        lambda: world.read(ref, "w"),
        lambda: located.open(world.hub),
        lambda: opened.read_at(0, 10),
        lambda: chunks.open_file(world.hub, stored),
        lambda: reconstructions.reconstruct(world.hub, sender.give_read(ref), file, 0, None),
        lambda: reconstructions.fetch(world.hub, part.name, part.query),
    ):
        with pytest.raises(XorbDamaged):
            read()
    assert hub_work.scrub_xorbs(world.hub) == 0


def test_a_flipped_bit_is_never_delivered_and_its_xorb_is_quarantined_by_the_first_reader(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    pieces = sender.chunks(1)
    sender.send(sender.give(ref), sender.uncompressed(pieces))
    sender.add(ref, "w", pieces)
    opened = contents.locate(world.hub, world.alice, ref, "main", RepoPath("w")).open(world.hub)
    sender.spoil(sender.stored()[0])
    good = len(b"".join(pieces[:-1]))
    assert opened.read_at(0, 100) == b"".join(pieces)[:100]  # the other chunks are intact
    with pytest.raises(XorbDamaged):
        opened.read_at(good, 1)
    with world.hub.read() as tx:
        assert xorbs.state(tx, sender.xorb(pieces).hash).is_damaged
    with pytest.raises(XorbDamaged):
        world.read(ref, "w")
    sender.send(sender.give(ref), sender.uncompressed(pieces))
    assert world.read(ref, "w") == b"".join(pieces)


def test_a_scrub_keeps_its_pace_and_takes_the_longest_unchecked_first(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = sender.give(ref)
    made = []
    for number in range(5):
        made.append(sender.xorb(sender.chunks(number)))
        sender.send(given, made[-1])
        world.clock.advance(1)
    began = checked_ms(world)
    monkeypatch.setattr(xorb_scrubbing, "PACE_BYTES", 2 * len(made[0].data))
    assert hub_work.scrub_xorbs(world.hub) == 0
    assert checked_ms(world) == began  # checked at the upload, which is recent
    world.clock.advance(MONTH_MS)
    for left in (3, 1, 0, 0):
        hub_work.scrub_xorbs(world.hub)
        assert [ms for ms in checked_ms(world) if ms in began] == began[5 - left :]


def test_scrubbing_goes_on_by_itself(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.upload(ref, sender.chunks(1))
    sender.spoil(sender.stored()[0])
    handlers.plan_recurring(world.hub)
    handlers.plan_recurring(world.hub)
    world.clock.advance(MONTH_MS)
    owner = handlers.new_owner()
    while hub_work.run_next(world.hub, owner) is not None:
        pass
    assert is_damaged(world, sender.xorb(sender.chunks(1)).hash)
    with world.hub.read() as tx:
        assert "scrub" in [job.kind for job in jobs.find(tx, states=["ready"])]


def test_a_xorb_whose_bytes_are_lost_is_found_by_a_scrub(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.upload(ref, sender.chunks(1))
    world.hub.store.blobs.delete(sender.stored()[0])
    world.clock.advance(MONTH_MS)
    assert hub_work.scrub_xorbs(world.hub) == 1


def test_a_xorb_that_is_swept_and_sent_again_while_it_is_looked_at_stays_good(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    xorb, given = sender.xorb(sender.chunks(1)), sender.give(ref)
    sender.send(given, xorb)
    world.clock.advance(MONTH_MS)

    def check(*_: object) -> None:
        assert [item.kind for item in maintenance.gc(world.hub, grace_ms=0, bumps_epoch=True) if item.kind == "xorb"]
        world.clock.advance(1)
        assert sender.send(given, xorb)
        raise XorbDamaged(xorb.hash)  # about the deleted bytes

    monkeypatch.setattr(chunk_content, "check_stored", check)
    assert xorb_scrubbing.record_damage(world.hub, xorb.hash)
    assert not is_damaged(world, xorb.hash)


def test_a_xorb_that_is_gone_is_not_damaged(world: World, sender: Sender) -> None:
    assert not xorb_scrubbing.record_damage(world.hub, sender.xorb(sender.chunks(1)).hash)


def test_a_quarantine_ends_when_the_bytes_are_found_right(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    [key] = sender.stored()
    path = world.blob_path(key)
    with open(path, "rb") as file:
        data = file.read()
    world.hub.store.blobs.delete(key)  # a disk that was not mounted
    assert kinds(world, is_deep=True) == [("missing", "xorbs"), ("corrupt", "xet")]
    put(world.hub.store.blobs, key, data)
    assert kinds(world, is_deep=False) == [("corrupt", "xorbs"), ("corrupt", "xet")]
    assert kinds(world, is_deep=True) == []
    assert world.read(ref, "w") == b"".join(sender.chunks(1))


def test_clients_send_the_chunks_of_a_damaged_file_again(world: World, sender: Sender, ref: RepoRef) -> None:
    pieces = sender.chunks(1)
    sender.add(ref, "w", pieces)
    world.repo("bob/b")
    before, bobs = (xet_tokens.issue_write(world.hub, caller, of) for caller, of in _writers(world, ref))
    candidates = [Candidate(RepoPath("w"), 1, b"\0")]
    [was] = preuploads.plan(world.hub, world.alice, ref, "main", candidates).advice
    sender.spoil(sender.stored()[0])
    findings(world, is_deep=True)
    [now] = preuploads.plan(world.hub, world.alice, ref, "main", candidates).advice
    assert was.etag is not None
    assert now.etag is None
    # Clients keep what they know of stored chunks under the name of the store, for weeks.
    after, others = (xet_tokens.issue_write(world.hub, caller, of) for caller, of in _writers(world, ref))
    assert after.store != before.store
    assert others.store != bobs.store
    assert xet_tokens.check(world.hub, before.secret, before.store).may_write  # uploads under way go on
    findings(world, is_deep=True)
    assert xet_tokens.issue_write(world.hub, world.alice, ref).store == after.store  # nothing new
    sender.send(sender.give(ref), sender.xorb(pieces))
    [mended] = preuploads.plan(world.hub, world.alice, ref, "main", candidates).advice
    assert mended.etag == was.etag


def _writers(world: World, ref: RepoRef) -> list[tuple[Caller, RepoRef]]:
    return [(world.alice, ref), (world.bob, RepoRef(ref.type, parse_repo_id("bob/b")))]


# --- fsck -------------------------------------------------------------------


def test_a_hub_with_chunks_is_clean(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    sender.upload(ref, sender.chunks(2))
    assert findings(world, is_deep=False) == findings(world, is_deep=True) == []


def test_a_missing_xorb_is_found_at_a_glance(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    world.hub.store.blobs.delete(sender.stored()[0])
    assert kinds(world, is_deep=False) == [("missing", "xorbs")]
    assert not is_damaged(world, sender.xorb(sender.chunks(1)).hash)  # a quick check changes nothing
    assert kinds(world, is_deep=True) == [("missing", "xorbs"), ("corrupt", "xet")]
    assert is_damaged(world, sender.xorb(sender.chunks(1)).hash)


def test_a_short_xorb_is_found_at_a_glance(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    [key] = sender.stored()
    world.hub.store.blobs.delete(key)
    put(world.hub.store.blobs, key, b"short")
    assert kinds(world, is_deep=False) == [("corrupt", "xorbs")]
    assert kinds(world, is_deep=True) == [("corrupt", "xorbs"), ("corrupt", "xet")]


def test_a_flipped_bit_is_found_by_looking_deep(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    sender.spoil(sender.stored()[0])
    assert kinds(world, is_deep=False) == []
    assert kinds(world, is_deep=True) == [("corrupt", "xorbs"), ("corrupt", "xet")]
    # Afterwards a quick check reports it too.
    found = findings(world, is_deep=False)
    assert [item.kind for item in found] == ["corrupt", "corrupt"]
    assert "quarantine" in found[0].what
    assert all(item.is_damage for item in found)


@pytest.mark.parametrize(
    "values",
    [
        {"terms": b""},
        {"terms": b"cut off"},
        {"size": 7},
    ],
)
def test_a_file_that_its_chunks_do_not_make_is_found(
    world: World, sender: Sender, ref: RepoRef, values: dict[str, Any]
) -> None:
    file, _ = sender.add(ref, "w", sender.chunks(1))
    with world.hub.write() as tx:
        tx.sql.execute(sa.update(file_tables.xet_files).values(**values))
    found = findings(world, is_deep=False)
    assert [(item.kind, item.where) for item in found] == [("corrupt", f"xet file {file}")]


def test_terms_that_reach_out_of_their_xorb_or_name_another_are_found(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    pieces = sender.chunks(1)
    file, _ = sender.add(ref, "w", pieces)
    for parts in ([(sender.xorb([*pieces, b"x" * 99]), 0, 5)], [(sender.xorb(sender.chunks(2)), 0, 4)]):
        terms = sender.block(parts).terms
        with world.hub.write() as tx:
            tx.sql.execute(sa.update(file_tables.xet_files).values(terms=terms.encode()))
        assert [item.where for item in findings(world, is_deep=False)] == [f"xet file {file}"]
    with world.hub.write() as tx:
        swapped = sender.block([(sender.xorb(pieces), 2, 4), (sender.xorb(pieces), 0, 2)]).terms
        tx.sql.execute(sa.update(file_tables.xet_files).values(terms=swapped.encode()))
    assert [item.where for item in findings(world, is_deep=False)] == [f"xet file {file}"]


def test_a_lost_row_of_a_xorb_is_found(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    with world.hub.write() as tx:
        tx.sql.execute(sa.delete(file_tables.xorbs))
    assert kinds(world, is_deep=False) == [("corrupt", "xet"), ("orphaned", "xorbs")]


def test_orphaned_bytes_are_reported_but_are_not_damage(world: World, sender: Sender, ref: RepoRef) -> None:
    sender.add(ref, "w", sender.chunks(1))
    put(world.hub.store.blobs, sender.stored()[0][:-1] + "0", b"other bytes of a known xorb")
    put(world.hub.store.blobs, "xorbs/aa/bb/readme.txt", b"?")
    found = findings(world, is_deep=True)
    assert [(item.kind, item.is_damage) for item in found] == [("orphaned", False)] * 2
    assert {item.size for item in found} == {27, 1}


def test_a_xorb_swept_while_it_is_checked_is_no_finding(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.upload(ref, sender.chunks(1))
    world.clock.advance(1)
    all_xorbs = xorb_scrubbing._all_xorbs

    def late(hub: HubContext) -> Any:
        for row in list(all_xorbs(hub)):
            list(maintenance.gc(hub, grace_ms=0, bumps_epoch=True))
            yield row

    monkeypatch.setattr(xorb_scrubbing, "_all_xorbs", late)
    assert sender.stored() != []
    assert findings(world, is_deep=False) == []
    assert sender.stored() == []


# --- sweeping ---------------------------------------------------------------


def swept(world: World, **options: Any) -> list[str]:
    return [item.what for item in maintenance.gc(world.hub, **options) if item.kind == "xorb"]


def epoch(world: World) -> str | None:
    with world.hub.read() as tx:
        return hub_metadata.find(tx, "epoch")


def test_xorbs_are_kept_for_three_weeks_with_any_grace_period(world: World, sender: Sender, ref: RepoRef) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(sender.give(ref), xorb)
    world.clock.advance(21 * DAY_MS)
    assert swept(world, grace_ms=0) == []
    world.clock.advance(1)
    assert swept(world, grace_ms=30 * DAY_MS) == []
    assert swept(world, grace_ms=0, is_rehearsal=True) == [xorb.hash]
    assert len(sender.stored()) == 1
    assert swept(world, grace_ms=0) == [xorb.hash]
    assert sender.stored() == []
    assert epoch(world) == "1"


def test_a_new_epoch_spares_the_three_weeks(world: World, sender: Sender, ref: RepoRef) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(sender.give(ref), xorb)
    world.clock.advance(1)
    assert swept(world, grace_ms=0, bumps_epoch=True, is_rehearsal=True) == [xorb.hash]
    assert epoch(world) == "1"
    assert swept(world, grace_ms=DAY_MS, bumps_epoch=True) == []
    assert swept(world, grace_ms=0, bumps_epoch=True) == [xorb.hash]
    assert epoch(world) == "3"


def test_a_claim_that_was_never_committed_keeps_its_file_for_the_grace_only(
    world: World, sender: Sender, ref: RepoRef
) -> None:
    file, _ = sender.upload(ref, sender.chunks(1))
    world.clock.advance(20 * DAY_MS)
    assert swept(world, grace_ms=0) == []
    assert reconstructions.reconstruct(world.hub, sender.give_read(ref), file, 0, None).length == 4000
    world.clock.advance(2 * DAY_MS)
    assert swept(world, grace_ms=0) == [sender.xorb(sender.chunks(1)).hash]


def test_a_shared_xorb_stays_until_its_last_file_goes(world: World, sender: Sender, ref: RepoRef) -> None:
    other = world.repo("bob/m")
    pieces = sender.chunks(1)
    sender.add(ref, "w", pieces)
    given = sender.give(other)
    sender.send(given, sender.xorb(pieces))
    block = sender.block([(sender.xorb(pieces), 1, 2)], "a" * 64)
    sender.register(given, [block])
    world.commit(other, AddLarge(RepoPath("v"), Sha256("a" * 64), None))
    repositories.delete(world.hub, world.alice, ref)
    world.clock.advance(1)
    assert swept(world, grace_ms=0, bumps_epoch=True) == []
    assert world.read(other, "v") == pieces[1]
    repositories.delete(world.hub, world.bob, other)
    world.clock.advance(1)
    assert swept(world, grace_ms=0, bumps_epoch=True) == [sender.xorb(pieces).hash]
    for table in ("xorbs", "xorb_realms", "xet_files", "xet_file_xorbs", "xet_claims", "dedup_chunks", "shard_xorbs"):
        with world.hub.read() as tx:
            assert tx.sql.execute(sa.select(sa.func.count()).select_from(tables.metadata.tables[table])).scalar() == 0


def test_old_orphans_are_deleted_and_new_ones_stay(world: World, sender: Sender) -> None:
    xorb = sender.xorb(sender.chunks(1))
    key = chunk_content.key_of(chunk_content.row_of(xorb.hash, xorb.index))
    put(world.hub.store.blobs, key, xorb.data)
    put(world.hub.store.blobs, "xorbs/readme.txt", b"?")
    assert swept(world, grace_ms=60_000) == []
    for each in sender.stored():
        sender.age(each)
    assert sorted(swept(world, grace_ms=0, is_rehearsal=True)) == sorted([key, "xorbs/readme.txt"])
    assert len(sender.stored()) == 2
    assert sorted(swept(world, grace_ms=0)) == sorted([key, "xorbs/readme.txt"])
    assert sender.stored() == []
    with world.hub.read() as tx:
        assert xorbs.find(tx, xorb.hash) is None


def test_an_interrupted_sweep_of_orphans_is_finished_by_the_next(world: World, sender: Sender) -> None:
    xorb = sender.xorb(sender.chunks(1))
    with world.hub.write() as tx:
        assert xorbs.adopt(tx, xorb.hash, world.clock())
    assert findings(world, is_deep=True) == []
    world.clock.advance(SWEEP_LEASE_MS)
    assert swept(world, grace_ms=0, bumps_epoch=True) == [xorb.hash]
    with world.hub.read() as tx:
        assert xorbs.find(tx, xorb.hash) is None


def test_many_xorbs_are_swept_in_pages(
    world: World, sender: Sender, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xorb_scrubbing, "_PAGE", 2)
    given = sender.give(ref)
    made = [sender.xorb(sender.chunks(number)) for number in range(5)]
    for xorb in made:
        sender.send(given, xorb)
    assert findings(world, is_deep=True) == []
    world.clock.advance(1)
    assert swept(world, grace_ms=0, bumps_epoch=True) == sorted(xorb.hash for xorb in made)
    assert sender.stored() == []
