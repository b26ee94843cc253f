from __future__ import annotations

import pathlib
from collections.abc import Callable

import sqlalchemy as sa

from entrepot.catalog import schema
from entrepot.catalog.engines import make_engine
from tests.support.ready_tables import create_as_users_do


def made(file: pathlib.Path, create: Callable[[sa.Engine], None]) -> list[tuple[object, ...]]:
    engine = make_engine(f"sqlite:///{file}")
    create(engine)
    create(engine)  # as a process that was slower: the tables stay
    with engine.connect() as connection:
        assert schema.current(connection) == schema.HEAD
        found = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").all()
    engine.dispose()
    return [tuple(row) for row in found]


def test_the_tables_are_those_that_users_have(tmp_path: pathlib.Path) -> None:
    expected = made(tmp_path / "users", create_as_users_do)
    assert len(expected) > 100
    for name in ("first", "second"):
        assert made(tmp_path / name, schema._create) == expected
