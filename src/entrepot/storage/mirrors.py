"""Mirrors: bare git repositories made of what the catalog holds, so that git itself can serve it.

A mirror is disposable: deleted or damaged, it is made anew; too many of them,
and the least recently used go. Several processes share the folder under file
locks: ``use`` is held, shared, while git reads a mirror; ``update`` by the
one who changes it. A mirror is complete for its ``packed-refs``: packs are
written first, then the list of them, then the refs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
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

from entrepot.blobs.faults import full_disk_told
from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, Oid, RefName, Uid
from entrepot.storage import processes
from entrepot.storage.missing_objects import find_missing
from entrepot.storage.packs import write_pack
from entrepot.storage.store import Store

MAX_PACKS: Final = 24
"""A mirror of more packs than this is repacked into one."""

LARGE_INDEX: Final = 28 * 5_000
"""Bytes of pack indexes (28 an object) from which on a bitmap of what leads where makes clones much cheaper."""

_HUGE_INDEX: Final = 28 * 500_000
_REPACK: Final = ("repack", "-a", "-d", "-b", "-q")
_WITHOUT_DELTAS: Final = ("--window=0",)
_WITH_DELTAS: Final = ("-f", "--window-memory=64m")  # without -f, objects of one pack are never compared
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_LIST = "packs.json"
_REFS = "packed-refs"
_LOCKS = ".locks"
_TRASH = ".trash-"
PUSH: Final = ".push-"
"""How the folders begin in which pushes wait."""

_STALE_S = 86_400.0
_PIECE = 1 << 20
_SUM_BYTES = 20

Reading = Callable[[], AbstractContextManager[Read]]
"""Opens a snapshot of the catalog."""


@attrs.frozen(eq=False)
class Lease:
    """A mirror that stays where it is until it is released."""

    path: Path
    _lock: int

    @property
    def is_slow(self) -> bool:
        """Whether :meth:`Mirrors.repack` would make serving it much cheaper."""
        has_bitmap = any(name.endswith(".bitmap") for name in _measure_packs(self.path))
        return not has_bitmap and _indexed(self.path) > LARGE_INDEX

    def release(self) -> None:
        """Let others remove the mirror; to be called once."""
        os.close(self._lock)


class Mirrors:
    """All mirrors of a hub. Safe to use from many threads and processes."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Keep mirrors in ``folder``, of about ``limit`` bytes in sum; nothing is touched yet."""
        self._folder = folder.absolute()  # git is run in other folders
        self._limit = limit

    def take(self, store: Store, reading: Reading, repo: RepoRow) -> Lease:
        """A mirror of a repository as it is now, made or brought up to date where need be. Blocking.

        Args:
            reading: called outside of any transaction, perhaps twice.

        Raises:
            StoreUnavailable: git is not installed, or failed.
            StoreFull: the cache has no room; nothing half-written stays.
            ObjectMissing, ObjectDamaged, BlobMissing: the store has lost
                something that the repository needs.
        """
        with full_disk_told("the clone cache"):
            return self._take(store, reading, repo)

    def _take(self, store: Store, reading: Reading, repo: RepoRow) -> Lease:
        lease = Lease(self._folder / repo.uid, self._lock(repo.uid, "use", fcntl.LOCK_SH))
        try:
            self._look_again(repo.uid)
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
        """Let a mirror have the packs of another folder, after the catalog has their objects.

        Args:
            folder: of packs with their indexes; what they lead to is in
                them or in the mirror. The files are moved away.
            moves: where refs stand now; None means that one is gone.
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
        """Put all packs of a mirror into one, with deltas and a bitmap of what leads where; blocking, for minutes.

        Raises:
            StoreUnavailable: git is not installed, or failed.
        """
        path = self._folder / uid
        with self._updating(uid):
            if _is_sound(path):
                # Looking for deltas takes a minute for a million objects, and makes every later clone smaller.
                is_huge = _indexed(path) > _HUGE_INDEX
                processes.run(path, [*_REPACK, *(_WITHOUT_DELTAS if is_huge else _WITH_DELTAS)])
                _seal(path, list(_read_refs(path).items()))

    def drop_damaged(self, uid: Uid) -> bool:
        """Remove a mirror if a file of it is missing or has other bytes than were written; False when it is intact.

        Every byte of it is read. An intact mirror stays, whatever a client
        made git complain about.
        """
        with self._updating(uid):
            if is_intact(self._folder / uid):
                return False
            self._remove(self._folder / uid)
            return True

    def damaged(self) -> Iterator[str]:
        """Return the names of mirrors that are damaged, reading all of them; nothing is changed."""
        for _, uid, _ in list(self._measured()):
            with self._updating(uid):
                path = self._folder / uid
                is_damaged = path.exists() and not is_intact(path)
            if is_damaged:
                yield uid

    def _look_again(self, uid: Uid) -> None:
        """Read a mirror once a day, to find bytes that the disk has changed without a trace."""
        listed = self._folder / uid / _LIST
        with contextlib.suppress(OSError):
            if time.time() - listed.stat().st_mtime > _STALE_S and not self.drop_damaged(uid):
                os.utime(listed)

    def drop(self, uid: Uid) -> None:
        """Remove a mirror, whoever is reading it; the next reader makes it anew."""
        with self._updating(uid):
            self._remove(self._folder / uid)

    def retain(self, living: Collection[str]) -> None:
        """Remove the mirrors of repositories that are not among these."""
        gone = [uid for _, uid, _ in self._measured() if uid not in living]
        for uid in gone:
            # One that was made since the living were counted is made anew by its next reader.
            self.drop(Uid(uid))
        for path in self._folder.glob(".*-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _STALE_S:  # left by a crash
                    shutil.rmtree(path, ignore_errors=True)

    def _update(self, store: Store, reading: Reading, repo: RepoRow) -> None:
        path = self._folder / repo.uid
        with reading() as tx:  # a snapshot that is newer than the lock, so that no ref goes back
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
        """Add what the refs lead to; False when it is better to start anew."""
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
        """(last use, name, bytes) of every mirror."""
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
    """Those of some objects that a mirror has.

    Raises:
        StoreUnavailable: git failed.
    """
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    told = processes.run(path, ["cat-file", "--batch-check=%(objectname)"], given=asked)
    return {Oid(line.decode()) for line in told.splitlines() if not line.endswith(b" missing")}


def lay_out(path: Path) -> None:
    """Make an empty bare repository."""
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
    """Write down which packs there are, then where the refs stand."""
    _replace(path / _LIST, json.dumps(_measure_packs(path)))
    _replace(path / _REFS, _render_refs(wanted))


def _is_current(path: Path, wanted: Sequence[tuple[RefName, Oid]]) -> bool:
    try:
        is_same = (path / _REFS).read_text("utf-8") == _render_refs(wanted)
    except (OSError, UnicodeDecodeError):
        return False
    return is_same and _is_sound(path)


def _is_sound(path: Path) -> bool:
    """Whether every file of a mirror is there and has its length."""
    try:
        listed = json.loads((path / _LIST).read_text())
        is_whole = (path / "HEAD").read_text() == f"ref: {MAIN}\n" and (path / "config").read_text() == _CONFIG
        _read_refs(path)
        if any(files for _, _, files in os.walk(path / "refs")) or (path / "objects" / "info" / "alternates").exists():
            return False  # git would believe these before what was written here
        return is_whole and bool(listed == _measure_packs(path))
    except (OSError, ValueError):
        return False


def is_intact(path: Path) -> bool:
    """Return whether every file of a mirror has the bytes that were written: git puts a checksum at their ends."""
    try:
        return _is_sound(path) and all(map(_ends_with_its_sum, _packs_of(path)))
    except OSError:
        return False


def _ends_with_its_sum(file: Path) -> bool:
    size, digest = file.stat().st_size - _SUM_BYTES, hashlib.sha1(usedforsecurity=False)
    with file.open("rb") as data:
        while size > 0 and (piece := data.read(min(size, _PIECE))):
            digest.update(piece)
            size -= len(piece)
        return size == 0 and data.read() == digest.digest()


def _packs_of(path: Path) -> list[Path]:
    return [file for file in (path / "objects" / "pack").iterdir() if file.name.startswith("pack-")]


def _measure_packs(path: Path) -> dict[str, list[int]]:
    """Size and time of the last change of each file: nobody writes to a pack after it was listed."""
    stats = {file.name: file.stat() for file in _packs_of(path)}
    return {name: [found.st_size, found.st_mtime_ns] for name, found in stats.items()}


def _indexed(path: Path) -> int:
    return sum(size for name, (size, _) in _measure_packs(path).items() if name.endswith(".idx"))


def _render_refs(wanted: Sequence[tuple[RefName, Oid]]) -> str:
    lines = sorted((name.encode(), oid) for name, oid in wanted)  # as git sorts, whatever the database does
    body = "".join(f"{oid} {name.decode()}\n" for name, oid in lines)
    # Git reads past words that it does not know; to us this one tells that nothing is cut off or was altered.
    return f"# pack-refs with: sorted {hashlib.sha256(body.encode()).hexdigest()} \n{body}"


def _read_refs(path: Path) -> dict[RefName, Oid]:
    text = (path / _REFS).read_text("utf-8")
    lines = (line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    found = {RefName(name): Oid(oid) for oid, name in lines}
    if _render_refs(list(found.items())) != text:
        raise ValueError("the refs are not those that were written")
    return found


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.write_text(text, "utf-8")
    draft.replace(path)
