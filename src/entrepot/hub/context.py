"""The context that every use case works with, and the opening of a data folder."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from entrepot.blobs import LocalBlobs
from entrepot.catalog import AnyLock, Catalog, Lock, Read, Write, hub_metadata, open_catalog
from entrepot.errors import DataFolderError
from entrepot.hub import callers
from entrepot.hub.branch_locks import BranchLocks
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.folder_locks import opening
from entrepot.hub.host_slots import HostSlots
from entrepot.hub.job_signals import JobSignal
from entrepot.hub.permissions import create_private, make_private
from entrepot.hub.signing import Signer
from entrepot.hub.usage_cache import UsageCache
from entrepot.names import new_uid
from entrepot.settings import Settings
from entrepot.storage import Store
from entrepot.storage.mirrors import Mirrors

FORMAT = 1
"""Layout of the data folder: ``format.json``, ``catalog.sqlite3``, ``blobs/``."""


@attrs.frozen
class HubContext:
    """The store, settings and secrets of one hub. Thread-safe."""

    store: Store
    settings: Settings
    store_id: str
    signer: Signer
    now_ms: Callable[[], int]
    branch_locks: BranchLocks = attrs.field(factory=BranchLocks)
    usage_cache: UsageCache = attrs.field(factory=UsageCache)
    job_added: JobSignal = attrs.field(factory=JobSignal)
    sending: HostSlots = attrs.field(factory=HostSlots)
    query_slots: threading.BoundedSemaphore = attrs.field(factory=lambda: threading.BoundedSemaphore(2))
    mirrors: Mirrors = attrs.field(
        default=attrs.Factory(
            lambda hub: Mirrors(hub.settings.data / "cache" / "git", hub.settings.git_cache_bytes), takes_self=True
        )
    )

    @property
    def catalog(self) -> Catalog:
        """The catalog of the store."""
        return self.store.catalog

    @contextlib.contextmanager
    def read(self) -> Iterator[Read]:
        """Open a snapshot of the catalog for reading."""
        with self.store.catalog.read() as tx:
            yield tx

    @contextlib.contextmanager
    def write(self, *locks: AnyLock) -> Iterator[Write]:
        """Open a transaction for writing. Do nothing slow inside it, and move no blobs.

        Args:
            locks: the names of everything that the block checks before it writes, in any order.
        """
        with self.store.catalog.write(*locks) as tx:
            yield tx

    def identify(self, secret: str | None) -> MaybeCaller:
        """Return the caller that a token's secret belongs to.

        Raises:
            InvalidCredentials: the token is unknown, revoked or expired.
        """
        if secret is None:
            return None
        with self.read() as tx:
            return callers.identify(tx, secret, self.now_ms())

    def close(self) -> None:
        """Close the database."""
        self.store.catalog.close()


def open_hub(settings: Settings, *, fsync: bool = True, database: str | None = None) -> HubContext:
    """Open a data folder; create it if it does not exist.

    Args:
        settings: ``data`` names the folder.
        database: the URL of a database outside of the folder. No setting leads here yet, because backups
            and several servers on one folder are not ready for it; tests run on PostgreSQL with it.
        fsync: False only in tests, where a power cut may lose data.

    Raises:
        DataFolderError: the folder cannot be read or written, is accessible to other users and cannot
            be made private, or was made by a newer version; nothing in it was changed.
    """
    with opening(settings.data):
        return _open(settings, database, fsync=fsync)


def _open(settings: Settings, database: str | None, *, fsync: bool) -> HubContext:
    folder = settings.data
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_format(folder)
    make_private(folder)
    if database is None:
        create_private(folder / "catalog.sqlite3")  # SQLite gives the -wal and -shm files the same mode
        database = f"sqlite:///{folder / 'catalog.sqlite3'}"
    pool = settings.short_threads + settings.transfer_threads
    catalog = open_catalog(database, pool_size=pool)
    blobs = LocalBlobs(folder / "blobs", fsync=fsync)
    with catalog.read() as tx:
        store_id, key = hub_metadata.find(tx, "store_id"), hub_metadata.find(tx, "signing_key")
    if store_id is None or key is None:
        with catalog.write(Lock.hub()) as tx:
            store_id = hub_metadata.put_first(tx, "store_id", new_uid())
            key = hub_metadata.put_first(tx, "signing_key", secrets.token_hex(32))
            hub_metadata.put_first(tx, "epoch", "1")
    store = Store(catalog, blobs, blobs, blobs)
    return HubContext(store, settings, store_id, Signer(bytes.fromhex(key)), _now_ms)


def is_new(folder: Path) -> bool:
    """Return whether a folder has never been opened as a data folder."""
    return not (folder / "format.json").exists()


def _check_format(folder: Path) -> None:
    marker = folder / "format.json"
    if not marker.exists():
        others = [path.name for path in folder.iterdir() if not path.name.startswith(("entrepot.toml", "format."))]
        # Another process may have created the folder since the first check.
        if others and not marker.exists():
            raise DataFolderError(
                str(folder), f"it is not empty ({others[0]} …) and no entrepot data folder; name another with --data"
            )
        fresh = folder / f"format.{secrets.token_hex(4)}"
        fresh.write_text(json.dumps({"entrepot": FORMAT}) + "\n")
        fresh.replace(marker)
        return
    try:
        found = json.loads(marker.read_text()).get("entrepot")
    except (ValueError, AttributeError):
        found = None
    if not isinstance(found, int):
        raise DataFolderError(str(folder), "its format.json is damaged; restore that file from a backup")
    if found != FORMAT:
        raise DataFolderError(
            str(folder),
            f"its layout is {found!r}, this version reads {FORMAT}; "
            "upgrade entrepot, or name another folder with --data",
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
