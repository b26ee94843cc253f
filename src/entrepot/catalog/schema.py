"""Bringing a database to the schema of this version."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.errors import DataFolderError

HEAD = "first_f944184f01d4"
"""The newest migration in ``migrations/versions``."""

KNOWN = frozenset({HEAD})
"""Every migration this version can start from."""


def current(connection: sa.Connection) -> str | None:
    """The migration a database is at; ``None`` for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: sa.Engine) -> None:
    """Create the tables, or apply the migrations that are missing.

    Guarantees: two processes that start at once apply them once: the
    transaction takes the write lock before it looks.

    Raises:
        DataFolderError: the database was written by a newer version, or
            by a development version before the first release.
    """
    with engine.connect() as connection:
        found = current(connection)
    if found == HEAD:
        return
    if found is not None and found not in KNOWN:
        raise DataFolderError(
            str(engine.url.database),
            f"its database has schema {found!r}, which this version does not know (it knows {HEAD!r}); it was "
            "written by a newer entrepot, or by a development version from before the first release: upgrade "
            "entrepot, or start in another folder with --data and bring the repositories over with git clone "
            "--mirror and 'entrepot import'",
        )
    # Imported only when there is something to do: it doubles the start-up time.
    from entrepot.catalog.migrations import run

    run.upgrade(engine)
