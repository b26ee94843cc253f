"""Maintenance of chunks: check xorbs, quarantine damaged ones, sweep unreferenced ones.

A client does not compare hashes when it downloads chunks, so only the hub can
detect damage: a damaged xorb is not served until an upload of verified bytes
has replaced it. Source: docs/protocols/xet.md, section 11.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

from entrepot.blobs import xorb_of
from entrepot.catalog import Lock, Read, hub_metadata
from entrepot.catalog.files import bucket_rights, waiting_bytes, xet_files, xorbs
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.jobs import jobs
from entrepot.errors import BlobMissing, BlobUnreadable, Damaged, Malformed, XorbDamaged
from entrepot.hub.context import HubContext
from entrepot.hub.files import xet_tokens
from entrepot.names import XetFileId, XetHash
from entrepot.storage import chunk_content, fsck
from entrepot.storage.chunk_content import StoredXorb
from entrepot.storage.fsck import Finding
from entrepot.xet import MerkleTree, Terms, read_index

XORB_GRACE_MS = 21 * 86_400_000
"""Clients remember for three weeks which chunks are stored, and do not look them up again."""

INTERVAL_MS = 30 * 86_400_000
"""Period within which every xorb is read and hashed again, as far as the pace allows."""

PACE_BYTES = 256 << 20
PAUSE_MS = 60_000
_PAGE = 200
T = TypeVar("T")


def check(hub: HubContext, *, checks_content: bool) -> Iterator[Finding]:
    """Yield the faults of all xorbs, and of all files that cannot be made of them.

    Args:
        checks_content: also read and hash every chunk; damaged xorbs are quarantined.
    """
    for row in _all_xorbs(hub):
        finding = _check_xorb(hub, row, checks_content=checks_content)
        if finding is not None:
            yield finding
    with hub.read() as tx:
        ids = xet_files.ids(tx)
    for file in ids:
        with hub.read() as tx:
            finding = _check_file(hub, tx, file)
        if finding is not None:
            yield finding
    yield from find_orphans(hub)


def scrub_steps(hub: HubContext) -> Generator[None, None, int]:
    """Read and hash up to 256 MiB of xorbs, those checked longest ago first; return how many are damaged.

    Yields after every xorb.
    """
    left, damaged = PACE_BYTES, 0
    while left > 0:
        with hub.read() as tx:
            name = xorbs.next_to_check(tx, hub.now_ms() - INTERVAL_MS)
            row = xorbs.find(tx, name) if name is not None else None
        if row is None:
            break
        damaged += record_damage(hub, row.hash)
        left -= row.size
        yield
    return damaged


def finish(steps: Generator[object, None, T]) -> T:
    """Run all steps of a generator and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def record_damage(hub: HubContext, xorb: XetHash) -> bool:
    """Read and hash a stored xorb, record whether it is damaged, and return that.

    A damaged xorb enters quarantine, an intact one leaves it.
    """
    with hub.read() as tx:
        state, row = xorbs.state(tx, xorb), xorbs.find(tx, xorb)
    if state is None or row is None:
        return False  # swept in the meantime
    try:
        chunk_content.check_stored(
            hub.store, StoredXorb(row.hash, chunk_content.key_of(row), read_index(row.directory))
        )
    except (Malformed, XorbDamaged, BlobMissing, BlobUnreadable):
        with hub.write(Lock.hub(), Lock.xorb(row.hash)) as tx:
            xorbs.mark_damaged(tx, row.hash, state.since_ms)
            if not state.is_damaged:
                xet_tokens.forget_all_known(tx)  # so that uploads bring the chunks again
        return True
    with hub.write(Lock.xorb(row.hash)) as tx:
        xorbs.mark_checked(tx, row.hash, state.since_ms, hub.now_ms())
    return False


def schedule_scrub(hub: HubContext, rounds: int = 1) -> None:
    """Schedule the next round of scrubbing, unless one is scheduled already.

    Args:
        rounds: bytes read in the last round, as a multiple of its normal size; one large file may be many.
    """
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "scrub", {}, hub.now_ms(), dedup_key="scrub", delay_ms=rounds * PAUSE_MS)


def bump_epoch(hub: HubContext) -> None:
    """Make every client forget which chunks it believes to be stored here."""
    with hub.write(Lock.hub()) as tx:
        hub_metadata.put(tx, "epoch", str(int(hub_metadata.find(tx, "epoch") or "1") + 1))


def sweep(hub: HubContext, cutoff: int, *, is_rehearsal: bool) -> Iterator[tuple[str, str, str, int]]:
    """Delete unreferenced chunked files and xorbs; yield (kind, name, reason, freed bytes) of each.

    Args:
        cutoff: entries touched later stay.
    """
    if not is_rehearsal:
        with hub.write(*Lock.all_xorbs()) as tx:
            xet_files.forget_claims(tx, cutoff)
            bucket_rights.forget(tx, cutoff)
            xorbs.forget_uploads(tx, cutoff)
            waiting_bytes.forget_xorbs(tx, cutoff)
            xet_files.remove_unused(tx, cutoff)
    for row in _unused(hub, cutoff):
        if is_rehearsal or _sweep_xorb(hub, row, cutoff):
            yield "xorb", row.hash, "no file needs it", row.size
    for orphan in find_orphans(hub):
        stat = hub.store.blobs.stat(orphan.where)
        if stat is None or stat.modified_ms >= cutoff:
            continue
        if is_rehearsal or _sweep_orphan(hub, orphan.where):
            yield "xorb", orphan.where, "it is not in the catalog", orphan.size


def find_orphans(hub: HubContext) -> Iterator[Finding]:
    """Yield stored xorbs that no row refers to."""
    batch: list[tuple[str, int]] = []
    for stat in hub.store.blobs.list("xorbs/"):
        batch.append((stat.key, stat.size))
        if len(batch) >= _PAGE:
            yield from _unknown(hub, batch)
            batch = []
    yield from _unknown(hub, batch)


def _unknown(hub: HubContext, batch: list[tuple[str, int]]) -> Iterator[Finding]:
    names = {key: xorb for key, _ in batch if (xorb := xorb_of(key)) is not None}
    with hub.read() as tx:
        rows = xorbs.find_many(tx, list(names.values()))
    for key, size in batch:
        row = rows.get(names.get(key, XetHash("")))
        if row is None or chunk_content.key_of(row) != key:
            yield Finding("orphaned", key, "bytes that are not in the catalog", size)


def _unused(hub: HubContext, cutoff: int) -> Iterator[XorbRow]:
    last = ""
    while True:
        with hub.read() as tx:
            page = xorbs.unused(tx, cutoff, after=last, limit=_PAGE)
        if not page:
            return
        yield from page
        last = page[-1].hash


def _all_xorbs(hub: HubContext) -> Iterator[XorbRow]:
    last = ""
    while True:
        with hub.read() as tx:
            page = xorbs.everything(tx, after=last, limit=_PAGE)
        if not page:
            return
        yield from page
        last = page[-1].hash


def _check_xorb(hub: HubContext, row: XorbRow, *, checks_content: bool) -> Finding | None:
    key = chunk_content.key_of(row)
    stat = hub.store.blobs.stat(key)
    is_short = stat is None or stat.size != row.size
    is_bad = record_damage(hub, row.hash) if checks_content else row.is_damaged or is_short
    with hub.read() as tx:
        now = xorbs.find(tx, row.hash)
    if not is_bad or now is None or now.directory != row.directory:
        return None  # or swept or replaced while it was checked
    place = "it is in quarantine" if now.is_damaged else "check with --deep to stop serving it"
    if stat is None:
        return Finding("missing", key, f"the {row.size:,} bytes of this xorb; {place}")
    return Finding("corrupt", key, f"its bytes are not the chunks of this xorb; {place}", stat.size)


def _check_file(hub: HubContext, tx: Read, file: XetFileId) -> Finding | None:
    """Compute the hash of a file from the chunks that its terms name."""
    row = xet_files.find(tx, file)
    if row is None:
        return None
    try:
        terms, tree = Terms(row.terms), MerkleTree()
        for term in terms:
            index = chunk_content.get_xorb(hub.store, tx, term.xorb).index
            index.check_range(term.start, term.end)
            tree.add(index.chunk_hashes(term.start, term.end), index.lengths(term.start, term.end))
    except (Malformed, Damaged) as error:
        return Finding("corrupt", f"xet file {row.hash}", str(error), row.size, due_to=fsck.cause_of(error))
    if tree.file_hash() != row.hash or terms.size != row.size:
        return Finding("corrupt", f"xet file {row.hash}", "its chunks form another file", row.size)
    return None


def _sweep_orphan(hub: HubContext, key: str) -> bool:
    """Delete a stored xorb that no row refers to, unless an upload is about to record it."""
    xorb = xorb_of(key)
    if xorb is None:
        return hub.store.blobs.delete(key)
    with hub.write(Lock.xorb(xorb)) as tx:
        row = xorbs.find(tx, xorb)
        is_adopted = row is None and xorbs.adopt(tx, xorb, hub.now_ms())
    if row is not None and (row.is_damaged or chunk_content.key_of(row) == key):
        return False  # an upload is replacing the damaged bytes, perhaps under the same key
    is_deleted = hub.store.blobs.delete(key)
    if is_adopted:
        with hub.write(Lock.xorb(xorb)) as tx:
            xorbs.end_sweep(tx, xorb)
    return is_deleted


def _sweep_xorb(hub: HubContext, row: XorbRow, cutoff: int) -> bool:
    """Claim the xorb, delete its bytes, then its row; an upload of the same xorb waits meanwhile."""
    with hub.write(Lock.xorb(row.hash)) as tx:
        if not xorbs.begin_sweep(tx, row.hash, cutoff, hub.now_ms()):
            return False
    hub.store.blobs.delete(chunk_content.key_of(row))
    with hub.write(Lock.xorb(row.hash)) as tx:
        xorbs.end_sweep(tx, row.hash)
    hub.store.indexes.drop(row.hash)
    return True
