"""Tables of new databases of a test run, made by statements that SQLAlchemy has written once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from entrepot.catalog import dialects, schema
from entrepot.catalog.named_locks import Lock

create_as_users_do = schema._create


def make_tables_quickly() -> None:
    """Let the first new database of SQLite in this process be made as users have it, and others by its statements.

    More than a thousand tests make a database, and writing the statements takes several times as long as executing
    them. Tests of the tables themselves (``empty_database``) and processes that tests start make them as users have
    them. Databases of PostgreSQL are copied; see tests/support/postgres.py.
    """
    known: list[tuple[str, Any]] = []

    def create(engine: sa.Engine) -> None:
        if engine.dialect.name != "sqlite":
            create_as_users_do(engine)
        elif not known:
            known[:] = _noted(engine)
        else:
            with engine.connect() as connection, dialects.of(engine).begin(connection, [Lock.hub()]):
                if schema.current(connection) is None:
                    for statement, parameters in known:
                        connection.exec_driver_sql(statement, parameters)

    schema._create = create


def _noted(engine: sa.Engine) -> list[tuple[str, Any]]:
    """Create the tables; return the statements that did it, or none if another process was faster."""
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_others: object) -> None:
        if statement.split(None, 1)[0] in ("CREATE", "INSERT"):
            found.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        create_as_users_do(engine)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return found
