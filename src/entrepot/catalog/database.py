"""The catalog itself: one database, read and written in short transactions.

Invariants kept here: only :class:`Write` can change rows; a writing
transaction takes the database's write lock when it begins, so what it read is
still true when it commits; nothing slow may happen inside one (see
:meth:`Catalog.is_writing`, which test doubles of ``blobs`` watch).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import sqlalchemy as sa

from entrepot.catalog import engines, schema
from entrepot.catalog.engines import WriteLock


@attrs.frozen
class Read:
    """A snapshot of the catalog."""

    sql: sa.Connection


@attrs.frozen
class Write(Read):
    """A transaction that may change the catalog."""


class Catalog:
    """Everything mutable, in SQL. Safe to use from many threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = WriteLock()

    @contextlib.contextmanager
    def read(self) -> Iterator[Read]:
        """Read one consistent snapshot.

        Raises:
            Busy, DataFolderError: the database cannot be read now.
        """
        with engines.translated(), self._engine.begin() as connection:
            yield Read(connection)

    @contextlib.contextmanager
    def write(self) -> Iterator[Write]:
        """Change rows: all of it or, when the block raises, none.

        Guarantees: durable when the block has ended; serialised with every
        other writing transaction on the same database.

        Raises:
            Busy, StoreFull, DataFolderError: nothing was changed.
        """
        with (
            engines.translated(),
            self._lock.hold(),
            engines.writing_connection(self._engine) as connection,
            connection.begin(),
        ):
            yield Write(connection)

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy of the whole database into a new file, readable by its owner only.

        The copy is as of one moment; readers and writers go on meanwhile.

        Raises:
            Busy, StoreFull, DataFolderError: the copy could not be completed.
        """
        with engines.translated():
            engines.copy_database(self._engine, target)

    def is_writing(self) -> bool:
        """Whether this thread is inside :meth:`write`."""
        return self._lock.held()

    def close(self) -> None:
        """Close every idle connection."""
        self._engine.dispose()


def open_catalog(url: str, *, pool_size: int = 16) -> Catalog:
    """Open the database, creating or upgrading its tables.

    Raises:
        DataFolderError: it was written by a newer version, or cannot be opened.
    """
    engine = engines.make_engine(url, pool_size=pool_size)
    try:
        with engines.translated():
            schema.upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Catalog(engine)
