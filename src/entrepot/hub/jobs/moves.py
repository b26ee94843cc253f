"""Moves of a hub to other stores: between data folders, buckets, SQLite and PostgreSQL.

Large files are copied first; they never change, so a run that was interrupted is continued, and
most of them can be copied while the hub is in use. Then the database is copied as of one
moment, and compared row by row. ``format.json``, without which no hub opens a folder or a
bucket, is written last; then the copy is checked, again if that was interrupted. The source is
only read. Damaged files are left out, and listed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from entrepot.blobs import Stat
from entrepot.catalog import Catalog, copies, copy_targets, hub_metadata, open_catalog
from entrepot.errors import DataFolderError, Refused
from entrepot.hub import blob_stores, data_folders
from entrepot.hub.blob_stores import HubBucket
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.data_folders import Marker
from entrepot.hub.file_modes import create_private
from entrepot.hub.jobs import blob_copies, damaged_content, maintenance
from entrepot.settings import Settings
from entrepot.storage.fsck import Finding

_JOURNAL, _FORMAT, _CATALOG, _CONFIG = "move.json", "format.json", "catalog.sqlite3", "entrepot.toml"
_FRESH_JOURNAL = f"{_JOURNAL}.new"

Progress = Callable[[str], None]


@attrs.frozen
class HubMove:
    """The amounts that a move has copied or would copy: large files, those that the target lacked, rows, damaged data.

    ``is_complete`` is False if only large files were copied, or nothing.
    """

    blobs: int
    size: int
    copied: int
    copied_bytes: int
    rows: int
    is_complete: bool
    findings: tuple[Finding, ...] = ()


def plan(source: HubContext, target: Settings, progress: Progress = lambda _line: None) -> HubMove:
    """Return what a move would copy; the target is read, not changed.

    Raises:
        DataFolderError, StoreUnusable: the target is not empty, or cannot be used.
    """
    bucket = blob_stores.find_bucket(target)
    _check_folder(source, target)
    if not _is_copied(source, target):
        _check_new_database(source, target)
        if bucket is not None:
            bucket.check_free(Marker(source.store_id, None))
    progress("counting large files")
    there = _keys_of(target, bucket)
    keys = list(source.store.blobs.list(""))
    missing = [stat for stat in keys if there.get(stat.key) != stat.size]
    progress("counting rows")
    return HubMove(len(keys), _size(keys), len(missing), _size(missing), _count_rows(source), is_complete=False)


@blob_copies.kept_if_full()
def move(
    source: HubContext,
    target: Settings,
    *,
    copies_database: bool = True,
    checks_content: bool = False,
    progress: Progress = lambda _line: None,
) -> HubMove:
    """Copy a hub to empty stores, or continue to.

    Args:
        target: its ``data`` is a new folder, or that of an interrupted move; ``database`` and ``store`` likewise.
        copies_database: False copies only large files, while the hub may be in use; call this again afterwards.
        checks_content: read and hash every byte of the copy afterwards, rather than only look whether it is there.

    Raises:
        DataFolderError, StoreUnusable: the target is not empty, or cannot be used.
        Refused: the target is the bucket of the hub itself.
        CopyNotCompleted: the target is full; another run continues the move.
    """
    bucket = blob_stores.find_bucket(target)
    marker = Marker(
        source.store_id,
        "postgresql" if target.database else "sqlite",
        None if bucket is None else blob_stores.S3,
    )
    _check_folder(source, target)
    if _is_copied(source, target):
        keys = list(source.store.blobs.list(""))
        findings = _finish(target, marker, bucket, {}, checks_content=checks_content, progress=progress)
        return HubMove(len(keys), _size(keys), 0, 0, _count_rows(source), is_complete=True, findings=findings)
    _check_new_database(source, target)
    if bucket is not None:
        bucket.claim(Marker(source.store_id, None))
    _note(source, target)
    blobs = blob_stores.open_blobs(target, bucket, fsync=True)
    keys = list(source.store.blobs.list(""))
    copied = blob_copies.copy_blobs(source.store.blobs, blobs, keys, source.catalog, progress)
    if not copies_database:
        return HubMove(len(keys), _size(keys), copied.blobs, copied.size, 0, is_complete=False)
    rows = _move_database(source, target, progress)
    keys = list(source.store.blobs.list(""))  # what was added before the database was copied
    copied += blob_copies.copy_blobs(source.store.blobs, blobs, keys, source.catalog, progress)
    _note(source, target, is_copied=True)
    findings = _finish(target, marker, bucket, copied.damaged, checks_content=checks_content, progress=progress)
    return HubMove(len(keys), _size(keys), copied.blobs, copied.size, rows, is_complete=True, findings=findings)


def _move_database(source: HubContext, target: Settings, progress: Progress) -> int:
    progress("copying the database")
    file = target.data / _CATALOG
    if not target.database:
        for path in target.data.glob(f"{_CATALOG}*"):  # of an interrupted move
            path.unlink()
        create_private(file)
    with contextlib.closing(_open_database(_url_of(target), target)) as new:
        if _check_database(source, new):
            return _count_rows(source)
        return copies.copy_database(
            source.catalog, new, lambda table, rows: progress(f"copying the table {table}: {rows:,} rows")
        )


def _finish(
    target: Settings,
    marker: Marker,
    bucket: HubBucket | None,
    damaged: Mapping[str, str],
    *,
    checks_content: bool,
    progress: Progress,
) -> tuple[Finding, ...]:
    """Make the copy a hub that can be opened, check it, and return its damaged data."""
    data_folders.complete(target.data, str(marker.database), str(marker.store_id), marker.store)
    if bucket is not None:
        bucket.put(marker)
    progress("checking the copy")
    with contextlib.closing(open_hub(target)) as hub:
        found = maintenance.fsck(hub, checks_content=checks_content, checks_chunks=checks_content, progress=progress)
        explained = damaged_content.explain(hub, [finding for finding in found if finding.is_damage], damaged)
    (target.data / _JOURNAL).unlink(missing_ok=True)
    return tuple(explained)


def _check_folder(source: HubContext, target: Settings) -> None:
    """Check that the new data folder is empty, or that of an interrupted move of the same hub."""
    data = target.data
    if data.resolve() == source.settings.data.resolve():
        raise DataFolderError(str(data), "it is the data folder of the hub that moves; name a new one")
    if target.store and target.store == source.settings.store:
        raise Refused("the hub that moves is in this bucket: name another prefix or bucket")
    if not data.exists():
        return
    journal = data / _JOURNAL
    if journal.exists():
        if _journal_of(journal).get("store_id") != source.store_id:
            raise DataFolderError(str(data), "it belongs to an interrupted move of another hub; name a new one")
        return
    if _id_in(data) == source.store_id:
        raise DataFolderError(str(data), "it has a complete copy of this hub already; start it, or name a new folder")
    if any(path.name not in (_CONFIG, _FRESH_JOURNAL) for path in data.iterdir()):
        raise DataFolderError(str(data), "it is not empty; name a new folder")


def _check_new_database(source: HubContext, target: Settings) -> None:
    """Check that the new database is empty, or has the copy of an interrupted move; nothing is changed in it."""
    if not target.database:
        return
    found = copy_targets.find_tables(target.database, connect_s=target.database_timeout_s)
    if found is not None:
        with contextlib.closing(found):
            _check_database(source, found)


def _check_database(source: HubContext, new: Catalog) -> bool:
    """Return whether an interrupted move has copied the database, which has not changed since.

    Raises:
        DataFolderError: the database contains something else.
    """
    with new.read() as tx:
        if hub_metadata.find(tx, "store_id") != source.store_id:
            copies.check_empty(tx)
            return False
        with source.read() as old:
            if copies.is_same(old, tx):
                raise DataFolderError("(database)", "it is the database of the hub that moves; name an empty one")
            if copies.differs(old, tx):
                raise DataFolderError(
                    "(database)", "it is the copy of an earlier state of the hub; drop it, and name an empty database"
                )
    return True


def _is_copied(source: HubContext, target: Settings) -> bool:
    """Return whether an interrupted move had copied everything; then only the check of the copy is left to do.

    Raises:
        DataFolderError: one of the two hubs has been used since then.
    """
    if not _journal_of(target.data / _JOURNAL).get("is_copied"):
        return False
    catalog = _open_database(_url_of(target), target)
    with contextlib.closing(catalog), catalog.read() as new, source.read() as old:
        # The check of the copy records there when it looked at them.
        differing = copies.differs(old, new, besides="xorbs")
    if differing is not None:
        raise DataFolderError(
            str(target.data),
            "it has a complete copy of this hub, but one of the two has been used since; start the copy, "
            "or name a new folder and empty stores",
        )
    return True


def _note(source: HubContext, target: Settings, *, is_copied: bool = False) -> None:
    """Record how far the move is, for a run that continues it."""
    target.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.data / _FRESH_JOURNAL
    create_private(fresh)
    fresh.write_text(json.dumps({"store_id": source.store_id, "is_copied": is_copied}) + "\n")
    fresh.replace(target.data / _JOURNAL)


def _journal_of(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _id_in(data: Path) -> str | None:
    """Return the id of the hub in a data folder, or None."""
    try:
        return data_folders.decode((data / _FORMAT).read_bytes()).store_id
    except (FileNotFoundError, ValueError):
        return None


def _url_of(target: Settings) -> str:
    return target.database or f"sqlite:///{target.data / _CATALOG}"


def _count_rows(source: HubContext) -> int:
    with source.read() as tx:
        return copies.count_rows(tx)


def _keys_of(target: Settings, bucket: HubBucket | None) -> dict[str, int]:
    if bucket is not None:
        return {stat.key.removeprefix("blobs/"): stat.size for stat in bucket.bucket.list("blobs/")}
    if not (target.data / "blobs").exists():
        return {}
    return {stat.key: stat.size for stat in blob_stores.open_blobs(target, None, fsync=True).list("")}


def _open_database(url: str, settings: Settings) -> Catalog:
    return open_catalog(url, pool_size=2, connect_s=settings.database_timeout_s)


def _size(stats: list[Stat]) -> int:
    return sum(stat.size for stat in stats)
