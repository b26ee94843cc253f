"""New databases of a test run as copies of one that was made as users' are."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import sqlite3
import tempfile

import sqlalchemy as sa

from entrepot.catalog import schema
from entrepot.catalog.engines import make_engine

upgrade_as_users_do = schema.upgrade


def make_tables_quickly() -> None:
    """Let a new database of SQLite in this process begin as a copy of one that has the tables.

    More than a thousand tests make a database, and making its tables takes several times as long as what they do with
    them. Tests of the tables themselves (``empty_database``) and processes that tests start make them as users have
    them. Databases of PostgreSQL are copied by the server; see tests/support/postgres.py.
    """

    def upgrade(engine: sa.Engine, *, creates: bool = True) -> None:
        file = pathlib.Path(engine.url.database or "")
        if creates and engine.dialect.name == "sqlite" and file.name and file.parent.is_dir():
            place_copy(file)
        upgrade_as_users_do(engine, creates=creates)

    schema.upgrade = upgrade


def place_copy(file: pathlib.Path) -> None:
    """Make a file a database with the tables, unless it is one already; the folder exists.

    The file is written while this process holds SQLite's lock of it, so that others, whether they make databases
    like this or as users do, see an empty file or a database.
    """
    if file.exists() and file.stat().st_size:
        return
    with contextlib.closing(sqlite3.connect(file, timeout=240, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        if not file.stat().st_size:
            with file.open("r+b") as empty:  # closing it gives up the lock that was taken: it is whole by then
                empty.write(_with_tables())
        connection.rollback()


@functools.cache
def _with_tables() -> bytes:
    """Return a database file with the tables, made as users have it; its log is empty, because nobody has it open."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "catalog.db"
        engine = make_engine(f"sqlite:///{file}")
        upgrade_as_users_do(engine)
        engine.dispose()
        assert [path.name for path in pathlib.Path(folder).iterdir()] == [file.name]
        return file.read_bytes()
