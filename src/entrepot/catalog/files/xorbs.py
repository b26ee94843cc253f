"""Queries on xorbs: their chunks, who may refer to them, and how uploads find them again.

A *realm* is the row id of a namespace. It groups the xorbs that were uploaded
to or used by the repositories of that namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import slices
from entrepot.catalog.prepared import Prepared
from entrepot.errors import Busy
from entrepot.names import Uid, XetHash

_X = file_tables.xorbs
_R = file_tables.xorb_realms
_G = file_tables.xorb_uploads
_D = file_tables.dedup_chunks
_S = file_tables.shard_xorbs

SWEEP_LEASE_MS = 600_000
"""Maximum time that a sweeper needs for one xorb; an older claim was left by a sweeper that crashed."""


@attrs.frozen
class XorbRow:
    """A stored xorb; ``directory`` packs its chunk hashes and offsets (see ``xet.XorbIndex``)."""

    hash: XetHash
    size: int
    raw_size: int
    chunks: int
    directory: bytes = attrs.field(repr=False)
    is_damaged: bool


@attrs.frozen
class XorbState:
    """The state of a xorb's stored bytes: when they were stored (ms), and whether they are in quarantine."""

    since_ms: int
    is_damaged: bool


_COLUMNS = [_X.c[name] for name in ("hash", "size", "raw_size", "chunks", "directory", "is_damaged")]
_FIND = sa.select(*_COLUMNS).where(_X.c.hash == sa.bindparam("wanted"))
_STATE = Prepared(sa.select(_X.c.created_ms, _X.c.is_damaged).where(_X.c.hash == sa.bindparam("wanted")))


def find(tx: Read, xorb: XetHash) -> XorbRow | None:
    """Return one xorb, or None."""
    row = tx.sql.execute(_FIND, {"wanted": xorb}).first()
    return XorbRow(*row) if row else None


def state(tx: Read, xorb: XetHash) -> XorbState | None:
    """Return the state of a xorb's stored bytes, or None if it is not stored; for caches to compare."""
    row = _STATE.first(tx, {"wanted": xorb})
    return XorbState(*row) if row else None


_DIGITS = 64  # of a hash
_BEGINNING = (
    sa.select(_X.c.hash)
    .where((_X.c.hash >= sa.bindparam("first")) & (_X.c.hash <= sa.bindparam("last")))
    .order_by(_X.c.hash)
    .limit(2)
)


def find_by_prefix(tx: Read, prefix: str) -> XetHash | None:
    """Return the only stored xorb whose hash begins with these digits; None if there is none, or several."""
    names = {"first": prefix.ljust(_DIGITS, "0"), "last": prefix.ljust(_DIGITS, "f")}
    found = tx.sql.execute(_BEGINNING, names).scalars().all()
    return found[0] if len(found) == 1 else None


def find_many(tx: Read, wanted: Sequence[XetHash]) -> dict[XetHash, XorbRow]:
    """Return the given xorbs that are stored."""
    found: dict[XetHash, XorbRow] = {}
    for batch in slices(wanted):
        rows = tx.sql.execute(sa.select(*_COLUMNS).where(_X.c.hash.in_(batch)))
        found.update((row.hash, XorbRow(*row)) for row in rows)
    return found


def put(tx: Write, row: XorbRow, realm: int, now_ms: int, *, sender: str | None = None) -> None:
    """Record a xorb whose bytes are durable and add it to a realm; an existing one is only touched.

    Args:
        sender: see :func:`use`.

    Raises:
        Busy: the xorb is in quarantine, or a sweeper is deleting its bytes.
    """
    times = {"created_ms": now_ms, "touched_ms": now_ms, "checked_ms": now_ms, "sweeping_ms": None}
    insert_missing(tx, _X, [attrs.asdict(row) | times])
    if not use(tx, row.hash, realm, now_ms, sender=sender):
        raise Busy("this xorb")


def use(tx: Write, xorb: XetHash, realm: int | None, now_ms: int, *, sender: str | None = None) -> bool:
    """Touch a stored xorb and add it to a realm; return False if it is absent or its bytes are unreliable.

    Args:
        realm: None if the caller did not send the xorb but uses it because they can read it.
        sender: the identity of the caller who sent all of its bytes, and may now refer to each of its chunks.

    Raises:
        Busy: its bytes are being deleted or replaced.
    """
    if not _is_reliable(tx, xorb, now_ms):
        return False
    tx.sql.execute(sa.update(_X).where(_X.c.hash == xorb).values(touched_ms=now_ms))
    if realm is not None:
        insert_missing(tx, _R, [{"xorb": xorb, "realm": realm}])
    if sender is not None:
        upload = {"xorb": xorb, "holder": sender, "uploaded_ms": now_ms}
        insert_missing(tx, _G, [upload], refresh=("uploaded_ms",))
    return True


def check_replaceable(tx: Read, xorb: XetHash, now_ms: int) -> None:
    """Raise if the bytes of a stored xorb are being deleted or replaced.

    Raises:
        Busy: a sweeper or an upload works on them.
    """
    _is_reliable(tx, xorb, now_ms)


def forget_uploads(tx: Write, uploaded_before_ms: int) -> int:
    """Delete old records of who uploaded which xorb; return how many."""
    return tx.sql.execute(sa.delete(_G).where(_G.c.uploaded_ms < uploaded_before_ms)).rowcount


def touch(tx: Write, wanted: Sequence[XetHash], now_ms: int) -> set[XetHash]:
    """Restart the grace period of xorbs that a caller is about to use; return those with reliable bytes."""
    found: set[XetHash] = set()
    for batch in slices(wanted):
        intact = _X.c.hash.in_(batch) & _X.c.sweeping_ms.is_(None) & _X.c.is_damaged.is_(False)
        tx.sql.execute(sa.update(_X).where(intact).values(touched_ms=now_ms))
        found.update(tx.sql.execute(sa.select(_X.c.hash).where(intact)).scalars())
    return found


def remember_chunks(tx: Write, shard: Uid, chunks: Iterable[tuple[XetHash, XetHash, int]]) -> None:
    """Record (chunk, xorb, index in the xorb) so that uploads find them; ``shard`` groups those uploaded together."""
    rows = {place: dict(zip(("chunk", "xorb", "number", "shard"), (*place, shard), strict=True)) for place in chunks}
    insert_missing(tx, _D, list(rows.values()))
    neighbours = {row["xorb"] for row in rows.values()}
    insert_missing(tx, _S, [{"shard": shard, "xorb": xorb} for xorb in neighbours])


def remember_group(tx: Write, shard: Uid, xorbs: Iterable[XetHash]) -> None:
    """Record that these xorbs were uploaded together."""
    insert_missing(tx, _S, [{"shard": shard, "xorb": xorb} for xorb in xorbs])


def mark_damaged(tx: Write, xorb: XetHash, since_ms: int) -> None:
    """Quarantine a xorb: its content is not served, and nothing new may refer to it.

    Args:
        since_ms: the :class:`XorbState` of the bytes that were checked; if it has
            changed, the xorb is left alone.
    """
    here = (_X.c.hash == xorb) & (_X.c.created_ms == since_ms)
    if tx.sql.execute(sa.update(_X).where(here).values(is_damaged=True)).rowcount:
        tx.sql.execute(sa.delete(_D).where(_D.c.xorb == xorb))


def begin_repair(tx: Write, xorb: XetHash, now_ms: int) -> None:
    """Quarantine a xorb while its bytes are replaced; call :func:`end_repair` afterwards.

    Raises:
        Busy: its bytes are being deleted or replaced.
    """
    _is_reliable(tx, xorb, now_ms)
    tx.sql.execute(sa.update(_X).where(_X.c.hash == xorb).values(is_damaged=True, sweeping_ms=now_ms))


def end_repair(tx: Write, row: XorbRow, claimed_ms: int, now_ms: int) -> None:
    """Release a xorb from quarantine after verified bytes have replaced the damaged ones.

    Raises:
        Busy: another caller has taken over the claim.
    """
    values = {"size": row.size, "raw_size": row.raw_size, "chunks": row.chunks, "directory": row.directory}
    values |= {"is_damaged": False, "checked_ms": now_ms, "sweeping_ms": None}
    # Always later than before, so that caches of the old bytes become invalid.
    since = sa.case((_X.c.created_ms < now_ms, now_ms), else_=_X.c.created_ms + 1)
    mine = (_X.c.hash == row.hash) & (_X.c.sweeping_ms == claimed_ms)
    if not tx.sql.execute(sa.update(_X).where(mine).values(created_ms=since, **values)).rowcount:
        raise Busy("this xorb")


def mark_checked(tx: Write, xorb: XetHash, since_ms: int, now_ms: int) -> None:
    """Record that the stored bytes of this state were found correct; this also ends a quarantine."""
    here = (_X.c.hash == xorb) & (_X.c.created_ms == since_ms) & _X.c.sweeping_ms.is_(None)
    tx.sql.execute(sa.update(_X).where(here).values(checked_ms=now_ms, is_damaged=False))


def next_to_check(tx: Read, checked_before_ms: int) -> XetHash | None:
    """Return the xorb whose bytes were checked longest ago, or None."""
    old = (_X.c.checked_ms < checked_before_ms) & _X.c.is_damaged.is_(False)
    return tx.sql.execute(sa.select(_X.c.hash).where(old).order_by(_X.c.checked_ms).limit(1)).scalar()


def everything(tx: Read, *, after: str, limit: int) -> list[XorbRow]:
    """Return one page of all xorbs in the order of their hashes; ``after`` is the last hash seen, or ""."""
    query = sa.select(*_COLUMNS).where(_X.c.chunks > 0).order_by(_X.c.hash).limit(limit)
    if after:
        query = query.where(_X.c.hash > after)
    return [XorbRow(*row) for row in tx.sql.execute(query)]


def totals(tx: Read) -> tuple[int, int, int]:
    """Return the number of xorbs, their serialised bytes, and the number of damaged ones."""
    damaged = sa.func.coalesce(sa.func.sum(sa.case((_X.c.is_damaged, 1), else_=0)), 0)
    row = tx.sql.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_X.c.size), 0), damaged)).one()
    return row[0], int(row[1]), int(row[2])


def unused(tx: Read, touched_before_ms: int, *, after: str, limit: int) -> list[XorbRow]:
    """Return one page of the xorbs that no file needs, not touched since a time; ``after`` as in :func:`everything`."""
    query = sa.select(*_COLUMNS).where(_is_free() & (_X.c.touched_ms < touched_before_ms))
    query = query.order_by(_X.c.hash).limit(limit)
    if after:
        query = query.where(_X.c.hash > after)
    return [XorbRow(*row) for row in tx.sql.execute(query)]


def adopt(tx: Write, xorb: XetHash, now_ms: int) -> bool:
    """Claim orphaned bytes for deletion; return False if the xorb has a row.

    Delete the bytes next, then call :func:`end_sweep`. Until then no upload
    can use the orphaned bytes.
    """
    if state(tx, xorb) is not None:
        return False
    row = attrs.asdict(XorbRow(xorb, 0, 0, 0, b"", True))
    times = {"created_ms": 0, "touched_ms": 0, "checked_ms": 0, "sweeping_ms": now_ms}
    tx.sql.execute(sa.insert(_X).values(**row, **times))
    return True


def begin_sweep(tx: Write, xorb: XetHash, touched_before_ms: int, now_ms: int) -> bool:
    """Claim a xorb for deletion if it is still unused; return whether it was.

    The caller then deletes its bytes and calls :func:`end_sweep`.
    """
    old = (_X.c.hash == xorb) & (_X.c.touched_ms < touched_before_ms) & _is_free()
    old &= _X.c.sweeping_ms.is_(None) | (_X.c.sweeping_ms <= now_ms - SWEEP_LEASE_MS)
    if not tx.sql.execute(sa.update(_X).where(old).values(sweeping_ms=now_ms)).rowcount:
        return False
    # From here on, deduplication must not offer these chunks to uploads.
    for table in (_D, _S, _R, _G):
        tx.sql.execute(sa.delete(table).where(table.c.xorb == xorb))
    return True


def end_sweep(tx: Write, xorb: XetHash) -> None:
    """Delete the row of a xorb whose bytes are deleted."""
    tx.sql.execute(sa.delete(_X).where((_X.c.hash == xorb) & _X.c.sweeping_ms.is_not(None)))


def _is_reliable(tx: Read, xorb: XetHash, now_ms: int) -> bool:
    """Return whether a xorb is stored with intact bytes.

    Raises:
        Busy: its bytes are being deleted or replaced.
    """
    found = tx.sql.execute(sa.select(_X.c.sweeping_ms, _X.c.is_damaged).where(_X.c.hash == xorb)).first()
    if found is not None and found.sweeping_ms is not None and found.sweeping_ms > now_ms - SWEEP_LEASE_MS:
        raise Busy("this xorb")
    # An expired claim was left by a process that crashed, perhaps after it deleted the bytes.
    return found is not None and not found.is_damaged and found.sweeping_ms is None


def _is_free() -> sa.ColumnElement[bool]:
    used = file_tables.xet_file_xorbs
    return ~sa.exists().where(used.c.xorb == _X.c.hash)
