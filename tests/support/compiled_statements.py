"""One cache of compiled statements for all databases of a test run."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache


def share_compiled_statements() -> None:
    """Let all engines of SQLite compile each statement once together.

    SQLAlchemy keeps compiled statements for each engine, by the dialect among other things. The tests have an
    engine each, with dialects that differ in nothing, and compiling takes most of the time of a short test.
    """
    compiled: LRUCache[object, object] = LRUCache(5_000)
    sa.Engine._compiled_cache = property(lambda _engine: compiled, lambda _engine, _own: None)  # type: ignore[assignment]
    SQLiteDialect_pysqlite.__eq__ = lambda self, other: type(self) is type(other)
    SQLiteDialect_pysqlite.__hash__ = lambda self: hash(type(self))
