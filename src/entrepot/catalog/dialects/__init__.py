"""Differences between SQL databases: one module for each kind, imported when such a database is opened."""

from __future__ import annotations

import functools

import sqlalchemy as sa

from entrepot.catalog.dialects.interfaces import Dialect as Dialect
from entrepot.errors import DataFolderError


def of_url(url: str) -> Dialect:
    """Return the dialect of a database.

    Raises:
        DataFolderError: the dialect is not supported.
    """
    name = url.partition(":")[0].partition("+")[0]
    if name not in ("sqlite", "postgresql"):
        raise DataFolderError(name, "this version supports SQLite and PostgreSQL databases only")
    return named(name)


@functools.cache
def named(name: str) -> Dialect:
    """Return the dialect with SQLAlchemy's name."""
    # Imported here: a hub on SQLite does without what SQLAlchemy knows of PostgreSQL.
    if name == "postgresql":
        from entrepot.catalog.dialects.postgres import PostgreSQL

        return PostgreSQL()
    from entrepot.catalog.dialects.sqlite import SQLite

    return SQLite()


def of(connection: sa.Connection | sa.Engine) -> Dialect:
    """Return the dialect of an open database."""
    return named(connection.dialect.name)
