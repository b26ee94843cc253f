"""The database of one kind of entities: heads, tracked and staged files, and the journal."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from entrepot.errors import CacheDamaged, CannotWrite, ProjectBusy, Refused
from entrepot.names import Oid, RepoPath
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.state.rows import Extent, FileChange, Head, StagedFile, Step, TrackedFile
from entrepot.workspace.stores import FileState

SCHEMA = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE heads (
    entity TEXT PRIMARY KEY, tag TEXT NOT NULL, sha TEXT NOT NULL, extent TEXT NOT NULL, base TEXT
) WITHOUT ROWID;
CREATE TABLE files (
    entity TEXT NOT NULL, path TEXT NOT NULL, sha256 BLOB NOT NULL, cid TEXT NOT NULL, bytes INTEGER NOT NULL,
    x INTEGER NOT NULL, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, mode INTEGER,
    unlocked INTEGER NOT NULL, PRIMARY KEY (entity, path)
) WITHOUT ROWID;
CREATE TABLE staged (
    entity TEXT NOT NULL, path TEXT NOT NULL, change TEXT NOT NULL, sha256 BLOB NOT NULL, cid TEXT NOT NULL,
    bytes INTEGER NOT NULL, x INTEGER NOT NULL, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
    mode INTEGER, PRIMARY KEY (entity, path)
) WITHOUT ROWID;
CREATE TABLE documents (
    entity TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (entity, name)
) WITHOUT ROWID;
CREATE TABLE bases (tag TEXT PRIMARY KEY, base TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (entity TEXT PRIMARY KEY, kind TEXT NOT NULL, tag TEXT NOT NULL, payload BLOB NOT NULL)
"""
_BUSY_S = 60.0
_UNWRITABLE = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
    *(sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE),
    *(sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_DELETE),
)
_MERGED = "merged:"
_NO_STATE = (None,) * 5


class Database:
    """The state of the entities of one kind, in one SQLite file; every method of a read sees committed data only.

    Args:
        path: the file; created on first use.

    Raises (every method):
        Refused: a newer version of the program has written the file; nothing was changed.
        CacheDamaged: the file is not a database; delete it, and the next command rebuilds it.
        ProjectBusy: another process has written for longer than a minute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def transaction(self) -> Iterator[StateChanges]:
        """Open a transaction that is committed at the end of the ``with``, or rolled back after an error."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield StateChanges(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def head(self, entity: str) -> Head | None:
        """Return the head of an entity, or None."""
        return self.heads().get(entity)

    def heads(self) -> dict[str, Head]:
        """Return the heads of all entities."""
        rows = self._rows("SELECT entity, tag, sha, extent, base FROM heads ORDER BY entity")
        return {entity: Head(tag, Oid(sha), Extent(extent), base) for entity, tag, sha, extent, base in rows}

    def files(self, entity: str) -> dict[RepoPath, TrackedFile]:
        """Return the tracked files of an entity by path."""
        rows = self._rows(
            "SELECT path, sha256, cid, bytes, x, size, mtime_ns, ctime_ns, inode, mode, unlocked "
            "FROM files WHERE entity = ? ORDER BY path",
            entity,
        )
        return {RepoPath(row[0]): TrackedFile(_entry(row[1:5]), _state(row[5:10]), bool(row[10])) for row in rows}

    def staged(self, entity: str) -> dict[RepoPath, StagedFile]:
        """Return the staged changes of an entity by path."""
        rows = self._rows(
            "SELECT path, change, sha256, cid, bytes, x, size, mtime_ns, ctime_ns, inode, mode "
            "FROM staged WHERE entity = ? ORDER BY path",
            entity,
        )
        return {RepoPath(row[0]): _staged(row[1:]) for row in rows}

    def staged_contents(self) -> set[str]:
        """Return the SHA-256 of everything that is staged."""
        return {sha256.hex() for (sha256,) in self._rows("SELECT sha256 FROM staged WHERE length(sha256) > 0")}

    def documents(self, entity: str) -> dict[str, bytes]:
        """Return the documents (spec, README) of an entity as they were last added or checked out."""
        return dict(self._rows("SELECT name, content FROM documents WHERE entity = ?", entity))

    def base(self, tag: str) -> str | None:
        """Return the tag of the version on which a local version was built, or None."""
        return next((base for (base,) in self._rows("SELECT base FROM bases WHERE tag = ?", tag)), None)

    def merged(self, entity: str) -> tuple[str, ...]:
        """Return the tags of the versions whose changes are staged."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", _MERGED + entity)
        return tuple(rows[0][0].split()) if rows else ()

    def journal(self) -> dict[str, Step]:
        """Return interrupted work by entity."""
        rows = self._rows("SELECT entity, kind, tag, payload FROM journal")
        return {entity: Step(kind, tag, payload) for entity, kind, tag, payload in rows}

    def check(self) -> list[str]:
        """Return the faults that SQLite finds in the file; empty if it is intact."""
        return [text for (text,) in self._rows("PRAGMA integrity_check") if text != "ok"]

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with self._opened() as connection:
            return connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = None
        try:
            connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
            # Of a new file only: what was staged takes as much room as what is tracked.
            connection.execute("PRAGMA auto_vacuum = FULL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _prepare(connection, self.path)
            yield connection
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ProjectBusy(str(self.path), "") from error
            if is_unwritable(error):
                hint = " (is the disk full?)" if "I/O" in str(error) else ""
                raise CannotWrite(str(self.path), f"{error}{hint}") from error
            raise CacheDamaged(str(self.path), str(error)) from error
        except sqlite3.DatabaseError as error:
            reason = f"{error}; delete it with its -wal file, and the next command rebuilds it"
            raise CacheDamaged(str(self.path), reason) from error
        finally:
            if connection is not None:
                connection.close()


def is_unwritable(error: sqlite3.Error) -> bool:
    """Return whether an error says that the disk is full or the place read-only, not that the file is damaged."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code in _UNWRITABLE or code & 0xFF in _UNWRITABLE


class StateChanges:
    """The changes of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def set_head(self, entity: str, head: Head | None) -> None:
        """Set or remove the head of an entity."""
        self._connection.execute("DELETE FROM heads WHERE entity = ?", (entity,))
        if head is not None:
            row = (entity, head.tag, head.commit, head.extent.value, head.base)
            self._connection.execute("INSERT INTO heads VALUES (?, ?, ?, ?, ?)", row)

    def put_files(self, entity: str, files: Mapping[RepoPath, TrackedFile]) -> None:
        """Add or replace tracked files."""
        rows = (
            (entity, path, *_content(file.entry), *_stamp(file.state), int(file.is_unlocked))
            for path, file in files.items()
        )
        self._connection.executemany(f"INSERT OR REPLACE INTO files VALUES ({_marks(12)})", rows)  # noqa: S608

    def drop_files(self, entity: str, paths: Iterable[RepoPath] | None = None) -> None:
        """Remove tracked files; all of them without paths."""
        self._drop("files", entity, paths)

    def stage(self, entity: str, files: Mapping[RepoPath, StagedFile]) -> None:
        """Add or replace staged changes."""
        rows = (
            (entity, path, file.change.value, *_content(file.entry or ManifestEntry()), *_stamp(file.state))
            for path, file in files.items()
        )
        self._connection.executemany(f"INSERT OR REPLACE INTO staged VALUES ({_marks(12)})", rows)  # noqa: S608

    def unstage(self, entity: str, paths: Iterable[RepoPath] | None = None) -> None:
        """Remove staged changes; all of them without paths, and what was merged."""
        self._drop("staged", entity, paths)
        if paths is None:
            self._connection.execute("DELETE FROM meta WHERE key = ?", (_MERGED + entity,))

    def add_merged(self, entity: str, tag: str) -> None:
        """Record that the changes of a version are staged."""
        row = (_MERGED + entity, tag)
        merge = "ON CONFLICT (key) DO UPDATE SET value = value || ' ' || excluded.value"
        self._connection.execute(f"INSERT INTO meta VALUES (?, ?) {merge}", row)  # noqa: S608

    def put_documents(self, entity: str, documents: Mapping[str, bytes]) -> None:
        """Replace the documents of an entity."""
        self._connection.execute("DELETE FROM documents WHERE entity = ?", (entity,))
        rows = ((entity, name, content) for name, content in documents.items())
        self._connection.executemany("INSERT INTO documents VALUES (?, ?, ?)", rows)

    def set_base(self, tag: str, base: str | None) -> None:
        """Record on which version a local version was built."""
        self._connection.execute("DELETE FROM bases WHERE tag = ?", (tag,))
        if base is not None:
            self._connection.execute("INSERT INTO bases VALUES (?, ?)", (tag, base))

    def rename_entity(self, old: str, new: str) -> None:
        """Give everything that is known of an entity to another folder, for which nothing must be known."""
        for table in ("heads", "files", "staged", "documents", "journal"):
            self._connection.execute(f"UPDATE {table} SET entity = ? WHERE entity = ?", (new, old))  # noqa: S608
        self._connection.execute("UPDATE meta SET key = ? WHERE key = ?", (_MERGED + new, _MERGED + old))

    def set_journal(self, entity: str, step: Step | None) -> None:
        """Record work that is about to begin, or that has ended."""
        self._connection.execute("DELETE FROM journal WHERE entity = ?", (entity,))
        if step is not None:
            row = (entity, step.kind, step.tag, step.payload)
            self._connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", row)

    def _drop(self, table: str, entity: str, paths: Iterable[RepoPath] | None) -> None:
        delete = f"DELETE FROM {table} WHERE entity = ?"  # noqa: S608 - the name of a table of ours
        if paths is None:
            self._connection.execute(delete, (entity,))
        else:
            self._connection.executemany(f"{delete} AND path = ?", ((entity, path) for path in paths))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise Refused(f"{path} was written by a newer version of this program; upgrade entrepot")
    if version == 0:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _content(entry: ManifestEntry) -> tuple[bytes, str, int, int]:
    return bytes.fromhex(entry.sha256), entry.cid, entry.size, entry.x


def _entry(row: tuple[Any, ...]) -> ManifestEntry:
    return ManifestEntry(row[0].hex(), *row[1:])


def _stamp(state: FileState | None) -> tuple[int | None, ...]:
    return _NO_STATE if state is None else (state.size, state.mtime_ns, state.ctime_ns, state.inode, state.mode)


def _state(row: tuple[int | None, ...]) -> FileState | None:
    return None if None in row else FileState(*row)  # type: ignore[arg-type] # none of them is None


def _staged(row: tuple[Any, ...]) -> StagedFile:
    change = FileChange(row[0])
    entry = None if change is FileChange.DELETED else _entry(row[1:5])
    return StagedFile(change, entry, _state(row[5:]))
