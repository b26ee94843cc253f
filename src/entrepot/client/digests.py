"""Digests of local files, stored between runs to avoid reading unchanged files again.

A file is considered unchanged if its path, size, modification time and inode are
the same. A digest is stored only if the file had not been modified for a while
before: two modifications within one tick of the clock are indistinguishable.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

import attrs

from entrepot.client.sources import PathSource, Source, Stamp, oid_of, sha256_of
from entrepot.names import Oid, Sha256

_TABLE = """
CREATE TABLE IF NOT EXISTS digests_1 (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    oid TEXT, sha256 TEXT
) WITHOUT ROWID
"""
_PUT = """
INSERT INTO digests_1 (path, size, mtime_ns, inode, oid, sha256) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
    oid = excluded.oid, sha256 = excluded.sha256
"""
_SETTLED_NS = 2_000_000_000
_MAX_ROWS = 1_000_000
_AT_ONCE = 500
_BUSY_S = 2.0


@attrs.frozen
class _Known:
    stamp: Stamp
    oid: Oid | None = None
    sha256: Sha256 | None = None


class Digests:
    """Digests of contents, computed once and then remembered. Safe to use from several threads; a context manager.

    Args:
        file: database for digests of files; None stores nothing. A database
            that cannot be used (read-only, damaged, locked) is ignored.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._learned: dict[str, _Known] = {}
        self._objects: dict[int, tuple[Source, Oid | None, Sha256 | None]] = {}

    def __enter__(self) -> Digests:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.save()

    def recall(self, sources: Iterable[Source]) -> None:
        """Load the stored digests of many files with few queries; without this call, digests are computed again."""
        paths = [source.file_path for source in sources if isinstance(source, PathSource)]
        if self._file is None or not paths or not self._file.exists():
            return
        try:
            with _opened(self._file) as base:
                for at in range(0, len(paths), _AT_ONCE):
                    self._recall(base, paths[at : at + _AT_ONCE])
        except sqlite3.Error:
            return

    def oid(self, source: Source) -> Oid:
        """Return the git blob id of the content; raises the errors of reading it."""
        known = self._find(source)
        if known is not None and known.oid is not None:
            return known.oid
        oid = oid_of(source)
        self._learn(source, oid=oid)
        return oid

    def sha256(self, source: Source) -> Sha256:
        """Return the SHA-256 of the content; raises the errors of reading it."""
        known = self.find_sha256(source)
        if known is not None:
            return known
        sha256 = sha256_of(source)
        self.learn(source, sha256)
        return sha256

    def find_sha256(self, source: Source) -> Sha256 | None:
        """Return the SHA-256 if it is known, else None."""
        known = self._find(source)
        return known.sha256 if known is not None else None

    def learn(self, source: Source, sha256: Sha256) -> None:
        """Add a digest that was computed elsewhere."""
        self._learn(source, sha256=sha256)

    def save(self) -> None:
        """Store new digests in the database."""
        with self._lock:
            learned, self._learned = self._learned, {}
        settled = time.time_ns() - _SETTLED_NS
        rows = [
            (path, known.stamp.size, known.stamp.mtime_ns, known.stamp.inode, known.oid, known.sha256)
            for path, known in learned.items()
            if known.stamp.mtime_ns < settled
        ]
        if self._file is None or not rows:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with _opened(self._file) as base:
                base.execute(_TABLE)
                base.executemany(_PUT, rows)
                if base.execute("SELECT count(*) FROM digests_1").fetchone()[0] > _MAX_ROWS:
                    base.execute("DELETE FROM digests_1")  # only a cache: start over when it is full
        except sqlite3.OperationalError:
            return
        except (sqlite3.Error, OSError):
            # The database is damaged: the next run creates a new one.
            with contextlib.suppress(OSError):
                self._file.unlink()

    def _recall(self, base: sqlite3.Connection, paths: Sequence[str]) -> None:
        marks = ",".join("?" * len(paths))
        select = f"SELECT path, size, mtime_ns, inode, oid, sha256 FROM digests_1 WHERE path IN ({marks})"  # noqa: S608
        rows = base.execute(select, list(paths)).fetchall()
        with self._lock:
            for path, size, mtime_ns, inode, oid, sha256 in rows:
                self._known[path] = _Known(Stamp(size, mtime_ns, inode), oid, sha256)

    def _find(self, source: Source) -> _Known | None:
        with self._lock:
            if isinstance(source, PathSource):
                known = self._known.get(source.file_path)
                return known if known is not None and known.stamp == source.stamp else None
            _, oid, sha256 = self._objects.get(id(source), (source, None, None))
            return _Known(Stamp(source.size, 0, 0), oid, sha256)

    def _learn(self, source: Source, *, oid: Oid | None = None, sha256: Sha256 | None = None) -> None:
        before = self._find(source)
        oid = oid or (before.oid if before else None)
        sha256 = sha256 or (before.sha256 if before else None)
        with self._lock:
            if not isinstance(source, PathSource):
                # Keep a reference to the source: its id() must not be reused.
                self._objects[id(source)] = (source, oid, sha256)
                return
            known = _Known(source.stamp, oid, sha256)
            self._known[source.file_path] = known
            if not source.is_growing:
                self._learned[source.file_path] = known


class _opened:  # noqa: N801 - used like a function
    """A database connection that commits and closes on exit."""

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file, timeout=_BUSY_S)
        self._base.execute("PRAGMA synchronous = OFF")  # a crash may damage the database, which is only a cache

    def __enter__(self) -> sqlite3.Connection:
        return self._base

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self._base.commit()
        finally:
            self._base.close()
