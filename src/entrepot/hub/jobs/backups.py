"""Backups: consistent, incremental copies of a hub that may be in use at the same time.

A backup folder holds one pool of blobs and any number of snapshots::

    backup.json             format
    blobs/                  a blob store like that of a data folder, shared by all snapshots
    snapshots/<UTC time>/   catalog.sqlite3, keys.txt, and entrepot.toml if there is one

The database is copied first, as of one moment; then the bytes that the copy
needs. The content of a key never changes, so only keys that the pool lacks are
copied, each verified on the way. A snapshot gets its name after everything it
needs is durable. If the hub deleted bytes in the meantime that the copied
database still needs, the database is copied again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence, Set
from datetime import UTC, datetime
from pathlib import Path

import attrs

from entrepot.blobs import Blobs, LocalBlobs, Reader, Sink, Stat
from entrepot.catalog import Catalog, copies, open_catalog
from entrepot.errors import BlobMissing, ContentMismatch, DataFolderError, Refused, ThingNotFound
from entrepot.hub import blob_stores, data_folders
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.data_folders import Marker
from entrepot.hub.files import xorb_scrubbing
from entrepot.hub.jobs import maintenance
from entrepot.settings import Settings
from entrepot.storage.fsck import Finding, digest_of

FORMAT = 1
_MARKER, _FORMAT, _KEYS = "backup.json", "format.json", "keys.txt"
_CATALOG, _CONFIG = "catalog.sqlite3", "entrepot.toml"
_STORES = frozenset({"data", "database", "store", "scratch"})
_PIECE = 4 << 20
_ROUNDS = 5
_PART = ".part-"
_KIND = "backup folder"

Progress = Callable[[str], None]


@attrs.frozen
class Snapshot:
    """One backup: its name (a UTC time), and the numbers of blobs and bytes it refers to."""

    name: str
    blobs: int
    size: int


@attrs.frozen
class BackedUp:
    """A new snapshot, the amount of copied data, and the names of older snapshots that were deleted."""

    snapshot: Snapshot
    copied: int
    copied_bytes: int
    deleted: Sequence[str] = ()


def backup(
    hub: HubContext, folder: Path, *, keep: int | None = None, progress: Progress = lambda _line: None
) -> BackedUp:
    """Add a snapshot of a hub to a backup folder, which is created if it is absent or empty.

    Args:
        keep: number of snapshots to keep; older ones are deleted afterwards, with
            the blobs that no other snapshot needs. None keeps all.
        progress: called with a line about each step.

    Raises:
        DataFolderError: the folder contains other data, or cannot be written.
        ContentMismatch: bytes of the hub are damaged; ``entrepot fsck`` lists them.
        Refused: the hub deleted needed bytes repeatedly, or ``keep`` is below 1.
        StoreFull, StoreUnavailable: the copy could not be completed; another run continues it.
    """
    if keep is not None and keep < 1:
        raise Refused("a backup keeps at least one snapshot")
    with _guarded(folder), _prepared(folder, hub):
        pool = LocalBlobs(folder / "blobs")
        copied = copied_bytes = 0
        for _ in range(_ROUNDS):
            part = folder / "snapshots" / f"{_PART}{os.getpid()}"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(mode=0o700)
            try:
                progress("copying the database")
                copies.copy_to_file(hub.store.catalog, part / _CATALOG)
                keys = list(hub.store.blobs.list(""))
                more, size = copy_blobs(hub.store.blobs, pool, keys, progress)
                copied, copied_bytes = copied + more, copied_bytes + size
                progress("checking the snapshot")
                only = {stat.key for stat in keys}
                if _damage(part / _CATALOG, folder, only, is_deep=False, progress=progress):
                    continue
                made = _finish(hub, folder, part, pool, keys)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            deleted = _prune(folder, keep) if keep is not None else ()
            return BackedUp(made, copied, copied_bytes, deleted)
    raise Refused(
        "the copy lacks bytes that the database refers to: run 'entrepot fsck'; "
        "if it finds nothing, run the backup when 'entrepot gc' does not"
    )


def snapshots(folder: Path) -> list[Snapshot]:
    """Return the snapshots of a backup folder, oldest first.

    Raises:
        DataFolderError: it is not a backup folder.
    """
    _check_marker(folder)
    with _guarded(folder):
        names = sorted(path.name for path in (folder / "snapshots").iterdir() if not path.name.startswith("."))
        found = []
        for name in names:
            keys = _read_keys(folder, name)
            found.append(Snapshot(name, len(keys), sum(keys.values())))
        return found


def verify(
    folder: Path, name: str | None = None, *, is_quick: bool = False, progress: Progress = lambda _line: None
) -> Iterator[Finding]:
    """Yield missing and damaged data of a snapshot, which cannot be restored. The backup is not changed.

    Args:
        name: of the snapshot; None is the newest.
        is_quick: check presence and sizes only; else read and hash every byte.

    Raises:
        DataFolderError, ThingNotFound: it is not a backup folder, or has no such snapshot.
    """
    chosen = _choose(folder, name)
    with _guarded(folder), _locked(folder, fcntl.LOCK_SH):
        pool, keys = LocalBlobs(folder / "blobs"), _read_keys(folder, chosen)
        for number, (key, size) in enumerate(sorted(keys.items()), 1):
            progress(f"checking blob {number:,} of {len(keys):,}")
            stat = pool.stat(key)
            if stat is None:
                yield Finding("missing", key, "a blob of the snapshot", size)
            elif stat.size != size:
                yield Finding("corrupt", key, f"expected {size:,} bytes, found {stat.size:,}", size)
        catalog = folder / "snapshots" / chosen / _CATALOG
        yield from _damage(catalog, folder, set(keys), is_deep=not is_quick, progress=progress)


def restore(
    folder: Path, settings: Settings, name: str | None = None, *, progress: Progress = lambda _line: None
) -> tuple[Snapshot, list[Finding]]:
    """Write a snapshot into new stores, check these, and return it with its damaged data.

    Every blob is hashed while it is written. Clients are made to forget which chunks
    the hub has, because the restored hub may have fewer than they remember.

    Args:
        settings: ``data`` is absent or empty but for ``entrepot.toml``; ``database`` and ``store``, if they are
            set, are empty too. They need not be of the kind that the hub had.
        name: of the snapshot; None is the newest.

    Raises:
        DataFolderError, StoreUnusable: ``folder`` is not a backup, or ``data``, ``database`` or ``store`` is not empty.
        ThingNotFound: it has no such snapshot.
        BlobMissing, ContentMismatch: the backup is damaged; what was written is not complete.
    """
    chosen, data = _choose(folder, name), settings.data
    with _guarded(data, "data folder"), _locked(folder, fcntl.LOCK_SH):
        # An interrupted copy into a bucket leaves temporary files, and is continued.
        known = {data / _CONFIG, settings.scratch_folder}
        if data.exists() and any(path not in known for path in data.iterdir()):
            raise DataFolderError(str(data), "it is not empty; restore into a new folder")
        marker = data_folders.decode((folder / _FORMAT).read_bytes())
        bucket = blob_stores.find_bucket(settings)
        if settings.database:
            with contextlib.closing(_open_database(settings)) as empty, empty.read() as tx:
                copies.check_empty(tx)
        if bucket is not None:
            bucket.claim(marker)
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        source, keys = folder / "snapshots" / chosen, _read_keys(folder, chosen)
        pool, blobs = LocalBlobs(folder / "blobs"), blob_stores.open_blobs(settings, bucket, fsync=True)
        absent = [key for key in sorted(keys) if pool.stat(key) is None]
        if absent:
            raise BlobMissing(absent[0])
        copy_blobs(pool, blobs, [Stat(key, size, 0) for key, size in keys.items()], progress)
        _restore_database(source / _CATALOG, settings, progress)
        _restore_config(source / _CONFIG, data)
        restored = attrs.evolve(
            marker,
            database="postgresql" if settings.database else "sqlite",
            store=None if bucket is None else blob_stores.S3,
        )
        # Written last: without these files, no hub opens the folder or the bucket.
        _write(data / _FORMAT, data_folders.encode(restored).decode())
        if bucket is not None:
            bucket.put(restored)
    progress("checking the restored hub")
    hub = open_hub(settings)
    try:
        xorb_scrubbing.bump_epoch(hub)
        found = [finding for finding in maintenance.fsck(hub, checks_content=False) if finding.is_damage]
    finally:
        hub.close()
    return Snapshot(chosen, len(keys), sum(keys.values())), found


def _restore_database(source: Path, settings: Settings, progress: Progress) -> None:
    if not settings.database:
        _copy_file(source, settings.data / _CATALOG)
        return
    progress("copying the database")
    settings.scratch_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=settings.scratch_folder) as folder:
        copied = Path(folder) / _CATALOG  # opening it writes into its folder
        _copy_file(source, copied)
        with (
            contextlib.closing(open_catalog(f"sqlite:///{copied}", pool_size=2, creates=False)) as old,
            contextlib.closing(_open_database(settings)) as new,
        ):
            copies.copy_database(old, new, lambda table, rows: progress(f"copying the table {table}: {rows:,} rows"))


def _open_database(settings: Settings) -> Catalog:
    return open_catalog(settings.database, pool_size=2, connect_s=settings.database_timeout_s)


def _restore_config(source: Path, data: Path) -> None:
    """Copy the settings file, unless there is one; no hub reads one that names other stores, because of its name."""
    if source.exists():
        found = tomllib.loads(source.read_text(encoding="utf-8"))
        is_usable = not (data / _CONFIG).exists() and not found.keys() & _STORES
        target = data / (_CONFIG if is_usable else f"{_CONFIG}.restored")
        if not target.exists():
            _copy_file(source, target)


def prune(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest snapshots, then the blobs that no remaining one needs; return the deleted names.

    Raises:
        DataFolderError: it is not a backup folder, or cannot be changed.
    """
    if keep < 1:
        raise Refused("a backup keeps at least one snapshot")
    _check_marker(folder)
    with _guarded(folder), _locked(folder, fcntl.LOCK_EX):
        return _prune(folder, keep)


def _prune(folder: Path, keep: int) -> list[str]:
    known = [snapshot.name for snapshot in snapshots(folder)]
    gone, kept = known[:-keep], known[-keep:]
    for name in gone:
        shutil.rmtree(folder / "snapshots" / name)
    needed = {key for name in kept for key in _read_keys(folder, name)}
    pool = LocalBlobs(folder / "blobs")
    for key in [stat.key for stat in pool.list("") if stat.key not in needed]:
        pool.delete(key)
    return gone


@contextlib.contextmanager
def _prepared(folder: Path, hub: HubContext) -> Iterator[None]:
    """Create or check a backup folder, and hold its lock for writing."""
    data = hub.settings.data
    # A backup has its bytes in a folder and its database in a file, whatever the hub has.
    format_text = data_folders.encode(Marker(hub.store_id, "sqlite")).decode()
    if folder.resolve() == data.resolve() or data.resolve() in folder.resolve().parents:
        raise DataFolderError(
            str(folder), "a backup inside the data folder is lost with it; name another folder", _KIND
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / _MARKER).exists():
        if any(folder.iterdir()):
            raise DataFolderError(str(folder), "it is not empty and not a backup folder; name another one", _KIND)
        (folder / "snapshots").mkdir(mode=0o700)
        _write(folder / _FORMAT, format_text)
        _write(folder / _MARKER, json.dumps({"entrepot-backup": FORMAT}) + "\n")
    _check_marker(folder)
    if (folder / _FORMAT).read_text() != format_text:
        raise DataFolderError(
            str(folder), "it holds backups of another hub or another layout; name another folder", _KIND
        )
    with _locked(folder, fcntl.LOCK_EX):
        for leftover in (folder / "snapshots").glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)  # left by an interrupted backup
        yield


@contextlib.contextmanager
def _locked(folder: Path, mode: int) -> Iterator[None]:
    """Hold the lock of a backup folder: one writer, or any number of readers.

    Raises:
        Refused: another process holds it.
    """
    fd = os.open(folder / _MARKER, os.O_RDONLY)
    try:
        try:
            fcntl.flock(fd, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another process is using the backup folder {folder}: wait until it ends") from None
        yield
    finally:
        os.close(fd)


def _check_marker(folder: Path) -> None:
    try:
        found = json.loads((folder / _MARKER).read_text()).get("entrepot-backup")
    except (OSError, ValueError, AttributeError):
        raise DataFolderError(str(folder), "it is not a backup folder", _KIND) from None
    if found != FORMAT:
        raise DataFolderError(
            str(folder), f"its format is {found!r}, this version reads {FORMAT}; upgrade entrepot", _KIND
        )


def _choose(folder: Path, name: str | None) -> str:
    known = [snapshot.name for snapshot in snapshots(folder)]
    if name is None and known:
        return known[-1]
    if name is None or name not in known:
        raise ThingNotFound("snapshot", name or f"in {folder}")
    return name


def copy_blobs(source: Blobs, target: Blobs, keys: Sequence[Stat], progress: Progress) -> tuple[int, int]:
    """Copy the blobs that the target lacks, each verified on the way; return their number and bytes.

    Blobs that are deleted in the meantime are skipped.

    Raises:
        ContentMismatch: the bytes of one are damaged; it is not copied.
    """
    missing = [stat for stat in keys if (known := target.stat(stat.key)) is None or known.size != stat.size]
    total, copied, size = sum(stat.size for stat in missing), 0, 0
    for stat in missing:
        progress(f"copying blob {copied + 1:,} of {len(missing):,}, {size * 100 // max(total, 1)} %")
        try:
            size += _copy_blob(source, target, stat)
        except BlobMissing:
            continue
        copied += 1
    return copied, size


def _copy_blob(source: Blobs, target: Blobs, stat: Stat) -> int:
    expected, digest = digest_of(stat.key), hashlib.sha256()
    with source.open(stat.key) as reader, target.receive(stat.key, reader.size) as sink:
        for piece in reader.stream(0, reader.size):
            digest.update(piece)
            sink.write(piece)
        if expected is not None and digest.hexdigest() != expected:
            raise ContentMismatch(stat.key, expected, digest.hexdigest())
        if target.stat(stat.key) is not None:
            target.delete(stat.key)  # an earlier copy of another size: replacing it repairs a damaged backup
        sink.publish()
        return reader.size


@attrs.frozen
class _Only:
    """The blobs of a store with some keys; all others appear to be absent."""

    blobs: Blobs
    keys: Set[str]

    def receive(self, key: str, expected_size: int | None = None) -> Sink:
        """Start storing bytes under a key."""
        return self.blobs.receive(key, expected_size)

    def open(self, key: str) -> Reader:
        """Open the bytes of a key for reading."""
        if key not in self.keys:
            raise BlobMissing(key)
        return self.blobs.open(key)

    def stat(self, key: str) -> Stat | None:
        """Return size and time of a key, or None."""
        return self.blobs.stat(key) if key in self.keys else None

    def delete(self, key: str) -> bool:
        """Delete nothing: a check does not change a backup."""
        return False

    def list(self, prefix: str) -> Iterator[Stat]:
        """Yield the entries of the keys with a prefix."""
        return (stat for stat in self.blobs.list(prefix) if stat.key in self.keys)


def _damage(catalog: Path, backup_folder: Path, only: Set[str], *, is_deep: bool, progress: Progress) -> list[Finding]:
    """Yield faults of a copied database and its blobs in a backup; works on a copy, because checking writes."""
    with tempfile.TemporaryDirectory(prefix=".check-", dir=backup_folder / "snapshots") as folder:
        data = Path(folder)
        shutil.copyfile(catalog, data / _CATALOG)
        shutil.copyfile(backup_folder / _FORMAT, data / _FORMAT)
        opened = open_hub(Settings(data=data))
        try:
            store = attrs.evolve(opened.store, blobs=_Only(LocalBlobs(backup_folder / "blobs"), only))
            hub = attrs.evolve(opened, store=store)
            findings = maintenance.fsck(hub, checks_content=is_deep, checks_chunks=is_deep, progress=progress)
            return [finding for finding in findings if finding.is_damage]
        finally:
            opened.close()


def _finish(hub: HubContext, folder: Path, part: Path, pool: LocalBlobs, keys: Sequence[Stat]) -> Snapshot:
    config = hub.settings.data / _CONFIG
    if config.exists():
        _copy_file(config, part / _CONFIG)
    kept = {stat.key: found.size for stat in keys if (found := pool.stat(stat.key)) is not None}
    _write(part / _KEYS, "".join(f"{size} {key}\n" for key, size in sorted(kept.items())))
    stem = datetime.fromtimestamp(hub.now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    taken = [path.name for path in (folder / "snapshots").glob(f"{stem}*")]
    name = f"{stem}-{len(taken) + 1:03}" if taken else stem
    os.replace(part, folder / "snapshots" / name)
    _sync_folder(folder / "snapshots")
    return Snapshot(name, len(kept), sum(kept.values()))


def _read_keys(folder: Path, name: str) -> dict[str, int]:
    keys = {}
    for line in (folder / "snapshots" / name / _KEYS).read_text().splitlines():
        size, _, key = line.partition(" ")
        keys[key] = int(size)
    return keys


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _copy_file(source: Path, target: Path) -> None:
    with (
        source.open("rb") as reader,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writer,
    ):
        shutil.copyfileobj(reader, writer, _PIECE)
        writer.flush()
        os.fsync(writer.fileno())


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _guarded(folder: Path, kind: str = _KIND) -> Iterator[None]:
    """Translate file system errors into the project's errors."""
    try:
        yield
    except OSError as error:
        raise DataFolderError(str(folder), error.strerror or str(error), kind) from error
