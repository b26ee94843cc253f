"""Mirrors: bare git repositories built from the catalog, from which git serves clones.

A mirror is a cache: it is rebuilt if it is missing or damaged, and the least
recently used mirrors are removed when they need too much space. Several
processes share the folder by file locks: ``use`` is held, shared, while git
reads a mirror; ``update`` is held by the process that changes it. A mirror is
complete for its ``packed-refs``: packs are written first, then the list of
them, then the refs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import heapq
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import attrs

from entrepot.blobs.faults import reporting_full_disk
from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.git.listings import read_lines
from entrepot.names import MAIN, Oid, RefName, Uid
from entrepot.storage import processes
from entrepot.storage.missing_objects import find_missing
from entrepot.storage.packs import write_pack
from entrepot.storage.store import Store

MAX_PACKS: Final = 24
"""A mirror with more packs than this is repacked into one."""

LARGE_INDEX: Final = 28 * 5_000
"""The size of pack indexes (28 bytes per object) from which a reachability bitmap makes clones much cheaper."""

_HUGE_INDEX: Final = 28 * 500_000
_REPACK: Final = ("repack", "-a", "-d", "-b", "-q")
_WITHOUT_DELTAS: Final = ("--window=0",)
_WITH_DELTAS: Final = (
    "-f",
    "--window-memory=64m",
)  # without -f, no deltas within a pack
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_LIST = "packs.json"
_REFS = "packed-refs"
_LOCKS = ".locks"
_TRASH = ".trash-"
PUSH: Final = ".push-"
"""The prefix of the folders that hold the objects of unfinished pushes."""

_STALE_S = 86_400.0
_PIECE = 1 << 20
_SUM_BYTES = 20

ReadOpener = Callable[[], AbstractContextManager[Read]]
"""A function that opens a snapshot of the catalog."""


@attrs.frozen(eq=False)
class Lease:
    """A mirror that is not removed before it is released."""

    path: Path
    _lock: int

    @property
    def is_slow(self) -> bool:
        """Whether :meth:`Mirrors.repack` would make serving the mirror much cheaper."""
        has_bitmap = any(name.endswith(".bitmap") for name in _measure_packs(self.path))
        return not has_bitmap and _indexed(self.path) > LARGE_INDEX

    def release(self) -> None:
        """Allow others to remove the mirror; call this once."""
        os.close(self._lock)


@attrs.frozen
class MirrorFacts:
    """A mirror as it is on the disk.

    ``size``: of its packs in bytes; ``used_ms``, ``checked_ms``: when it was last used and verified (0: never);
    ``is_sound``: no file is missing or cut; ``is_slow``: as of a :class:`Lease`.
    """

    uid: Uid
    size: int
    packs: int
    used_ms: int
    checked_ms: int
    is_sound: bool
    is_slow: bool


class Mirrors:
    """All mirrors of a hub. Safe to use from several threads and processes."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Keep mirrors in ``folder``, of about ``limit`` bytes in total; the folder is not accessed yet."""
        self._folder = folder.absolute()  # git runs in other folders
        self._limit = limit

    def take(self, store: Store, reading: ReadOpener, repo: RepoRow) -> Lease:
        """Return a lease on the current mirror of a repository, creating or updating it if needed. Blocking.

        Args:
            reading: called outside any transaction, up to twice.

        Raises:
            StoreUnavailable: git is not installed, or failed.
            StoreFull: the disk of the cache is full; no partial mirror is left.
            ObjectMissing, ObjectDamaged, BlobMissing: content that the
                repository needs is missing or damaged.
        """
        with reporting_full_disk("the mirror"):
            return self._take(store, reading, repo)

    def _take(self, store: Store, reading: ReadOpener, repo: RepoRow) -> Lease:
        lease = Lease(self._folder / repo.uid, self._lock(repo.uid, "use", fcntl.LOCK_SH))
        try:
            self._check_daily(repo.uid)
            with reading() as tx:
                wanted = refs.everything(tx, repo.id)
            if not _is_current(lease.path, wanted):
                with self._updating(repo.uid):
                    self._update(store, reading, repo)
                self._evict(keep=repo.uid)
            with contextlib.suppress(OSError):
                os.utime(lease.path)
        except BaseException:
            lease.release()
            raise
        return lease

    def adopt(self, uid: Uid, folder: Path, moves: Iterable[tuple[RefName, Oid | None]]) -> None:
        """Move packs from another folder into a mirror, after their objects were added to the catalog.

        Args:
            folder: holds packs with their indexes; all objects that they
                refer to must be in them or in the mirror. The files are moved.
            moves: the new values of refs; None means deleted.
        """
        path = self._folder / uid
        with self._updating(uid):
            if not _is_sound(path):
                return
            for pack in sorted(folder.glob("pack-*.pack")):
                index = pack.with_suffix(".idx")
                for file in (pack, index):
                    file.replace(path / "objects" / "pack" / file.name)
            known = _read_refs(path)
            for name, oid in moves:
                known.pop(name, None)
                if oid is not None:
                    known[name] = oid
            _seal(path, sorted(known.items()))

    def repack(self, uid: Uid) -> None:
        """Combine all packs of a mirror into one, with deltas and a reachability bitmap; blocks for minutes.

        Raises:
            StoreUnavailable: git is not installed, or failed.
        """
        path = self._folder / uid
        with self._updating(uid):
            if _is_sound(path):
                # The search for deltas takes a minute per million objects, and makes every later clone smaller.
                is_huge = _indexed(path) > _HUGE_INDEX
                processes.run(path, [*_REPACK, *(_WITHOUT_DELTAS if is_huge else _WITH_DELTAS)])
                _seal(path, list(_read_refs(path).items()))

    def drop_damaged(self, uid: Uid) -> bool:
        """Remove a mirror if one of its files is missing or has changed; return False if it is intact.

        This reads every byte of the mirror. An intact mirror stays, even if a
        client made git report an error.
        """
        with self._updating(uid):
            if is_intact(self._folder / uid):
                return False
            self._remove(self._folder / uid)
            return True

    def newest(self, limit: int) -> list[MirrorFacts]:
        """Return the most recently used mirrors, newest use first; those that are deleted meanwhile are left out."""
        found: list[MirrorFacts] = []
        for used_s, name in heapq.nlargest(limit, self._uses()):
            path = self._folder / name
            with contextlib.suppress(OSError):
                packs = [file.stat().st_size for file in _packs_of(path)]
                number = sum(1 for file in _packs_of(path) if file.suffix == ".pack")
                listed = path / _LIST
                checked_ms = round(listed.stat().st_mtime * 1_000) if listed.exists() else 0
                is_slow = Lease(path, -1).is_slow
                used_ms, is_sound = round(used_s * 1_000), _is_sound(path)
                found.append(MirrorFacts(Uid(name), sum(packs), number, used_ms, checked_ms, is_sound, is_slow))
        return found

    def _uses(self) -> Iterator[tuple[float, str]]:
        """Yield (last use, name) of every mirror."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.stat().st_mtime, entry.name

    def damaged(self) -> Iterator[str]:
        """Yield the names of damaged mirrors; reads all mirrors and changes none."""
        for _, uid, _ in list(self._measured()):
            with self._updating(uid):
                path = self._folder / uid
                is_damaged = path.exists() and not is_intact(path)
            if is_damaged:
                yield uid

    def _check_daily(self, uid: Uid) -> None:
        """Verify a mirror once a day, to find bytes that changed on disk unnoticed."""
        listed = self._folder / uid / _LIST
        with contextlib.suppress(OSError):
            if time.time() - listed.stat().st_mtime > _STALE_S and not self.drop_damaged(uid):
                os.utime(listed)

    def drop(self, uid: Uid) -> None:
        """Remove a mirror even while it is being read; the next reader rebuilds it."""
        with self._updating(uid):
            self._remove(self._folder / uid)

    def retain(self, living: Collection[str]) -> None:
        """Remove the mirrors of repositories that are not in ``living``."""
        gone = [uid for _, uid, _ in self._measured() if uid not in living]
        for uid in gone:
            # A mirror created after ``living`` was collected is removed too; its next reader rebuilds it.
            self.drop(Uid(uid))
        for path in self._folder.glob(".*-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _STALE_S:  # left by a crash
                    shutil.rmtree(path, ignore_errors=True)

    def _update(self, store: Store, reading: ReadOpener, repo: RepoRow) -> None:
        path = self._folder / repo.uid
        with reading() as tx:  # a snapshot newer than the lock, so that no ref moves backwards
            wanted = refs.everything(tx, repo.id)
            if _is_current(path, wanted):
                return
            if _is_sound(path) and self._grow(store, tx, repo.id, path, wanted):
                _seal(path, wanted)
            else:
                self._remove(path)
                self._make(store, tx, repo.id, path, wanted)
        if len(list((path / "objects" / "pack").glob("*.pack"))) > MAX_PACKS:
            processes.run(path, [*_REPACK, *_WITHOUT_DELTAS])
            _seal(path, wanted)

    def _grow(self, store: Store, tx: Read, repo_id: int, path: Path, wanted: Sequence[tuple[RefName, Oid]]) -> bool:
        """Add the objects that the refs need; return False if rebuilding the mirror is better."""
        known = set(_read_refs(path).values())
        tips = [oid for _, oid in wanted if oid not in known]
        missing = find_missing(store, tx, repo_id, tips, lambda oids: present(path, oids)) if tips else []
        if missing is None:
            return False
        rows = list(objects.find_many(tx, repo_id, missing))
        if rows:
            _add_pack(store, rows, len(rows), path)
        return True

    def _make(self, store: Store, tx: Read, repo_id: int, path: Path, wanted: Sequence[tuple[RefName, Oid]]) -> None:
        fresh = self._folder / f"{_TRASH}{secrets.token_hex(8)}"
        try:
            lay_out(fresh)
            number = objects.count(tx, repo_id)
            if number:
                _add_pack(store, objects.rows(tx, repo_id), number, fresh)
            _seal(fresh, wanted)
            fresh.rename(path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _evict(self, *, keep: str) -> None:
        found = sorted(self._measured(), reverse=True)
        total = sum(size for _, _, size in found)
        while total > self._limit and found:
            _, uid, size = found.pop()
            if uid == keep:
                continue
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                use = self._lock(uid, "use", fcntl.LOCK_EX | fcntl.LOCK_NB)
                with contextlib.closing(os.fdopen(use)):
                    self._remove(self._folder / uid)
                    total -= size

    def _measured(self) -> Iterator[tuple[float, str, int]]:
        """Yield (last use, name, bytes) of every mirror."""
        for path in self._folder.iterdir() if self._folder.exists() else ():
            if not path.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    size = sum(file.stat().st_size for file in (path / "objects" / "pack").iterdir())
                    yield path.stat().st_mtime, path.name, size

    def _remove(self, path: Path) -> None:
        trash = self._folder / f"{_TRASH}{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):
            path.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)

    @contextlib.contextmanager
    def _updating(self, uid: str) -> Iterator[None]:
        lock = self._lock(uid, "update", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(lock)

    def _lock(self, uid: str, purpose: str, how: int) -> int:
        folder = self._folder / _LOCKS
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / f"{uid}.{purpose}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
        except BaseException:
            os.close(lock)
            raise
        return lock


def present(path: Path, oids: Sequence[Oid]) -> set[Oid]:
    """Return the given objects that a mirror has.

    Raises:
        StoreUnavailable: git failed.
    """
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    output = processes.run(path, ["cat-file", "--batch-check=%(objectname)"], given=asked)
    return {Oid(line.decode()) for line in output.splitlines() if not line.endswith(b" missing")}


def lay_out(path: Path) -> None:
    """Create an empty bare repository."""
    for folder in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
        (path / folder).mkdir(parents=True, mode=0o700)
    (path / "HEAD").write_text(f"ref: {MAIN}\n")
    (path / "config").write_text(_CONFIG)


def _add_pack(store: Store, rows: Iterable[objects.ObjectRow], number: int, path: Path) -> None:
    folder = path / "objects" / "pack"
    draft = folder / f"tmp_{secrets.token_hex(8)}.pack"
    try:
        checksum = write_pack(store, rows, number, draft)
        processes.run(path, ["index-pack", str(draft)])
        for ending in (".pack", ".idx"):
            draft.with_suffix(ending).replace(folder / f"pack-{checksum}{ending}")
    finally:
        for ending in (".pack", ".idx"):
            draft.with_suffix(ending).unlink(missing_ok=True)


def _seal(path: Path, wanted: Sequence[tuple[RefName, Oid]]) -> None:
    """Make the packs private, write the list of them, then the refs."""
    for file in _packs_of(path):
        file.chmod(0o600)  # git lets everyone read what it writes, whatever the umask
    _replace(path / _LIST, json.dumps(_measure_packs(path)))
    _replace(path / _REFS, _render_refs(wanted))


def _is_current(path: Path, wanted: Sequence[tuple[RefName, Oid]]) -> bool:
    try:
        is_same = (path / _REFS).read_text("utf-8") == _render_refs(wanted)
    except (OSError, UnicodeDecodeError):
        return False
    return is_same and _is_sound(path)


def _is_sound(path: Path) -> bool:
    """Return whether every file of a mirror exists and has the recorded length."""
    try:
        listed = json.loads((path / _LIST).read_text())
        is_whole = (path / "HEAD").read_text() == f"ref: {MAIN}\n" and (path / "config").read_text() == _CONFIG
        _read_refs(path)
        if any(files for _, _, files in os.walk(path / "refs")) or (path / "objects" / "info" / "alternates").exists():
            return False  # git would prefer these to the packed-refs written here
        return is_whole and bool(listed == _measure_packs(path))
    except (OSError, ValueError):
        return False


def is_intact(path: Path) -> bool:
    """Return whether every file of a mirror is unchanged, by the checksum that git puts at its end."""
    try:
        return _is_sound(path) and all(map(_has_valid_checksum, _packs_of(path)))
    except OSError:
        return False


def _has_valid_checksum(file: Path) -> bool:
    size, digest = file.stat().st_size - _SUM_BYTES, hashlib.sha1(usedforsecurity=False)
    with file.open("rb") as data:
        while size > 0 and (piece := data.read(min(size, _PIECE))):
            digest.update(piece)
            size -= len(piece)
        return size == 0 and data.read() == digest.digest()


def _packs_of(path: Path) -> list[Path]:
    return [file for file in (path / "objects" / "pack").iterdir() if file.name.startswith("pack-")]


def _measure_packs(path: Path) -> dict[str, list[int]]:
    """Return the size and the modification time of each file: packs are not written after they are listed."""
    stats = {file.name: file.stat() for file in _packs_of(path)}
    return {name: [found.st_size, found.st_mtime_ns] for name, found in stats.items()}


def _indexed(path: Path) -> int:
    return sum(size for name, (size, _) in _measure_packs(path).items() if name.endswith(".idx"))


def _render_refs(wanted: Sequence[tuple[RefName, Oid]]) -> str:
    lines = sorted((name.encode(), oid) for name, oid in wanted)  # git's sort order, not the database's
    body = "".join(f"{oid} {name.decode()}\n" for name, oid in lines)
    # Git ignores unknown traits; this one detects a truncated or altered file.
    return f"# pack-refs with: sorted {hashlib.sha256(body.encode()).hexdigest()} \n{body}"


def _read_refs(path: Path) -> dict[RefName, Oid]:
    text = (path / _REFS).read_text("utf-8")
    lines = (line.split(" ", 1) for line in read_lines(text) if not line.startswith("#"))
    found = {RefName(name): Oid(oid) for oid, name in lines}
    if _render_refs(list(found.items())) != text:
        raise ValueError("the refs are not those that were written")
    return found


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.write_text(text, "utf-8")
    draft.replace(path)
