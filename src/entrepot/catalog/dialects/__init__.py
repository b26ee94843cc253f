"""What differs between SQL databases, one module for each."""

from __future__ import annotations

import functools

import sqlalchemy as sa

from entrepot.catalog.dialects import sqlite
from entrepot.catalog.dialects.interfaces import Dialect as Dialect
from entrepot.errors import DataFolderError

_NAMES = ("sqlite", "postgresql")


def of_url(url: str) -> Dialect:
    """Return the dialect of a database.

    Raises:
        DataFolderError: the dialect is not supported.
    """
    name = url.partition(":")[0].partition("+")[0]
    if name not in _NAMES:
        raise DataFolderError(name, "this version supports SQLite and PostgreSQL databases only")
    return named(name)


@functools.cache
def named(name: str) -> Dialect:
    """Return the dialect with SQLAlchemy's name; PostgreSQL's is imported at the first use."""
    if name == "sqlite":
        return sqlite.SQLite()
    from entrepot.catalog.dialects import postgres

    return postgres.PostgreSQL()


def of(connection: sa.Connection | sa.Engine) -> Dialect:
    """Return the dialect of an open database."""
    return named(connection.dialect.name)
