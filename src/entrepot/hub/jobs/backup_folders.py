"""Backup folders: a pool of blobs, and any number of snapshots that refer to it.

The layout::

    backup.json             format
    blobs/                  a blob store like that of a data folder, shared by all snapshots
    snapshots/<UTC time>/   catalog.sqlite3, keys.txt, and entrepot.toml if there is one;
                            damage.json if the hub had damaged data, which the snapshot lacks
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs

from entrepot.blobs import LocalBlobs, Stat
from entrepot.errors import DataFolderError, Refused, ThingNotFound
from entrepot.hub import data_folders
from entrepot.hub.context import HubContext
from entrepot.hub.data_folders import Marker
from entrepot.storage.fsck import Finding

FORMAT = 1
FORMAT_FILE, CATALOG_FILE, CONFIG_FILE = "format.json", "catalog.sqlite3", "entrepot.toml"

_MARKER, _KEYS, _DAMAGE = "backup.json", "keys.txt", "damage.json"
_PIECE = 4 << 20
_KIND = "backup folder"


@attrs.frozen
class Snapshot:
    """One backup: its name (a UTC time), the numbers of blobs and bytes it refers to, and what it lacks.

    ``lacks``: the damaged and missing data of the hub at that time.
    """

    name: str
    blobs: int
    size: int
    lacks: tuple[Finding, ...] = ()


def snapshots(folder: Path) -> list[Snapshot]:
    """Return the snapshots of a backup folder, oldest first.

    Raises:
        DataFolderError: it is not a backup folder.
    """
    check_marker(folder)
    with translated_errors(folder):
        names = sorted(path.name for path in (folder / "snapshots").iterdir() if not path.name.startswith("."))
        return [_read_snapshot(folder, name) for name in names]


def choose(folder: Path, name: str | None) -> Snapshot:
    """Return the snapshot with a name; None is the newest.

    Raises:
        DataFolderError: it is not a backup folder, or has no snapshot yet.
        ThingNotFound: it has no such snapshot.
    """
    known = {snapshot.name: snapshot for snapshot in snapshots(folder)}
    if not known:
        raise DataFolderError(str(folder), "no backup into it was completed, so it has no snapshot", _KIND)
    if name is None:
        return known[max(known)]
    if name not in known:
        raise ThingNotFound("snapshot", name)
    return known[name]


@contextlib.contextmanager
def prepared(folder: Path, hub: HubContext) -> Iterator[None]:
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
        write_text(folder / FORMAT_FILE, format_text)
        write_text(folder / _MARKER, json.dumps({"entrepot-backup": FORMAT}) + "\n")
    check_marker(folder)
    if (folder / FORMAT_FILE).read_text() != format_text:
        raise DataFolderError(
            str(folder), "it holds backups of another hub or another layout; name another folder", _KIND
        )
    with locked(folder, fcntl.LOCK_EX):
        for leftover in (folder / "snapshots").glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)  # left by an interrupted backup
        yield


@contextlib.contextmanager
def locked(folder: Path, mode: int) -> Iterator[None]:
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


def check_marker(folder: Path) -> None:
    """Check that a folder is a backup folder of this format.

    Raises:
        DataFolderError: it is not.
    """
    try:
        found = json.loads((folder / _MARKER).read_text()).get("entrepot-backup")
    except (OSError, ValueError, AttributeError):
        raise DataFolderError(str(folder), "it is not a backup folder", _KIND) from None
    if found != FORMAT:
        raise DataFolderError(
            str(folder), f"its format is {found!r}, this version reads {FORMAT}; upgrade entrepot", _KIND
        )


def publish(
    hub: HubContext, folder: Path, part: Path, pool: LocalBlobs, keys: Sequence[Stat], lacks: Sequence[Finding]
) -> Snapshot:
    """Complete a snapshot from its unpublished folder, and rename that to its name.

    Args:
        part: the unpublished folder, which has the copied database.
        pool: the blobs of the backup folder.
        keys: the blobs of the hub; the snapshot lists those that the pool has.
        lacks: damaged and missing data of the hub.
    """
    config = hub.settings.data / CONFIG_FILE
    if config.exists():
        copy_file(config, part / CONFIG_FILE)
    kept = {stat.key: found.size for stat in keys if (found := pool.stat(stat.key)) is not None}
    write_text(part / _KEYS, "".join(f"{size} {key}\n" for key, size in sorted(kept.items())))
    if lacks:
        write_text(part / _DAMAGE, json.dumps([attrs.asdict(lack) for lack in lacks], indent=1) + "\n")
    stem = datetime.fromtimestamp(hub.now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    taken = [path.name for path in (folder / "snapshots").glob(f"{stem}*")]
    name = f"{stem}-{len(taken) + 1:03}" if taken else stem
    os.replace(part, folder / "snapshots" / name)
    _sync_folder(folder / "snapshots")
    return Snapshot(name, len(kept), sum(kept.values()), tuple(lacks))


def _read_snapshot(folder: Path, name: str) -> Snapshot:
    keys, damage = read_keys(folder, name), folder / "snapshots" / name / _DAMAGE
    found = json.loads(damage.read_text()) if damage.exists() else []
    lacks = tuple(Finding(**it | {"used_by": tuple(it["used_by"])}) for it in found)
    return Snapshot(name, len(keys), sum(keys.values()), lacks)


def read_keys(folder: Path, name: str) -> dict[str, int]:
    """Return the keys of the blobs of a snapshot, with their sizes."""
    keys = {}
    for line in (folder / "snapshots" / name / _KEYS).read_text().splitlines():
        size, _, key = line.partition(" ")
        keys[key] = int(size)
    return keys


def write_text(path: Path, text: str) -> None:
    """Write a file that only this user can read, durably."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to a new one that only this user can read, durably."""
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
def translated_errors(folder: Path, kind: str = _KIND) -> Iterator[None]:
    """Translate file system errors into the project's errors."""
    try:
        yield
    except OSError as error:
        raise DataFolderError(str(folder), error.strerror or str(error), kind) from error
