"""Upgrade of a database to the schema of this version."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog import dialects
from entrepot.catalog.community_tables import metadata  # of all tables: it imports the others
from entrepot.catalog.named_locks import Lock
from entrepot.errors import DataFolderError

HEAD = "first_02b09f531d7b"
"""The newest migration in ``migrations/versions``."""

KNOWN = frozenset({HEAD})
"""Every migration that this version can upgrade from."""


def current(connection: sa.Connection) -> str | None:
    """Return the migration a database is at; ``None`` for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: sa.Engine, *, creates: bool = True) -> None:
    """Create the tables, or apply the missing migrations.

    Args:
        creates: False refuses a database without tables, instead of creating them.

    Guarantees: if two processes start at the same time, each migration is
    applied once: the transaction takes the write lock before it reads the version.

    Raises:
        DataFolderError: the database has no tables, or was written by a newer version, or
            by a development version before the first release.
    """
    with engine.connect() as connection:
        found = current(connection)
    if found == HEAD:
        return
    if found is None and not creates:
        raise DataFolderError(
            _place(engine),
            "this database is empty, but the data folder belongs to one with data: check the setting 'database', "
            "or restore the database from a backup",
        )
    if found is None:
        _create(engine)
        return
    if found not in KNOWN:
        raise DataFolderError(
            _place(engine),
            f"its database has schema {found!r}, which this version does not know (it knows {HEAD!r}); it was "
            "written by a newer entrepot, or by a development version from before the first release: upgrade "
            "entrepot, or start in another folder with --data and bring the repositories over with git clone "
            "--mirror and 'entrepot import'",
        )
    # Imported only if there are migrations to apply: Alembic doubles the start-up time.
    from entrepot.catalog.migrations import run

    run.upgrade(engine)


def _place(engine: sa.Engine) -> str:
    """Return the file of a database, or the word for one that is not a file."""
    return str(engine.url.database) if engine.dialect.name == "sqlite" else "(database)"


def _create(engine: sa.Engine) -> None:
    # Migrations give the same tables (a test compares them), but Alembic costs 9 MB and half a second.
    dialect = dialects.of(engine)
    with engine.connect() as connection, dialect.begin(connection, [Lock.hub()]):
        if current(connection) is not None:
            return  # another process was faster
        metadata.create_all(connection)
        dialect.create_text_index(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
