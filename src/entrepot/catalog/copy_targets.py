"""Checks of the PostgreSQL database into which a hub is to be copied; they change nothing."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from entrepot.catalog import engines, schema
from entrepot.catalog.community_tables import metadata  # of all tables: it imports the others
from entrepot.catalog.database import Catalog
from entrepot.errors import DatabaseUnavailable, DataFolderError

_PLACE: Final = "(database)"
_LEAST_VERSION: Final = 150_000
_ABOUT = sa.text(
    "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding, "
    "current_schema() AS schema, has_schema_privilege(current_schema(), 'CREATE') AS creates, "
    "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS is_read_only"
)


def find_tables(url: str, *, connect_s: int) -> Catalog | None:
    """Return the tables of a hub in a database, to be closed by the caller; None if the database is empty and usable.

    Args:
        url: a PostgreSQL URL.
        connect_s: how long to wait for the server when connecting.

    Raises:
        DataFolderError: it cannot be reached or used; the message says why.
    """
    engine = engines.make_engine(url, pool_size=2, connect_s=connect_s)
    try:
        with engines.translated(), engine.connect() as connection:
            _check_server(connection)
            found = schema.current(connection)
            if found is None:
                _check_free(connection)
        if found is None:
            engine.dispose()
            return None
        if found != schema.HEAD:
            raise DataFolderError(_PLACE, f"it has tables of another version of entrepot ({found}); name an empty one")
        return Catalog(engine)
    except DatabaseUnavailable as error:
        engine.dispose()
        raise DataFolderError(_PLACE, error.detail) from error
    except BaseException:
        engine.dispose()
        raise


def _check_server(connection: sa.Connection) -> None:
    about = connection.execute(_ABOUT).one()
    if about.version < _LEAST_VERSION:
        raise DataFolderError(_PLACE, f"its server is PostgreSQL {about.version // 10_000}; 15 or later is needed")
    if about.encoding != "UTF8":
        raise DataFolderError(_PLACE, f"its encoding is {about.encoding}; create it with --encoding UTF8")
    if about.is_read_only:
        raise DataFolderError(_PLACE, "it is read-only, perhaps a standby; name the primary server")


def _check_free(connection: sa.Connection) -> None:
    """Check that tables may be created, and that none of them has its name taken by another application."""
    about = connection.execute(_ABOUT).one()
    if about.schema is None or not about.creates:
        raise DataFolderError(
            _PLACE, "its user may not create tables in it; make it the owner of the database (createdb --owner)"
        )
    taken = sorted({*metadata.tables, "repo_texts"} & set(sa.inspect(connection).get_table_names()))
    if taken:
        raise DataFolderError(_PLACE, f"another application has a table {taken[0]!r} in it; name an empty database")
