"""The context that every use case works with, and the opening of a data folder."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from entrepot.catalog import Announcement, AnyLock, Catalog, Lock, Read, Write, hub_metadata, open_catalog
from entrepot.catalog import NotBrief as NotBrief
from entrepot.catalog.clocks import DatabaseClock
from entrepot.catalog.grouped_writes import GroupedWrites
from entrepot.catalog.named_locks import Lookup
from entrepot.hub import blob_stores, callers, data_folders
from entrepot.hub.branch_locks import BranchLocks
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.file_modes import create_private, make_private
from entrepot.hub.folder_locks import opening
from entrepot.hub.host_slots import HostSlots
from entrepot.hub.job_signals import JobSignal
from entrepot.hub.revisions import ReadableTree
from entrepot.hub.signing import Signer
from entrepot.hub.tables.forked_processes import ForkedProcesses
from entrepot.hub.tables.known_layouts import KnownLayouts
from entrepot.hub.tables.known_rows import FirstRows
from entrepot.hub.tables.reader import TableReader
from entrepot.hub.usage_cache import UsageCache
from entrepot.hub.versioned_cache import Share, Version, VersionedCache, VersionWatch
from entrepot.names import new_uid
from entrepot.settings import Settings
from entrepot.storage import CacheLimits, Store
from entrepot.storage.mirrors import Mirrors
from entrepot.storage.store import ImmutableCache

_LEAST_CACHE = 1 << 20
"""Bytes of caches without which requests would read the same objects several times."""


@attrs.frozen
class JudgedLock(Lookup):
    """The lock of a named object for one caller, who may have to wait for it.

    ``judge``: called when the transaction holds all of its locks; what it raises ends the transaction.
    """

    judge: Callable[[Read], object] = attrs.field(eq=False, repr=False)


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
    grouped_writes: GroupedWrites = attrs.field(factory=GroupedWrites)
    job_added: JobSignal = attrs.field(factory=JobSignal)
    sending: HostSlots = attrs.field(factory=HostSlots)
    tables: TableReader = attrs.field(
        default=attrs.Factory(
            lambda hub: TableReader(
                facts_bytes=hub.share(Share.TABLE_FACTS, least=_LEAST_CACHE),
                indexes_bytes=hub.share(Share.TABLE_INDEXES, least=_LEAST_CACHE),
            ),
            takes_self=True,
        )
    )
    layouts: KnownLayouts = attrs.field(
        default=attrs.Factory(lambda hub: KnownLayouts(hub.share(Share.LAYOUTS, least=_LEAST_CACHE)), takes_self=True)
    )
    first_rows: FirstRows = attrs.field(
        default=attrs.Factory(lambda hub: FirstRows(hub.share(Share.FIRST_ROWS)), takes_self=True)
    )
    known_callers: VersionedCache[Caller] = attrs.field(
        default=attrs.Factory(lambda hub: VersionedCache[Caller](hub.share(Share.CALLERS)), takes_self=True)
    )
    known_trees: VersionedCache[ReadableTree] = attrs.field(
        default=attrs.Factory(lambda hub: VersionedCache[ReadableTree](hub.share(Share.TREES)), takes_self=True)
    )
    query_processes: ForkedProcesses = attrs.field(
        factory=lambda: ForkedProcesses("entrepot.hub.datasets.sandbox_server", "entrepot.hub.datasets.sandbox")
    )
    query_results: ImmutableCache[str, bytes] = attrs.field(
        default=attrs.Factory(
            lambda hub: ImmutableCache[str, bytes](hub.share(Share.QUERY_RESULTS), len), takes_self=True
        )
    )
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

    def share(self, share: Share, *, least: int = 0) -> int:
        """Return a share of the memory that the setting ``remembered_bytes`` allows, in bytes; at least ``least``."""
        return share.of(self.settings.remembered_bytes, least=least)

    @contextlib.contextmanager
    def read(self) -> Iterator[Read]:
        """Open a snapshot of the catalog for reading."""
        with self.store.catalog.read() as tx:
            yield tx

    def briefly(self) -> AbstractContextManager[None]:
        """Return a block in which this thread only reads a few rows, so that an event loop may run it.

        Raises:
            NotBrief: what the block does is not that; nothing was changed.
        """
        return self.store.catalog.briefly()

    def together(self) -> AbstractContextManager[None]:
        """Return a block in which the reads of this thread see one snapshot, until it writes or waits."""
        return self.store.catalog.together()

    @contextlib.contextmanager
    def write(
        self, *locks: AnyLock, by: MaybeCaller | str = None, ahead: Announcement | None = None
    ) -> Iterator[Write]:
        """Open a transaction for writing. Do nothing slow inside it, and move no blobs.

        Args:
            locks: the names of everything that the block checks before it writes, in any order.
            by: the caller whose rights the block relies on, who may have lost them while it waited for the locks;
                None if it relies on no one's, or judges them itself. Words that name the console are not judged.
            ahead: announces what the block reads first, which is then read as soon as the locks are taken.

        Raises:
            InvalidCredentials, LoginRequired, AccountSuspended, NotAllowed: as :func:`callers.check_still_holds`.
            whatever the :class:`JudgedLock` values among the locks raise.
        """
        with self.store.catalog.write(*locks, ahead=ahead) as tx:
            if isinstance(by, Caller):
                callers.check_still_holds(tx, by, self.now_ms())
            for lock in locks:
                if isinstance(lock, JudgedLock):
                    lock.judge(tx)
            yield tx

    def write_unflushed(self, *locks: AnyLock) -> AbstractContextManager[Write]:
        """Return a block as :meth:`write`, for changes that a loss of power may undo: it does not wait for the disk."""
        return self.store.catalog.write_unflushed(*locks)

    def watch(self) -> VersionWatch:
        """Return a new watch that reports the version of the database, for :mod:`entrepot.hub.versioned_cache`."""
        return self.store.catalog.watch()

    def identify(
        self, secret: str | None, version: Version | None = None, ahead: Announcement | None = None
    ) -> MaybeCaller:
        """Return the caller that a token's secret belongs to.

        Args:
            version: of the database, asked for after the secret has arrived; None looks the token up in any case.
            ahead: announces what will be read next in the same transaction, if the token is looked up.

        Raises:
            InvalidCredentials: the token is unknown, revoked or expired.
            AccountSuspended, SecondFactorMissing: the account cannot be used now.
        """
        if secret is None:
            return None
        key = callers.hash_secret(secret)
        known = None if version is None else self.known_callers.find(version, key)
        if known is not None:
            return callers.still_valid(known, self.now_ms())
        with self.read() as tx:
            if ahead is not None:
                ahead(tx)
            caller = callers.identify(tx, secret, self.now_ms())
            if caller is not None:
                callers.require_factor(tx, caller.account, self.settings)
        if caller is not None and version is not None:
            self.known_callers.put(version, key, caller, 1024 * len(caller.memberships))
        return caller

    def close(self) -> None:
        """End the processes that read tables and run queries, and close the database."""
        self.tables.close()
        self.query_processes.close()
        self.store.catalog.close()


def open_hub(settings: Settings, *, fsync: bool = True, database: str | None = None) -> HubContext:
    """Open a data folder; create it if it does not exist.

    Args:
        settings: ``data`` names the folder, ``database`` its database and ``store`` its large files if these are
            not in the folder.
        database: the URL of another database than that of the settings; only in tests.
        fsync: False only in tests, where a power cut may lose data.

    Raises:
        DataFolderError: the folder cannot be read or written, is accessible to other users and cannot
            be made private, was made by a newer version, or belongs to another database; nothing
            in it was changed.
        StoreUnusable: the same of the bucket of its large files.
    """
    with opening(settings.data):
        return _open(settings, database or settings.database, fsync=fsync)


def _open(settings: Settings, database: str, *, fsync: bool) -> HubContext:
    folder = settings.data
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.scratch:
        settings.temporary_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = "postgresql" if database else "sqlite"
    bucket = blob_stores.find_bucket(settings)
    if bucket is None:
        marker = there = data_folders.prepare(folder, new_uid())
        data_folders.check_store(folder, marker, None)
    else:
        marker, there = bucket.prepare(folder, new_uid())
        bucket.check_kind(folder, (marker, there), kind)
    data_folders.check_kind(folder, marker, kind)
    make_private(folder)
    if not database:
        database = f"sqlite:///{folder / 'catalog.sqlite3'}"
        if marker.database is None:
            create_private(folder / "catalog.sqlite3")  # SQLite gives the -wal and -shm files the same mode
        connections = settings.short_threads + settings.transfer_threads
    else:
        connections = settings.database_connections
    catalog = open_catalog(
        database,
        pool_size=connections,
        connect_s=settings.database_timeout_s,
        creates=there.database is None,
    )
    try:
        if bucket is not None:
            with catalog.read() as tx:
                bucket.check_id(folder, (marker, there), hub_metadata.find(tx, "store_id"))
        store_id, key = _identity(catalog, folder, marker, kind)
        clock = DatabaseClock(catalog)
        if bucket is not None:
            bucket.complete(there, kind, store_id)
    except BaseException:
        catalog.close()
        raise
    blobs = blob_stores.open_blobs(settings, bucket, fsync=fsync)
    store = Store(catalog, blobs, blobs, blobs, _cache_limits(settings.remembered_bytes))
    return HubContext(store, settings, store_id, Signer(bytes.fromhex(key)), clock)


def _cache_limits(most: int) -> CacheLimits:
    """Return the limits of the caches of the store, which are shares of ``most`` bytes, or a little more."""
    return CacheLimits(
        trees=Share.SCANNED_TREES.of(most, least=_LEAST_CACHE),
        large_trees=Share.LARGE_TREES.of(most),
        names=Share.TREE_NAMES.of(most),
        listings=Share.LISTINGS.of(most, least=_LEAST_CACHE),
        indexes=Share.XORB_INDEXES.of(most, least=_LEAST_CACHE),
        roots=Share.ROOTS.of(most, least=_LEAST_CACHE),
    )


def _identity(catalog: Catalog, folder: Path, marker: data_folders.Marker, kind: str) -> tuple[str, str]:
    """Return the id and the signing key of the hub, which a new one gets."""
    with catalog.read() as tx:
        store_id, key = hub_metadata.find(tx, "store_id"), hub_metadata.find(tx, "signing_key")
    data_folders.check_id(folder, marker, kind, store_id)
    if store_id is None or key is None:
        with catalog.write(Lock.hub()) as tx:
            store_id = hub_metadata.put_first(tx, "store_id", marker.store_id or new_uid())
            key = hub_metadata.put_first(tx, "signing_key", secrets.token_hex(32))
            hub_metadata.put_first(tx, "epoch", "1")
        if marker.store_id is not None:  # another process may have been faster, with another folder
            data_folders.check_id(folder, marker, kind, store_id)
    if marker.database is None:
        data_folders.complete(folder, kind, store_id, marker.store)
    return store_id, key
