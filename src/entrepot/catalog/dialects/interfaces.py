"""What the catalog needs of a database beyond standard SQL."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import sqlalchemy as sa

from entrepot.catalog.brief_reads import BriefReads
from entrepot.catalog.named_locks import AnyLock, Lock
from entrepot.catalog.versions import VersionWatch

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.dialects import sqlite as lite

Upsert: TypeAlias = "lite.Insert | postgresql.Insert"
"""An insert that may say what happens to rows whose key is taken; both dialects spell it alike."""


class Notices(Protocol):
    """Short messages between processes that use one database; delivered immediately, or lost."""

    def send(self, text: str) -> None:
        """Send a text to every process that receives, including this one.

        Raises:
            DatabaseUnavailable, Busy: nothing was sent.
        """

    def receive(self, timeout_s: float) -> frozenset[str]:
        """Return the texts that arrive next, or no text after the timeout.

        Only one thread may call it. The first call, and the first one after a failure, connects and returns
        immediately with an empty text: what was sent before is lost.

        Raises:
            DatabaseUnavailable, Busy: the connection was lost.
        """

    def close(self) -> None:
        """Close the connection of the receiver."""


class OpenSnapshot(Protocol):
    """A transaction that has begun, for SQLAlchemy and for the driver alone."""

    @property
    def sql(self) -> sa.Connection:
        """SQLAlchemy's connection."""

    @property
    def dialect(self) -> sa.Dialect:
        """SQLAlchemy's dialect for the database."""

    @property
    def driver(self) -> Any:  # noqa: ANN401 -- each driver has connections of its own
        """The driver's connection."""


class Presence(Protocol):
    """The mark of a server or worker on a database that several of them may use; it ends with the process."""

    def keep(self) -> None:
        """Set the mark; if it is set, check that the database still knows it.

        Raises:
            Refused: the hub is being moved.
            DatabaseUnavailable, Busy: the mark is lost; call this again.
        """

    def release(self) -> None:
        """Remove the mark; harmless if there is none."""

    def exclude(self) -> AbstractContextManager[None]:
        """Return a block in which no process can set its mark.

        Raises:
            Refused: some have set it; the message says on which machines.
            DatabaseUnavailable, Busy: the database cannot be reached.
        """


class TransactionOutcome(enum.Enum):
    """The outcome of a transaction whose confirmation was lost."""

    APPLIED = "applied"
    UNDONE = "undone"
    PENDING = "pending"
    UNKNOWN = "unknown"


class Receipt(Protocol):
    """An identifier with which a transaction can be found again."""

    def outcome(self, connection: sa.Connection) -> TransactionOutcome:
        """Return the outcome of the transaction, asked over another connection."""


class OpenTransaction(OpenSnapshot, Protocol):
    """A transaction that has begun, and that can write."""

    def receipt(self) -> Receipt | None:
        """Return an identifier of the transaction; None if it changed nothing, or cannot be found again."""

    def lock_late(self, lock: Lock) -> None:
        """Take one more lock, if the database has several writers at a time."""


BeforeLocks: TypeAlias = Callable[[OpenTransaction], None]
"""Announces what a transaction will read first (:meth:`entrepot.catalog.prepared.Prepared.ask_ahead`)."""


class Dialect(Protocol):
    """One kind of database. Stateless."""

    has_one_writer: bool
    """Whether the database itself serialises writing transactions, so that locks need no names."""

    def open(self, url: str, pool_size: int, wait_ms: int, connect_s: int) -> sa.Engine:
        """Create an engine; nothing is connected yet.

        Args:
            url: an SQLAlchemy URL.
            pool_size: connections kept open.
            wait_ms: how long to wait for a free connection, and for a lock.
            connect_s: how long to wait for the server of the database when connecting.
        """

    def reader(self, engine: sa.Engine) -> Callable[[], AbstractContextManager[OpenSnapshot]]:
        """Return a function that begins a transaction which reads one consistent snapshot."""

    def begin(
        self, connection: sa.Connection, locks: Sequence[AnyLock], ahead: BeforeLocks | None = None
    ) -> AbstractContextManager[OpenTransaction]:
        """Begin a writing transaction that holds the locks, so that what it reads from now on stays true.

        It is committed at the end of the block.

        Args:
            ahead: called before the locks are taken, if that takes a message to a server; it reads nothing yet.
        """

    def insert(self, table: sa.Table) -> Upsert:
        """Return an insert that may say what happens to rows whose key is taken."""

    def translate(self, error: sa.exc.DBAPIError) -> Exception | None:
        """Return the project's error for one of the driver, or None for a defect such as a wrong statement."""

    def create_text_index(self, connection: sa.Connection) -> None:
        """Create the full-text index of repositories, which SQLAlchemy cannot describe for every database."""

    def watch(self, engine: sa.Engine) -> VersionWatch:
        """Return a watch that reports the version of the database; it does not connect yet."""

    def brief(self, engine: sa.Engine) -> BriefReads | None:
        """Return the connection for reads that an event loop may wait for; None if every read asks another machine."""

    def copy(self, engine: sa.Engine, target: Path) -> None:
        """Copy a snapshot of the database into a new file that only its owner can read.

        Raises:
            sqlalchemy.exc.OperationalError, DataFolderError: the copy is incomplete.
        """
