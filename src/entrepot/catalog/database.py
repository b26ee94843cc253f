"""The catalog: one SQL database, read and written in short transactions.

Invariants: only :class:`Write` can change rows. A writing transaction takes
the database's write lock when it begins, so the rows that it read are still
current when it commits. Nothing slow may happen inside one (see
:meth:`Catalog.is_writing`, which test doubles of ``blobs`` check).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import attrs
import sqlalchemy as sa

from entrepot.catalog import dialects, engines, schema
from entrepot.catalog.brief_reads import BriefTransaction, NotBrief
from entrepot.catalog.dialects.interfaces import (
    Notices,
    OpenSnapshot,
    OpenTransaction,
    Presence,
    Receipt,
    TransactionOutcome,
)
from entrepot.catalog.dialects.snapshots import UNFLUSHED
from entrepot.catalog.engines import WriteLock
from entrepot.catalog.lock_checks import KINDS
from entrepot.catalog.named_locks import AnyLock, Lock
from entrepot.catalog.shared_reads import SharedReads
from entrepot.catalog.versions import VersionWatch
from entrepot.errors import DatabaseUnavailable, DataFolderError

_log = logging.getLogger("entrepot.catalog")

_PROOF_S = 8.0
"""How long a transaction whose confirmation was lost waits for the database: less than clients wait for an answer."""
_PROOF_PAUSE_S = 0.2

_CLOCK = sa.text("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)")


class Read:
    """A read transaction: a consistent snapshot of the catalog."""

    def __init__(self, transaction: OpenSnapshot) -> None:
        self._transaction = transaction
        self.dialect = transaction.dialect
        self.driver = transaction.driver

    @property
    def sql(self) -> sa.Connection:
        """SQLAlchemy's connection, inside the transaction."""
        return self._transaction.sql

    def expect(self, entries: int) -> None:
        """Announce work that costs about as much as this many entries of a folder, or kilobytes of a file.

        Raises:
            NotBrief: the transaction is a brief one, and this is too much for it.
        """


Announcement: TypeAlias = Callable[[Read], None]
"""Announces statements that a transaction will run, perhaps (:meth:`entrepot.catalog.prepared.Prepared.ask_ahead`)."""


class _BriefRead(Read):
    """A read transaction on behalf of an event loop, see :mod:`entrepot.catalog.brief_reads`."""

    def __init__(self, transaction: BriefTransaction) -> None:
        super().__init__(transaction)
        self._brief = transaction

    def expect(self, entries: int) -> None:
        """Count the work, and give up if it is much."""
        self._brief.expect(entries)


Proof = Callable[[Read], bool]
"""Returns whether an earlier transaction has changed what it wanted to change; it reads under the same locks."""


class Write(Read):
    """A transaction that can change the catalog."""

    _transaction: OpenTransaction

    def __init__(self, transaction: OpenTransaction) -> None:
        super().__init__(transaction)
        self.proof: Proof | None = None
        """How to find out whether the changes took effect, if the database itself no longer knows."""
        self._last: dict[Lock, Callable[[], None]] = {}

    def check_last(self, lock: Lock, check: Callable[[], None]) -> None:
        """Call a function when the block has ended, under a lock that is taken then; what it raises undoes everything.

        For what depends on rows of many other transactions: nothing but the confirmation happens under the lock. A
        later check with the same lock replaces an earlier one.
        """
        self._last[lock] = check

    def run_last_checks(self) -> None:
        """Run the checks; nothing is written afterwards."""
        for lock in sorted(self._last):
            self._transaction.lock_late(lock)
            self._last[lock]()


@attrs.frozen
class _Ended:
    """A transaction that only had to be confirmed."""

    proof: Proof | None
    receipt: Receipt | None


class Catalog:
    """All mutable state, in SQL. Thread-safe."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._dialect = dialects.of(engine)
        self._read = self._dialect.reader(engine)
        self._brief = self._dialect.brief(engine)
        self._shared = SharedReads(self._read)
        self._lock = WriteLock(queues=self._dialect.has_one_writer)

    @contextlib.contextmanager
    def read(self) -> Iterator[Read]:
        """Open a transaction that reads one consistent snapshot.

        Raises:
            Busy, DatabaseUnavailable, DataFolderError: the database cannot be read.
            NotBrief: this thread is inside :meth:`briefly`, and the transaction is not brief.
        """
        if self._brief is not None and self._brief.is_active:
            yield _BriefRead(self._brief.transaction())
            return
        shared = self._shared.present
        with engines.translated(), self._read() if shared is None else shared.read() as snapshot:
            yield Read(snapshot)

    def together(self) -> AbstractContextManager[None]:
        """Return a block in which the reads of this thread see one snapshot, until it writes or waits."""
        return self._shared.together()

    def briefly(self) -> AbstractContextManager[None]:
        """Return a block in which this thread neither waits nor works long: an event loop may run it.

        Raises:
            NotBrief: what the block does is not brief; nothing was changed. Run it again in a thread.
        """
        if self._brief is None:
            raise NotBrief
        return self._brief.only()

    def check_may_wait(self) -> None:
        """Raise if this thread is inside :meth:`briefly`; call this before reading anything but rows.

        Raises:
            NotBrief: this thread is inside :meth:`briefly`.
        """
        if self._brief is not None and self._brief.is_active:
            raise NotBrief
        self._shared.end_before_waiting()

    def write(self, *locks: AnyLock, ahead: Announcement | None = None) -> AbstractContextManager[Write]:
        """Open a transaction that changes rows: all changes take effect, or none if the block raises.

        Args:
            locks: the names of everything that the block checks before it writes, in any order.
            ahead: announces what the block reads first, which is then read as soon as the locks are taken.

        Guarantees: the changes are durable when the block has ended; serialised with every
        other writing transaction on the same database that names one of the same locks.

        Raises:
            Busy, StoreFull, DataFolderError: nothing was changed.
            DatabaseUnavailable: nothing was changed. If the connection was lost while the database
                confirmed the changes, it is asked for what has become of them. If it cannot be reached within
                seconds, or if another server has taken over or it has crashed and the block has not set
                :attr:`Write.proof`, everything may have been changed.
        """
        return self._writing(locks, ahead)

    def write_unflushed(self, *locks: AnyLock) -> AbstractContextManager[Write]:
        """Open a transaction as :meth:`write` does, which does not wait for the disk when it ends.

        Other transactions see its changes immediately. A loss of power may undo them until a later transaction of
        :meth:`write` has ended.
        """
        return self._writing(locks, None, **{UNFLUSHED: True})

    @contextlib.contextmanager
    def _writing(self, locks: Sequence[AnyLock], ahead: Announcement | None, **options: object) -> Iterator[Write]:
        self.check_may_wait()
        kinds = frozenset(lock.kind for lock in locks)
        ended: _Ended | None = None
        try:
            with self._begun(locks, ahead, **{KINDS: kinds}, **options) as transaction:
                tx = Write(transaction)
                yield tx
                tx.run_last_checks()
                # What fails afterwards is the confirmation.
                ended = _Ended(tx.proof, transaction.receipt())
        except DatabaseUnavailable:
            if ended is None or not self._was_applied(ended, locks):
                raise
            _log.info("database.confirmed-later")

    @contextlib.contextmanager
    def _begun(
        self, locks: Sequence[AnyLock], ahead: Announcement | None = None, **options: object
    ) -> Iterator[OpenTransaction]:
        """Begin a transaction that can write, under locks; it is confirmed at the end of the block."""
        before = None if ahead is None else lambda transaction: ahead(Read(transaction))
        with (
            engines.translated(),
            self._lock.hold(),
            self._engine.connect().execution_options(**options) as connection,
            self._dialect.begin(connection, locks, before) as transaction,
        ):
            yield transaction

    def _was_applied(self, ended: _Ended, locks: Sequence[AnyLock]) -> bool:
        """Return whether a transaction took effect whose confirmation was lost; the locks wait until it has ended.

        Raises:
            Busy, DatabaseUnavailable: that is not known.
        """
        until = time.monotonic() + _PROOF_S
        while True:
            try:
                with self._begun(locks) as transaction:
                    found = self._outcome(transaction, ended)
                if found is not TransactionOutcome.PENDING or time.monotonic() > until:
                    return found is TransactionOutcome.APPLIED
            except DatabaseUnavailable:
                if time.monotonic() > until:
                    raise
            time.sleep(_PROOF_PAUSE_S)

    def _outcome(self, transaction: OpenTransaction, ended: _Ended) -> TransactionOutcome:
        found = TransactionOutcome.UNKNOWN
        if ended.receipt is not None:
            found = ended.receipt.outcome(transaction.sql)
        if found is TransactionOutcome.UNKNOWN and ended.proof is not None:
            return TransactionOutcome.APPLIED if ended.proof(Read(transaction)) else TransactionOutcome.UNDONE
        return found

    @contextlib.contextmanager
    def fill(self) -> Iterator[Write]:
        """Open a transaction that fills an empty database, which nothing else uses yet.

        Raises:
            Busy, DatabaseUnavailable, StoreFull, DataFolderError: nothing was written.
        """
        with self._begun([Lock.hub()]) as transaction:
            yield Write(transaction)

    @property
    def is_file(self) -> bool:
        """Whether the database is a file, which :meth:`copy_to` can copy."""
        return self._dialect.has_one_writer

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy of the whole database into a new file, readable by its owner only.

        The copy is a snapshot of one moment; readers and writers are not blocked.

        Raises:
            Busy, StoreFull, DataFolderError: the copy could not be completed.
        """
        with engines.translated():
            self._dialect.copy(self._engine, target)

    def notices(self) -> Notices | None:
        """Return the messages between the processes that use the database; None if it cannot carry any."""
        if self._dialect.has_one_writer:
            return None
        from entrepot.catalog.notices import PostgresNotices  # needs the driver

        return PostgresNotices(self._engine)

    def watch(self) -> VersionWatch:
        """Return a new watch that reports the version of the database; the caller closes it."""
        return self._dialect.watch(self._engine)

    def clock_ms(self) -> int | None:
        """Return the time of the database's server, in milliseconds since 1970; None if it has no clock of its own.

        Raises:
            DatabaseUnavailable, Busy: it cannot be reached.
        """
        if self._dialect.has_one_writer:
            return None
        with engines.translated(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return int(connection.execute(_CLOCK).scalar_one())

    def presence(self) -> Presence | None:
        """Return the mark of a server or worker on the database; None if its file has a lock for that."""
        if self._dialect.has_one_writer:
            return None
        from entrepot.catalog.presence import PostgresPresence

        return PostgresPresence(self._engine)

    def is_writing(self) -> bool:
        """Return whether this thread is inside :meth:`write`."""
        return self._lock.held()

    def close(self) -> None:
        """Close every idle connection."""
        if self._brief is not None:
            self._brief.close()
        self._engine.dispose()


def open_catalog(url: str, *, pool_size: int = 16, connect_s: int = 10, creates: bool = True) -> Catalog:
    """Open the database; create or upgrade its tables if needed.

    Args:
        url: an SQLAlchemy URL, ``sqlite:///…`` or ``postgresql://…``.
        pool_size: connections kept open.
        connect_s: how long to wait for the server of the database when connecting.
        creates: False refuses a database without tables.

    Raises:
        DataFolderError: the database was written by a newer version, or cannot be opened.
    """
    engine = engines.make_engine(url, pool_size=pool_size, connect_s=connect_s)
    try:
        with engines.translated():
            schema.upgrade(engine, creates=creates)
    except DatabaseUnavailable as error:
        engine.dispose()
        raise DataFolderError("(database)", error.detail) from error
    except BaseException:
        engine.dispose()
        raise
    return Catalog(engine)
