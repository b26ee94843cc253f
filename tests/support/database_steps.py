"""Counts the steps of SQLite's virtual machine, which a caller could measure as time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.database import Read


def steps_of(catalog: Catalog, read: Callable[[Read], object]) -> int:
    """Return how many steps SQLite takes to read something; skips the test on another database."""
    taken = list[None]()
    with catalog.read() as tx:
        connection = tx.sql.connection.driver_connection
        if not isinstance(connection, sqlite3.Connection):
            pytest.skip("counts the steps of SQLite")
        connection.set_progress_handler(lambda: taken.append(None), 1)
        try:
            read(tx)
        finally:
            connection.set_progress_handler(None, 1)
    return len(taken)
