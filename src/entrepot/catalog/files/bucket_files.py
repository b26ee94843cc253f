"""Queries on the files of buckets: a flat map from paths to files in chunks.

Paths are stored as bytes and sorted as bytes, a folder as if its name ended
in ``/``. A folder has no row: it is a prefix of paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import slices
from entrepot.catalog.prepared import PreparedForList
from entrepot.names import RepoPath, XetFileId, XetHash

_B = file_tables.bucket_files
_U = file_tables.xet_file_xorbs
_X = file_tables.xorbs
_PIECE = 256
_AFTER_SLASH = b"0"  # the byte after "/"
_FIRST_AFTER = b"\0"  # no path contains it


@attrs.frozen
class BucketFile:
    """A file of a bucket; ``file`` is None if it is empty. ``mtime_ms`` is that of its source, as the client says."""

    path: RepoPath
    xet_hash: XetHash
    file: XetFileId | None
    size: int
    mtime_ms: int
    uploaded_ms: int


@attrs.frozen
class BucketFolder:
    """A folder of a listing; ``uploaded_ms`` is that of the newest file below it."""

    path: RepoPath
    uploaded_ms: int


@attrs.frozen
class BucketPage:
    """A page of a listing; ``after`` is where the next one begins, None at the end."""

    entries: Sequence[BucketFile | BucketFolder]
    after: bytes | None


@attrs.frozen
class BucketTotals:
    """The number of files in a bucket, and their bytes."""

    files: int = 0
    size: int = 0


_REPO: sa.BindParameter[int] = sa.bindparam("repo")
_FROM: sa.BindParameter[bytes] = sa.bindparam("from", type_=sa.LargeBinary)
_UNTIL: sa.BindParameter[bytes] = sa.bindparam("until", type_=sa.LargeBinary)
_COLUMNS = (_B.c.path, _B.c.xet_hash, _B.c.file, _B.c.size, _B.c.mtime_ms, _B.c.uploaded_ms)
# Statements are built once: building one costs more than running it.
_BETWEEN = (
    sa.select(*_COLUMNS)
    .where((_B.c.repo_id == _REPO) & (_B.c.path >= _FROM) & (_B.c.path < _UNTIL))
    .order_by(_B.c.path)
    .limit(sa.bindparam("most"))
)
_NEWEST = sa.select(sa.func.max(_B.c.uploaded_ms)).where(
    (_B.c.repo_id == _REPO) & (_B.c.path >= _FROM) & (_B.c.path < _UNTIL)
)
_FIND = sa.select(*_COLUMNS).where(
    (_B.c.repo_id == _REPO) & _B.c.path.in_(sa.bindparam("wanted", type_=sa.LargeBinary, expanding=True))
)
_BY_HASH = sa.select(_B.c.xet_hash, _B.c.file, _B.c.size).where(
    (_B.c.repo_id == _REPO) & _B.c.xet_hash.in_(sa.bindparam("wanted", expanding=True))
)
_TOTALS = PreparedForList(
    _B.c.repo_id,
    lambda wanted: (
        sa.select(_B.c.repo_id, sa.func.count(), sa.func.sum(_B.c.size)).where(wanted).group_by(_B.c.repo_id)
    ),
)


def find(tx: Read, repo_id: int, paths: Sequence[RepoPath]) -> dict[RepoPath, BucketFile]:
    """Return the files at the given paths, without missing ones."""
    found: dict[RepoPath, BucketFile] = {}
    for batch in slices(paths):
        wanted = [path.encode() for path in batch]
        for row in tx.sql.execute(_FIND, {"repo": repo_id, "wanted": wanted}):
            item = _file(row)
            found[item.path] = item
    return found


def by_hash(tx: Read, repo_id: int, hashes: Sequence[XetHash]) -> dict[XetHash, tuple[XetFileId | None, int]]:
    """Return chunks and size of the given files that a bucket has at any path."""
    found: dict[XetHash, tuple[XetFileId | None, int]] = {}
    for batch in slices(hashes):
        rows = tx.sql.execute(_BY_HASH, {"repo": repo_id, "wanted": batch})
        found.update((row.xet_hash, (row.file, row.size)) for row in rows)
    return found


def totals(tx: Read, repo_ids: Sequence[int]) -> dict[int, BucketTotals]:
    """Return number and bytes of the files of each bucket that has any."""
    rows = _TOTALS.all(tx, repo_ids)
    return {repo_id: BucketTotals(int(count), int(size)) for repo_id, count, size in rows}


def list_files(tx: Read, repo_id: int, prefix: str, *, after: bytes | None, limit: int) -> BucketPage:
    """Return a page of all files below a folder, or of the file that has exactly this path, by path.

    Args:
        prefix: the path of the folder or file; empty for the whole bucket.
        after: ``after`` of the previous page.
    """
    found: list[BucketFile | BucketFolder] = []
    for start, until in _spans(prefix, after):
        rows = _between(tx, repo_id, start, until, limit + 1 - len(found))
        found += map(_file, rows)
    return _page(found, limit)


def list_folder(tx: Read, repo_id: int, prefix: str, *, after: bytes | None, limit: int) -> BucketPage:
    """Return a page of the files and folders of one level; arguments as :func:`list_files`.

    Files below the folders of this level are skipped, not read.
    """
    found: list[BucketFile | BucketFolder] = []
    level = len(prefix.encode()) + 1 if prefix else 0
    for start, until in _spans(prefix, after):
        position: bytes | None = start
        while position is not None and len(found) <= limit:
            position = _take_level(tx, repo_id, found, (position, until), level, limit)
    return _page(found, limit)


def _take_level(
    tx: Read,
    repo_id: int,
    found: list[BucketFile | BucketFolder],
    span: tuple[bytes, bytes],
    level: int,
    limit: int,
) -> bytes | None:
    """Add entries of the next rows; return where to go on, None at the end."""
    rows = _between(tx, repo_id, *span, _PIECE)
    skipped = b""
    for row in rows:
        if row.path < skipped:
            continue
        slash = row.path.find(b"/", level)
        if slash < 0:
            found.append(_file(row))
        else:
            below, skipped = row.path[: slash + 1], row.path[:slash] + _AFTER_SLASH
            newest = tx.sql.execute(_NEWEST, {"repo": repo_id, "from": below, "until": skipped}).scalar_one()
            found.append(BucketFolder(RepoPath(below[:-1].decode()), int(newest)))
        if len(found) > limit:
            return None
    if len(rows) < _PIECE:
        return None
    last: bytes = rows[-1].path
    return max(skipped, last + _FIRST_AFTER)


def put(tx: Write, repo_id: int, items: Sequence[BucketFile]) -> None:
    """Store files at their paths, replacing others; no two have the same path."""
    rows = [attrs.asdict(item) | {"repo_id": repo_id, "path": item.path.encode()} for item in items]
    insert_missing(tx, _B, rows, refresh=("xet_hash", "file", "size", "mtime_ms", "uploaded_ms"))


def remove(tx: Write, repo_id: int, paths: Sequence[RepoPath]) -> None:
    """Delete the files at the given paths; paths without a file are ignored."""
    for batch in slices(paths):
        here = (_B.c.repo_id == repo_id) & _B.c.path.in_([path.encode() for path in batch])
        tx.sql.execute(sa.delete(_B).where(here))


def mend(tx: Write, repo_id: int, files: Mapping[XetHash, XetFileId]) -> None:
    """Let files of a bucket with the same content use these chunks, if those that they use are damaged."""
    damaged = sa.exists().where((_U.c.file == _B.c.file) & (_X.c.hash == _U.c.xorb) & _X.c.is_damaged.is_(True))
    lost: set[XetHash] = set()
    for batch in slices(list(files)):
        here = (_B.c.repo_id == repo_id) & _B.c.xet_hash.in_(batch) & damaged
        lost.update(tx.sql.execute(sa.select(_B.c.xet_hash).where(here)).scalars())
    for xet_hash in sorted(lost):
        file = files[xet_hash]
        here = (_B.c.repo_id == repo_id) & (_B.c.xet_hash == xet_hash) & (_B.c.file != file) & damaged
        tx.sql.execute(sa.update(_B).where(here).values(file=file))


def _spans(prefix: str, after: bytes | None) -> list[tuple[bytes, bytes]]:
    """Return the ranges of paths (first, end) of a listing: the path itself, then what is below it."""
    if not prefix:
        return [(after or b"", b"\xff")]  # UTF-8 never contains the byte
    path = prefix.encode()
    spans = [(path, path + _FIRST_AFTER), (path + b"/", path + _AFTER_SLASH)]
    return [(max(start, after or b""), until) for start, until in spans if after is None or after < until]


def _between(tx: Read, repo_id: int, start: bytes, until: bytes, most: int) -> Sequence[Any]:
    if most <= 0:
        return []
    return tx.sql.execute(_BETWEEN, {"repo": repo_id, "from": start, "until": until, "most": most}).all()


def _page(found: list[BucketFile | BucketFolder], limit: int) -> BucketPage:
    if len(found) <= limit:
        return BucketPage(found, None)
    last = found[limit - 1]
    ending = _AFTER_SLASH if isinstance(last, BucketFolder) else _FIRST_AFTER
    return BucketPage(found[:limit], last.path.encode() + ending)


def _file(row: Any) -> BucketFile:  # noqa: ANN401 - a row of the database
    return BucketFile(
        RepoPath(bytes(row.path).decode()), row.xet_hash, row.file, row.size, row.mtime_ms, row.uploaded_ms
    )
