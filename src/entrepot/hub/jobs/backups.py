"""Backups: consistent, incremental copies of a hub that may be in use at the same time.

The database is copied first, as of one moment; then the bytes that the copy
needs. The content of a key never changes, so only keys that the pool lacks are
copied, each verified on the way. A snapshot gets its name after everything it
needs is durable. If the hub deleted bytes in the meantime that the copied
database still needs, the database is copied again. Data that is damaged in the
hub, or missing from it, is left out and listed; later backups try again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import attrs

from entrepot.blobs import Blobs, LocalBlobs, Reader, Sink, Stat
from entrepot.catalog import Catalog, copies, hub_metadata, open_catalog
from entrepot.errors import BlobMissing, DataFolderError, Refused, shown
from entrepot.hub import blob_stores, data_folders
from entrepot.hub.blob_stores import HubBucket
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.data_folders import Marker
from entrepot.hub.files import xorb_scrubbing
from entrepot.hub.jobs import blob_copies, damaged_content, maintenance
from entrepot.hub.jobs.backup_folders import (
    CATALOG_FILE,
    CONFIG_FILE,
    FORMAT_FILE,
    Snapshot,
    check_marker,
    choose,
    copy_file,
    locked,
    prepared,
    publish,
    read_keys,
    snapshots,
    translated_errors,
    write_text,
)
from entrepot.settings import Settings
from entrepot.storage.fsck import Finding

_UNFINISHED = "restore.unfinished"
"""A file in the data folder of a restore that has not ended, which says what is restored."""
_STORES = frozenset({"data", "database", "store", "scratch"})
_ROUNDS = 5
_PART = ".part-"

Progress = Callable[[str], None]


@attrs.frozen
class BackedUp:
    """A new snapshot, the amount of copied data, and the names of older snapshots that were deleted."""

    snapshot: Snapshot
    copied: int
    copied_bytes: int
    deleted: Sequence[str] = ()


@blob_copies.kept_if_full()
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
        Refused: the hub deleted needed bytes repeatedly, or ``keep`` is below 1.
        CopyNotCompleted, StoreUnavailable: the copy could not be completed; another run continues it.
    """
    if keep is not None and keep < 1:
        raise Refused("a backup keeps at least one snapshot")
    with translated_errors(folder), prepared(folder, hub):
        pool, copied = LocalBlobs(folder / "blobs"), blob_copies.NOTHING
        earlier: Set[Finding] = frozenset()
        for _ in range(_ROUNDS):
            part = folder / "snapshots" / f"{_PART}{os.getpid()}"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(mode=0o700)
            try:
                progress("copying the database")
                copies.copy_to_file(hub.store.catalog, part / CATALOG_FILE)
                keys = list(hub.store.blobs.list(""))
                copied += blob_copies.copy_blobs(hub.store.blobs, pool, keys, hub.store.catalog, progress)
                progress("checking the snapshot")
                keys, lacks = _check_part(part, folder, pool, keys, progress)
                # What is absent again from a later state of the database was not deleted because that did not need it.
                if any(lack.where not in copied.damaged and lack not in earlier for lack in lacks):
                    earlier = frozenset(lacks)
                    continue
                lacks = damaged_content.explain(hub, lacks, copied.damaged)
                made = publish(hub, folder, part, pool, keys, lacks)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            deleted = _prune(folder, keep) if keep is not None else ()
            return BackedUp(made, copied.blobs, copied.size, deleted)
    raise Refused("the hub deletes data while it is backed up; run the backup when 'entrepot gc' does not")


def _check_part(
    part: Path, folder: Path, pool: LocalBlobs, keys: list[Stat], progress: Progress
) -> tuple[list[Stat], list[Finding]]:
    """Return the blobs of a new snapshot, and what its database needs beyond them."""
    lacks = _damage(part / CATALOG_FILE, folder, {stat.key for stat in keys}, is_deep=False, progress=progress)
    absent = [lack.where for lack in lacks if lack.kind == "missing" and damaged_content.is_blob(lack.where)]
    kept = [stat for key in absent if (stat := pool.stat(key)) is not None]
    if not kept:
        return keys, lacks
    # The hub has lost bytes that an earlier backup has: they belong to this snapshot too.
    keys = [*keys, *kept]
    return keys, _damage(part / CATALOG_FILE, folder, {stat.key for stat in keys}, is_deep=False, progress=progress)


def verify(
    folder: Path, name: str | None = None, *, is_quick: bool = False, progress: Progress = lambda _line: None
) -> Iterator[Finding]:
    """Yield missing and damaged data of a snapshot, which cannot be restored. The backup is not changed.

    What the hub lacked already when it was backed up is in the field ``lacks`` of the snapshot, and is not yielded.

    Args:
        name: of the snapshot; None is the newest.
        is_quick: check presence and sizes only; else read and hash every byte.

    Raises:
        DataFolderError, ThingNotFound: it is not a backup folder, or has no such snapshot.
    """
    chosen = choose(folder, name)
    with translated_errors(folder), locked(folder, fcntl.LOCK_SH):
        pool, keys = LocalBlobs(folder / "blobs"), read_keys(folder, chosen.name)
        for number, (key, size) in enumerate(sorted(keys.items()), 1):
            progress(f"checking blob {number:,} of {len(keys):,}")
            stat = pool.stat(key)
            if stat is None:
                yield Finding("missing", key, "a blob of the snapshot", size)
            elif stat.size != size:
                yield Finding("corrupt", key, f"expected {size:,} bytes, found {stat.size:,}", size)
        catalog = folder / "snapshots" / chosen.name / CATALOG_FILE
        for finding in _damage(catalog, folder, set(keys), is_deep=not is_quick, progress=progress):
            if not damaged_content.is_due_to(finding, chosen.lacks):
                yield finding


@blob_copies.kept_if_full()
def restore(
    folder: Path, settings: Settings, name: str | None = None, *, progress: Progress = lambda _line: None
) -> tuple[Snapshot, list[Finding]]:
    """Write a snapshot into new stores, check these, and return it with all data that is damaged or missing there.

    Every blob is verified while it is written; damaged ones are left out. Clients are made to forget which chunks
    the hub has, because the restored hub may have fewer than they remember. A restore into a data folder that was
    interrupted is continued by the same one, which copies what is missing, and checks again what was restored.

    Args:
        settings: ``data`` is absent or empty but for ``entrepot.toml``; ``database`` and ``store``, if they are
            set, are empty too. They need not be of the kind that the hub had.
        name: of the snapshot; None is the newest.

    Raises:
        DataFolderError, StoreUnusable: ``folder`` is not a backup, or ``data``, ``database`` or ``store`` is not empty;
            a restore of another snapshot was interrupted in ``data``.
        ThingNotFound: it has no such snapshot.
        CopyNotCompleted: the new stores are full; another run continues the restore.
    """
    chosen, data = choose(folder, name), settings.data
    with translated_errors(data, "data folder"), locked(folder, fcntl.LOCK_SH):
        marker = data_folders.decode((folder / FORMAT_FILE).read_bytes())
        _check_target(settings, chosen, marker)
        bucket = blob_stores.find_bucket(settings)
        damaged: Mapping[str, str] = {}
        if not (data / FORMAT_FILE).exists():  # else only the check was interrupted
            damaged = _restore_stores(folder, chosen, marker, bucket, settings, progress)
        restored = attrs.evolve(
            marker,
            database="postgresql" if settings.database else "sqlite",
            store=None if bucket is None else blob_stores.S3,
        )
        # Written last: without these files, no hub opens the folder or the bucket.
        data_folders.complete(data, str(restored.database), str(restored.store_id), restored.store)
        if bucket is not None:
            bucket.put(restored)
    progress("checking the restored hub")
    with contextlib.closing(open_hub(settings)) as hub:
        xorb_scrubbing.bump_epoch(hub)
        found = [finding for finding in maintenance.fsck(hub, checks_content=False) if finding.is_damage]
        explained = damaged_content.explain(hub, found, damaged)
    (data / _UNFINISHED).unlink(missing_ok=True)
    return chosen, explained


def _restore_stores(
    folder: Path, chosen: Snapshot, marker: Marker, bucket: HubBucket | None, settings: Settings, progress: Progress
) -> Mapping[str, str]:
    """Write the blobs and the database of a snapshot, or what an interrupted restore lacks; return damaged blobs."""
    data = settings.data
    if settings.database:
        with contextlib.closing(_open_database(settings)) as new, new.read() as tx:
            if not (data / _UNFINISHED).exists() or hub_metadata.find(tx, "store_id") != marker.store_id:
                copies.check_empty(tx)
    if bucket is not None:
        bucket.claim(marker)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_text(data / _UNFINISHED, f"{_name_of(chosen, marker)}\n")
    source, keys = folder / "snapshots" / chosen.name, read_keys(folder, chosen.name)
    pool, blobs = LocalBlobs(folder / "blobs"), blob_stores.open_blobs(settings, bucket, fsync=True)
    wanted = [Stat(key, size, 0) for key, size in keys.items()]
    with _opened_copy(source / CATALOG_FILE, settings) as catalog:
        damaged = blob_copies.copy_blobs(pool, blobs, wanted, catalog, progress).damaged
        _restore_database(source / CATALOG_FILE, catalog, settings, progress)
    _restore_config(source / CONFIG_FILE, data)
    return damaged


def _name_of(chosen: Snapshot, marker: Marker) -> str:
    return f"snapshot {chosen.name} of the hub {marker.store_id}"


def _check_target(settings: Settings, chosen: Snapshot, marker: Marker) -> None:
    """Raise if a data folder contains something other than an interrupted restore of the same snapshot."""
    data, known = settings.data, {settings.data / CONFIG_FILE, settings.scratch_folder}
    if not data.exists() or all(path in known for path in data.iterdir()):
        return
    if not (data / _UNFINISHED).exists():
        raise DataFolderError(str(data), "it is not empty; restore into a new folder")
    begun = (data / _UNFINISHED).read_text(encoding="utf-8").strip()
    if begun not in ("", _name_of(chosen, marker)):
        raise DataFolderError(
            str(data),
            f"a restore of {shown(begun, quote=False)} was interrupted here; repeat it, with --snapshot, "
            "or delete the folder",
        )


@contextlib.contextmanager
def _opened_copy(source: Path, settings: Settings) -> Iterator[Catalog]:
    """Open a copy of the database of a snapshot; opening writes into the folder of a database."""
    settings.scratch_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=settings.scratch_folder) as folder:
        copied = Path(folder) / CATALOG_FILE
        copy_file(source, copied)
        with contextlib.closing(open_catalog(f"sqlite:///{copied}", pool_size=2, creates=False)) as catalog:
            yield catalog


def _restore_database(source: Path, catalog: Catalog, settings: Settings, progress: Progress) -> None:
    if not settings.database:
        _copy_whole(source, settings.data / CATALOG_FILE)
        return
    progress("copying the database")
    with contextlib.closing(_open_database(settings)) as new:
        with new.read() as tx, catalog.read() as old:
            if copies.differs(old, tx) is None:
                return  # an interrupted restore has copied it
        copies.copy_database(catalog, new, lambda table, rows: progress(f"copying the table {table}: {rows:,} rows"))


def _open_database(settings: Settings) -> Catalog:
    return open_catalog(settings.database, pool_size=2, connect_s=settings.database_timeout_s)


def _restore_config(source: Path, data: Path) -> None:
    """Copy the settings file, unless there is one; no hub reads one that names other stores, because of its name."""
    if source.exists():
        found = tomllib.loads(source.read_text(encoding="utf-8"))
        is_usable = not (data / CONFIG_FILE).exists() and not found.keys() & _STORES
        target = data / (CONFIG_FILE if is_usable else f"{CONFIG_FILE}.restored")
        if not target.exists():
            _copy_whole(source, target)


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that an interruption leaves the target as it was."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    copy_file(source, part)
    part.replace(target)


def prune(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest snapshots, then the blobs that no remaining one needs; return the deleted names.

    Raises:
        DataFolderError: it is not a backup folder, or cannot be changed.
    """
    if keep < 1:
        raise Refused("a backup keeps at least one snapshot")
    check_marker(folder)
    with translated_errors(folder), locked(folder, fcntl.LOCK_EX):
        return _prune(folder, keep)


def _prune(folder: Path, keep: int) -> list[str]:
    known = [snapshot.name for snapshot in snapshots(folder)]
    gone, kept = known[:-keep], known[-keep:]
    for name in gone:
        shutil.rmtree(folder / "snapshots" / name)
    needed = {key for name in kept for key in read_keys(folder, name)}
    pool = LocalBlobs(folder / "blobs")
    for key in [stat.key for stat in pool.list("") if stat.key not in needed]:
        pool.delete(key)
    return gone


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
        shutil.copyfile(catalog, data / CATALOG_FILE)
        shutil.copyfile(backup_folder / FORMAT_FILE, data / FORMAT_FILE)
        opened = open_hub(Settings(data=data))
        try:
            store = attrs.evolve(opened.store, blobs=_Only(LocalBlobs(backup_folder / "blobs"), only))
            hub = attrs.evolve(opened, store=store)
            findings = maintenance.fsck(hub, checks_content=is_deep, checks_chunks=is_deep, progress=progress)
            return [finding for finding in findings if finding.is_damage]
        finally:
            opened.close()
