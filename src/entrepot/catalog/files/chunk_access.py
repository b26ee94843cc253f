"""Indexed queries that find which chunks of which xorbs a caller may refer to."""

from __future__ import annotations

import functools
import itertools
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables, visibility
from entrepot.catalog.database import Read
from entrepot.catalog.lists import slices
from entrepot.catalog.visibility import Visibility
from entrepot.names import Uid, XetHash

_U = file_tables.xet_file_xorbs
_L = file_tables.file_links
_C = file_tables.xet_claims
_B = file_tables.bucket_files
_R = tables.repos
_D = file_tables.dedup_chunks
_S = file_tables.shard_xorbs
_G = file_tables.xorb_uploads
_X = file_tables.xorb_realms
_K = file_tables.xorbs
_BATCH = 200
_CANDIDATES = 8
_REPEATS = 8  # how many files are read for each xorb that is wanted: small files share xorbs

UID_SECONDS = 8
"""Digits at the beginning of a public id that are a time in seconds: ids of the same second are in no order."""

MAX_USES = 500
"""The most files, links and claims of a xorb that a lookup reads before it checks which the viewer may read."""

MAX_ROWS = 100_000
"""The most uses of xorbs that one lookup reads; chunks beyond it count as unreadable, and clients send them again."""


@attrs.frozen
class Viewer:
    """A caller whose rights to chunks are checked.

    Args:
        seen: namespaces and single repositories whose private content the
            caller can read (None: all); anyone can read ungated public content.
        sender: the identity under which the caller uploaded xorbs, see ``xorb_uploads``.
        repo_id, user_id: the repository and account of an upload; their own
            claims count before anything is committed.
        realm: the row id of a namespace whose xorbs may all be used, or None.
        is_everywhere: every xorb of the hub may be used.
        needs_proof: only count links whose chunks the uploader had proven to possess.
    """

    seen: Visibility | None
    sender: str | None = None
    repo_id: int | None = None
    user_id: int | None = None
    realm: int | None = None
    is_everywhere: bool = False
    needs_proof: bool = False


def _readable_repo() -> sa.ColumnElement[bool]:
    public = (_R.c.visibility == "public") & (_R.c.gated == "no")
    seen = (sa.bindparam("sees_all", type_=sa.Boolean) == sa.true()) | public | visibility.prepared_private()
    return seen & _R.c.deleted_ms.is_(None) & _R.c.is_disabled.is_(False)


def _counts() -> sa.ColumnElement[bool]:
    """Return the condition that a committed link counts for the viewer, if its repository is readable."""
    needs_proof = sa.bindparam("needs_proof", type_=sa.Boolean)
    return _L.c.path.is_not(None) & (_L.c.is_proven.is_(True) | (needs_proof == sa.false()))


def _is_readable_file() -> sa.ColumnElement[bool]:
    """Return the condition that the viewer can read a file of ``xet_file_xorbs``.

    The file is committed in a readable repository, or in a readable bucket, or the viewer has claimed it.
    """
    # Nothing records whether the uploader of a bucket's file possessed its chunks.
    in_bucket = sa.exists().where(
        (_B.c.file == _U.c.file)
        & (sa.bindparam("needs_proof", type_=sa.Boolean) == sa.false())
        & (_R.c.id == _B.c.repo_id)
        & _readable_repo()
    )
    linked = sa.exists().where((_L.c.xet_file == _U.c.file) & _counts() & (_R.c.id == _L.c.repo_id) & _readable_repo())
    claimed = sa.exists().where(
        (_C.c.file == _U.c.file) & (_C.c.repo_id == sa.bindparam("repo")) & (_C.c.user_id == sa.bindparam("user"))
    )
    return linked | in_bucket | claimed


def _readable_uses(uses: sa.Subquery, *shown: str) -> list[sa.Select[Any]]:
    """Return selections of these columns of the readable ones of some uses of xorbs: rows with a column ``file``.

    Guarantees: they look at no more than :data:`MAX_USES` links, files of buckets and claims each.
    """
    columns = [uses.c[name] for name in shown]

    def held(rows: sa.Table, file: sa.Column[Any], *more: sa.ColumnElement[Any]) -> sa.Subquery:
        found = sa.select(*columns, rows.c.repo_id.label("repo_id"), *more).join_from(uses, rows, file == uses.c.file)
        return found.limit(MAX_USES).subquery()

    linked = held(_L, _L.c.xet_file, _counts().label("counts"))
    in_bucket = held(_B, _B.c.file, (sa.bindparam("needs_proof", type_=sa.Boolean) == sa.false()).label("counts"))
    claimed = held(_C, _C.c.file, _C.c.user_id.label("user_id"))
    own = (claimed.c.repo_id == sa.bindparam("repo")) & (claimed.c.user_id == sa.bindparam("user"))
    return [
        *(
            sa.select(*(held.c[name] for name in shown))
            .join_from(held, _R, _R.c.id == held.c.repo_id)
            .where(held.c.counts & _readable_repo())
            .distinct()
            for held in (linked, in_bucket)
        ),
        sa.select(*(claimed.c[name] for name in shown)).where(own),
    ]


def _is_crowd(file: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a xorb has more than :data:`MAX_USES` files, or uses of them in a column."""
    uses = sa.select(_U.c.file).where(_U.c.xorb == _K.c.hash).correlate(_K).limit(MAX_USES + 1).subquery()
    held = sa.select(sa.literal(1).label("one")).join_from(uses, file.table, file == uses.c.file, isouter=True)
    count = sa.select(sa.func.count()).select_from(held.limit(MAX_USES + 1).subquery()).correlate(_K)
    return count.scalar_subquery() > MAX_USES


# Statements are built once: building one costs more than running it on cached pages. The large ones are built when they
# are first used: together, they take half a megabyte, which a hub without chunks does not need.
@functools.cache
def _ranges() -> sa.Select[Any]:
    return (
        sa.select(_U.c.xorb, _U.c.ranges)
        .where(_U.c.xorb.in_(sa.bindparam("wanted", expanding=True)) & _is_readable_file())
        .limit(sa.bindparam("most"))
    )


@functools.cache
def _crowded_ranges() -> sa.CompoundSelect[Any]:
    uses = sa.select(_U.c.xorb, _U.c.file, _U.c.ranges).where(_U.c.xorb == sa.bindparam("xorb"))
    return sa.union_all(*_readable_uses(uses.limit(MAX_USES).subquery(), "xorb", "ranges"))


@functools.cache
def _crowded() -> sa.Select[Any]:
    return sa.select(_K.c.hash).where(
        _K.c.hash.in_(sa.bindparam("wanted", expanding=True))
        & sa.or_(*(_is_crowd(held) for held in (_L.c.xet_file, _B.c.file, _C.c.file)))
    )


_SENT = sa.select(_G.c.xorb).where(
    (_G.c.holder == sa.bindparam("sender")) & _G.c.xorb.in_(sa.bindparam("wanted", expanding=True))
)
_IN_REALM = sa.select(_X.c.xorb).where(
    (_X.c.realm == sa.bindparam("realm")) & _X.c.xorb.in_(sa.bindparam("wanted", expanding=True))
)


def _is_whole(xorb: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that the viewer may use every chunk of a xorb, because they sent it or share the realm."""
    return (
        sa.exists().where((_G.c.xorb == xorb) & (_G.c.holder == sa.bindparam("sender")))
        | sa.exists().where((_X.c.xorb == xorb) & (_X.c.realm == sa.bindparam("realm")))
        | (sa.bindparam("everywhere", type_=sa.Boolean) == sa.true())
    )


@functools.cache
def _uses() -> sa.CompoundSelect[Any]:
    place = (_D.c.xorb, _D.c.shard, _D.c.number)
    places = sa.select(*place).where(_D.c.chunk == sa.bindparam("chunk")).limit(MAX_USES).subquery()
    used = (
        sa.select(*places.c, _U.c.file, _U.c.ranges)
        .join_from(places, _U, _U.c.xorb == places.c.xorb)
        .limit(MAX_USES)
        .subquery()
    )
    return sa.union_all(
        *_readable_uses(used, "xorb", "shard", "number", "ranges"),
        sa.select(
            sa.select(*places.c, sa.cast(sa.null(), sa.LargeBinary).label("ranges"))
            .where(_is_whole(places.c.xorb))
            .limit(_CANDIDATES)
            .subquery()
        ),
    )


@functools.cache
def _neighbours() -> sa.Select[Any]:
    used = sa.select(_U.c.xorb, _U.c.file).where(_U.c.xorb == _S.c.xorb).correlate(_S).limit(MAX_USES).subquery()
    is_readable = sa.or_(*(sa.exists(uses.correlate(_S)) for uses in _readable_uses(used, "xorb")))
    return (
        sa.select(_S.c.xorb)
        .where(_S.c.shard == sa.bindparam("shard"))
        .where(_is_whole(_S.c.xorb) | is_readable)
        .limit(sa.bindparam("most"))
    )


_NEWEST = (
    sa.select(_L.c.xet_file, _L.c.linked_ms)
    .where((_L.c.repo_id == sa.bindparam("repo")) & _L.c.path.is_not(None) & _L.c.xet_file.is_not(None))
    .order_by(_L.c.linked_ms.desc(), _L.c.uid)
    .limit(sa.bindparam("most"))
    .subquery()
)
_NEWEST_IN_BUCKET = (
    sa.select(_B.c.file, _B.c.uploaded_ms)
    .where((_B.c.repo_id == sa.bindparam("repo")) & _B.c.file.is_not(None))
    .order_by(_B.c.uploaded_ms.desc())
    .limit(sa.bindparam("most"))
    .subquery()
)
_LATEST_IN_BUCKET = (
    sa.select(_U.c.xorb)
    .join(_NEWEST_IN_BUCKET, _NEWEST_IN_BUCKET.c.file == _U.c.file)
    .order_by(_NEWEST_IN_BUCKET.c.uploaded_ms.desc(), _U.c.xorb)
)
_LATEST = (
    sa.select(_U.c.xorb).join(_NEWEST, _NEWEST.c.xet_file == _U.c.file).order_by(_NEWEST.c.linked_ms.desc(), _U.c.xorb)
)


def readable_ranges(
    tx: Read, viewer: Viewer, wanted: Sequence[XetHash], most: int = MAX_ROWS
) -> Iterator[tuple[XetHash, bytes]]:
    """Yield (xorb, packed chunk ranges) for the readable files that use one of these xorbs, at most ``most`` times.

    Guarantees: of the uses of a xorb it looks at no more than :data:`MAX_USES`, those that :func:`near_chunk`
    looks at.
    """
    rows = itertools.chain.from_iterable(_readable_rows(tx, viewer, batch, most) for batch in slices(wanted, _BATCH))
    yield from itertools.islice(rows, most)


def _readable_rows(tx: Read, viewer: Viewer, batch: Sequence[XetHash], most: int) -> Iterator[tuple[XetHash, bytes]]:
    names = _names(viewer)
    crowded = set(tx.sql.execute(_crowded(), {"wanted": batch}).scalars())
    others = [xorb for xorb in batch if xorb not in crowded]
    for row in tx.sql.execute(_ranges(), names | {"wanted": others, "most": most}):
        yield row.xorb, row.ranges
    for xorb in batch:
        if xorb in crowded:
            yield from ((row.xorb, row.ranges) for row in tx.sql.execute(_crowded_ranges(), names | {"xorb": xorb}))


def whole(tx: Read, viewer: Viewer, wanted: Sequence[XetHash]) -> set[XetHash]:
    """Return the given xorbs of which the viewer may use every chunk, because they sent them or share the realm."""
    if viewer.is_everywhere:
        return set(wanted)
    found: set[XetHash] = set()
    for batch in slices(wanted, _BATCH):
        names = {"wanted": batch}
        if viewer.sender is not None:
            found.update(tx.sql.execute(_SENT, names | {"sender": viewer.sender}).scalars())
        if viewer.realm is not None:
            found.update(tx.sql.execute(_IN_REALM, names | {"realm": viewer.realm}).scalars())
    return found


def near_chunk(tx: Read, viewer: Viewer, chunk: XetHash, limit: int) -> list[list[XetHash]]:
    """Return the xorbs of which the viewer may use this chunk, each with its neighbours.

    Each group begins with the xorb itself; the others were uploaded in the same shard, and the viewer may use some of
    their chunks: xorbs that they may not use do not count for the limit.

    Args:
        limit: the maximum number of xorbs in a group.

    Guarantees: a chunk that the viewer may not use costs the same statement as one
    that is not stored, even if they may use others of its xorb, and the statement looks at no more than
    :data:`MAX_USES` uses of each kind: readable ones beyond them are not found, and clients send the chunk again.
    """
    found: dict[XetHash, Uid] = {}
    names = _names(viewer)
    for row in tx.sql.execute(_uses(), names | {"chunk": chunk, "most": MAX_ROWS}):
        if row.xorb not in found and (row.ranges is None or _is_inside(row.number, row.ranges)):
            found[row.xorb] = row.shard
    groups: list[list[XetHash]] = []
    for own, shard in list(found.items())[:_CANDIDATES]:
        others = tx.sql.execute(_neighbours(), names | {"shard": shard, "most": limit}).scalars()
        groups.append([own, *(xorb for xorb in others if xorb != own)][:limit])
    return groups


def _is_inside(number: int, ranges: bytes) -> bool:
    """Return whether packed chunk ranges contain an index."""
    return any(start <= number < end for start, end in unpacked(ranges))


def unpacked(ranges: bytes) -> Iterator[tuple[int, int]]:
    """Return the first chunk of each packed range, and the one after its last, one range after the other."""
    return struct.iter_unpack("<HH", ranges)


def latest_xorbs(tx: Read, repo_id: int, limit: int) -> list[XetHash]:
    """Return the xorbs that the committed files of a repository or bucket use, those of the latest files first."""
    names = {"repo": repo_id, "most": limit * _REPEATS}
    found = (xorb for query in (_LATEST, _LATEST_IN_BUCKET) for xorb in tx.sql.execute(query, names).scalars())
    return list(dict.fromkeys(found))[:limit]


@attrs.frozen
class Use:
    """The chunks of a xorb (packed ranges) that a linked file of a repository uses."""

    repo_id: int
    xorb: XetHash
    ranges: bytes = attrs.field(repr=False)


def uses_before(tx: Read, wanted: Sequence[XetHash], link: Uid) -> Iterator[Use]:
    """Yield the uses of these xorbs by committed links that are not newer than one link, oldest first.

    Ids begin with a time in seconds, so links of the same second are included.
    """
    second = link[:UID_SECONDS] + "g"  # sorts after every hexadecimal digit
    for batch in slices(wanted, _BATCH):
        query = (
            sa.select(_L.c.repo_id, _U.c.xorb, _U.c.ranges)
            .join(_U, _U.c.file == _L.c.xet_file)
            .where(_U.c.xorb.in_(batch) & _L.c.path.is_not(None) & (_L.c.uid < second))
            .order_by(_L.c.uid)
        )
        for row in tx.sql.execute(query):
            yield Use(*row)


def _names(viewer: Viewer) -> dict[str, Any]:
    seen = viewer.seen
    return {
        "sees_all": seen is None,
        "repo": viewer.repo_id,
        "user": viewer.user_id,
        "sender": viewer.sender,
        "realm": viewer.realm,
        "everywhere": viewer.is_everywhere,
        "needs_proof": viewer.needs_proof,
        **visibility.parameters(seen or visibility.PUBLIC_ONLY),
    }
