"""What differs between SQL databases, one module for each."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog.dialects import postgres, sqlite
from entrepot.catalog.dialects.interfaces import Dialect as Dialect
from entrepot.errors import DataFolderError

_DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.SQLite(), "postgresql": postgres.PostgreSQL()}


def of_url(url: str) -> Dialect:
    """Return the dialect of a database.

    Raises:
        DataFolderError: the dialect is not supported.
    """
    name = url.partition(":")[0].partition("+")[0]
    if name not in _DIALECTS:
        raise DataFolderError(name, "this version supports SQLite and PostgreSQL databases only")
    return _DIALECTS[name]


def named(name: str) -> Dialect:
    """Return the dialect with SQLAlchemy's name."""
    return _DIALECTS[name]


def of(connection: sa.Connection | sa.Engine) -> Dialect:
    """Return the dialect of an open database."""
    return _DIALECTS[connection.dialect.name]
