"""What the catalog needs of a database beyond standard SQL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as lite

from entrepot.catalog.named_locks import AnyLock

Upsert = lite.Insert | postgresql.Insert
"""An insert that may say what happens to rows whose key is taken; both dialects spell it alike."""


class Dialect(Protocol):
    """One kind of database. Stateless."""

    has_one_writer: bool
    """Whether the database itself serialises writing transactions, so that locks need no names."""

    def open(self, url: str, pool_size: int, wait_ms: int) -> sa.Engine:
        """Create an engine; nothing is connected yet.

        Args:
            url: an SQLAlchemy URL.
            pool_size: connections kept open; as many more may be opened temporarily.
            wait_ms: how long to wait for a free connection, and for a lock.
        """

    def snapshots(self, engine: sa.Engine) -> sa.Engine:
        """Return the same engine for transactions that read one consistent snapshot."""

    def begin(self, connection: sa.Connection, locks: Sequence[AnyLock]) -> sa.RootTransaction:
        """Begin a writing transaction that holds the locks, so that what it reads from now on stays true."""

    def insert(self, table: sa.Table) -> Upsert:
        """Return an insert that may say what happens to rows whose key is taken."""

    def translate(self, error: sa.exc.DBAPIError) -> Exception | None:
        """Return the project's error for one of the driver, or None for a defect such as a wrong statement."""

    def create_text_index(self, connection: sa.Connection) -> None:
        """Create the full-text index of repositories, which SQLAlchemy cannot describe for every database."""

    def copy(self, engine: sa.Engine, target: Path) -> None:
        """Copy a snapshot of the database into a new file that only its owner can read.

        Raises:
            sqlalchemy.exc.OperationalError, DataFolderError: the copy is incomplete.
        """
