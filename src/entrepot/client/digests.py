"""Digests of local files, remembered between runs, so that an unchanged file is not read again.

A file counts as unchanged while its path, size, time of change and inode are
the same. A digest is only kept when the file had been left alone for a while
before: two changes within one tick of the clock look like one.
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
_MOST_ROWS = 1_000_000
_AT_ONCE = 500
_BUSY_S = 2.0


@attrs.frozen
class _Known:
    stamp: Stamp
    oid: Oid | None = None
    sha256: Sha256 | None = None


class Digests:
    """Digests of contents: asked once, known afterwards. Safe to use from many threads; a context manager.

    Args:
        file: where to remember those of files; None remembers nothing. A file
            that cannot be used (read-only, damaged, locked) is done without.
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
        """Look up many files at once; without it each is computed anew."""
        paths = [source.place for source in sources if isinstance(source, PathSource)]
        if self._file is None or not paths or not self._file.exists():
            return
        try:
            with _opened(self._file) as base:
                for at in range(0, len(paths), _AT_ONCE):
                    self._recall(base, paths[at : at + _AT_ONCE])
        except sqlite3.Error:
            return

    def oid(self, source: Source) -> Oid:
        """The id that git gives the content; raises what reading it raises."""
        known = self._find(source)
        if known is not None and known.oid is not None:
            return known.oid
        oid = oid_of(source)
        self._learn(source, oid=oid)
        return oid

    def sha256(self, source: Source) -> Sha256:
        """The SHA-256 of the content; raises what reading it raises."""
        known = self.find_sha256(source)
        if known is not None:
            return known
        sha256 = sha256_of(source)
        self.learn(source, sha256)
        return sha256

    def find_sha256(self, source: Source) -> Sha256 | None:
        """The SHA-256 if it is known already."""
        known = self._find(source)
        return known.sha256 if known is not None else None

    def learn(self, source: Source, sha256: Sha256) -> None:
        """Take a digest that somebody else has computed."""
        self._learn(source, sha256=sha256)

    def save(self) -> None:
        """Remember what was learned."""
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
                if base.execute("SELECT count(*) FROM digests_1").fetchone()[0] > _MOST_ROWS:
                    base.execute("DELETE FROM digests_1")  # it is only a cache
        except sqlite3.OperationalError:
            return
        except (sqlite3.Error, OSError):
            # Damaged: the next run begins a new one.
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
                known = self._known.get(source.place)
                return known if known is not None and known.stamp == source.stamp else None
            _, oid, sha256 = self._objects.get(id(source), (source, None, None))
            return _Known(Stamp(source.size, 0, 0), oid, sha256)

    def _learn(self, source: Source, *, oid: Oid | None = None, sha256: Sha256 | None = None) -> None:
        before = self._find(source)
        oid = oid or (before.oid if before else None)
        sha256 = sha256 or (before.sha256 if before else None)
        with self._lock:
            if not isinstance(source, PathSource):
                # The source is held, so that no other one gets its id.
                self._objects[id(source)] = (source, oid, sha256)
                return
            known = _Known(source.stamp, oid, sha256)
            self._known[source.place] = known
            if not source.is_growing:
                self._learned[source.place] = known


class _opened:  # noqa: N801 - reads like the function it stands for
    """A connection that is committed and closed at the end."""

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file, timeout=_BUSY_S)
        self._base.execute("PRAGMA synchronous = OFF")  # a crash may cost a cache, and nothing else

    def __enter__(self) -> sqlite3.Connection:
        return self._base

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self._base.commit()
        finally:
            self._base.close()
