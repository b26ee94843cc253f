"""Queries on content that repositories share: the same large files, and the same chunks of xorbs.

Only repositories that the caller can read are looked at, and only files that
commits name and whose content their uploader has proven to possess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables, tables
from entrepot.catalog.database import Read
from entrepot.catalog.files.chunk_access import UID_SECONDS, unpacked
from entrepot.catalog.files.file_links import SHARED
from entrepot.catalog.files.linked_forms import is_proven, is_visible
from entrepot.catalog.lists import bounded, slices
from entrepot.catalog.visibility import Visibility
from entrepot.names import Sha256, Uid, XetHash

_L = file_tables.file_links
_U = file_tables.xet_file_xorbs
_X = file_tables.xorbs
_R = tables.repos

MAX_FILES = 200
"""Files of the repository that are compared, the largest ones."""

MAX_XORBS = 1_000
"""Xorbs of these files that are compared."""

MAX_ROWS = 20_000
"""Files, and uses of xorbs, of other repositories that one comparison reads."""


@attrs.frozen
class SharedContent:
    """The content that another repository shares with one.

    ``bytes``: about how many bytes. ``is_older``: whether the other repository had its copy first.
    """

    repo_id: int
    bytes: int
    is_older: bool


@attrs.frozen
class _File:
    size: int
    uid: Uid


@attrs.frozen
class _Used:
    """The chunks of a xorb that a file uses, as bits, and about how long one is."""

    sha256: Sha256
    chunks: int
    chunk_size: float


@attrs.define
class _Other:
    """What was found of another repository: the same files, and as bits the chunks of each xorb; their oldest id."""

    files: dict[Sha256, Uid] = attrs.field(factory=dict)
    chunks: dict[XetHash, int] = attrs.field(factory=lambda: defaultdict(int))
    uids: dict[XetHash, Uid] = attrs.field(factory=dict)


def find(tx: Read, repo_id: int, seen: Visibility | None) -> list[SharedContent]:
    """Return the content that other repositories share with one, the largest share first.

    Args:
        seen: where the caller can read private and gated repositories; None means everywhere.

    Guarantees: repositories that the caller cannot read change neither the result nor the statements.
    """
    files = _files(tx, repo_id)
    xorbs = _xorbs(tx, repo_id, files)
    others: dict[int, _Other] = defaultdict(_Other)
    _add_files(tx, repo_id, seen, files, others)
    _add_chunks(tx, repo_id, seen, xorbs, others)
    found = [_compare(key, repo_id, other, files, xorbs) for key, other in others.items()]
    return sorted((one for one in found if one.bytes > 0), key=lambda one: (-one.bytes, one.repo_id))


def _counts() -> sa.ColumnElement[bool]:
    """Return the condition that a link counts: a branch or tag names it, and its uploader possessed the content."""
    named = (_L.c.owner_id == SHARED) & _L.c.path.is_not(None) & ~_L.c.ref.startswith("refs/pr/")
    return named & _L.c.is_false.is_(False) & (is_proven() | _L.c.is_proven.is_(True))


def _files(tx: Read, repo_id: int) -> dict[Sha256, _File]:
    query = sa.select(_L.c.sha256, _L.c.size, _L.c.uid).where((_L.c.repo_id == repo_id) & _counts())
    rows = tx.sql.execute(query.order_by(_L.c.size.desc(), _L.c.sha256).limit(MAX_FILES))
    return {row.sha256: _File(row.size, row.uid) for row in rows}


def _xorbs(tx: Read, repo_id: int, files: Mapping[Sha256, _File]) -> dict[XetHash, list[_Used]]:
    found: dict[XetHash, list[_Used]] = defaultdict(list)
    query = (
        sa.select(_L.c.sha256, _U.c.xorb, _U.c.ranges, _X.c.raw_size, _X.c.chunks)
        .join(_U, _U.c.file == _L.c.xet_file)
        .join(_X, _X.c.hash == _U.c.xorb)
        .where((_L.c.repo_id == repo_id) & _counts() & _L.c.sha256.in_(bounded(list(files))))
        .order_by(_L.c.size.desc(), _L.c.sha256, _U.c.xorb)
        .limit(MAX_XORBS)
    )
    for row in tx.sql.execute(query):
        found[row.xorb].append(_Used(row.sha256, _bits(row.ranges), row.raw_size / max(row.chunks, 1)))
    return found


def _add_files(
    tx: Read, repo_id: int, seen: Visibility | None, files: Mapping[Sha256, _File], others: dict[int, _Other]
) -> None:
    left = MAX_ROWS
    for batch in slices(list(files)):
        query = (
            sa.select(_L.c.repo_id, _L.c.sha256, _L.c.uid)
            .join(_R, _R.c.id == _L.c.repo_id)
            .where(_L.c.sha256.in_(batch) & (_L.c.repo_id != repo_id) & is_proven() & _counts() & is_visible(seen))
            .limit(left)
        )
        for row in tx.sql.execute(query):
            left -= 1
            others[row.repo_id].files[row.sha256] = row.uid


def _add_chunks(
    tx: Read, repo_id: int, seen: Visibility | None, xorbs: Mapping[XetHash, object], others: dict[int, _Other]
) -> None:
    left = MAX_ROWS
    for batch in slices(list(xorbs)):
        query = (
            sa.select(_L.c.repo_id, _L.c.uid, _U.c.xorb, _U.c.ranges)
            .select_from(_U)
            .join(_L, _L.c.xet_file == _U.c.file)
            .join(_R, _R.c.id == _L.c.repo_id)
            .where(_U.c.xorb.in_(batch) & (_L.c.repo_id != repo_id) & _counts() & is_visible(seen))
            .limit(left)
        )
        for row in tx.sql.execute(query):
            left -= 1
            other = others[row.repo_id]
            other.chunks[row.xorb] |= _bits(row.ranges)
            other.uids[row.xorb] = min(row.uid, other.uids.get(row.xorb, row.uid))


def _compare(
    key: int, repo_id: int, other: _Other, files: Mapping[Sha256, _File], xorbs: Mapping[XetHash, list[_Used]]
) -> SharedContent:
    shared: dict[Sha256, float] = defaultdict(float)
    theirs = list(other.files.values())
    for xorb, chunks in other.chunks.items():
        for used in xorbs[xorb]:
            if both := (used.chunks & chunks).bit_count():
                shared[used.sha256] += both * used.chunk_size
                theirs.append(other.uids[xorb])
    size_of = {sha256: min(round(size), files[sha256].size) for sha256, size in shared.items()}
    size_of |= {sha256: files[sha256].size for sha256 in other.files}
    mine = [files[sha256].uid for sha256 in size_of]
    is_older = bool(mine) and (min(theirs)[:UID_SECONDS], key) < (min(mine)[:UID_SECONDS], repo_id)
    return SharedContent(key, sum(size_of.values()), is_older)


def _bits(ranges: bytes) -> int:
    """Return packed chunk ranges as a number with one bit for each chunk."""
    bits = 0
    for start, end in unpacked(ranges):
        bits |= ((1 << max(end - start, 0)) - 1) << start
    return bits
