from __future__ import annotations

import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from entrepot.catalog import schema
from entrepot.catalog.engines import make_engine
from tests.support.ready_tables import place_copy, upgrade_as_users_do


def made(file: pathlib.Path, upgrade: Callable[[sa.Engine], None]) -> list[tuple[object, ...]]:
    engine = make_engine(f"sqlite:///{file}")
    upgrade(engine)
    upgrade(engine)  # as a process that was slower: the tables stay
    with engine.connect() as connection:
        assert schema.current(connection) == schema.HEAD
        found = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").all()
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "page_size", "encoding")
        ]
    engine.dispose()
    return [*(tuple(row) for row in found), tuple(settings)]


def test_the_tables_are_those_that_users_have(tmp_path: pathlib.Path) -> None:
    expected = made(tmp_path / "users", upgrade_as_users_do)
    assert len(expected) > 100
    assert schema.upgrade is not upgrade_as_users_do
    for name in ("first", "second"):
        assert made(tmp_path / name, schema.upgrade) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second", "users"]


def test_a_database_that_exists_is_not_replaced(tmp_path: pathlib.Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'file'}")
    upgrade_as_users_do(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE own (id INTEGER)")
    place_copy(tmp_path / "file")
    with engine.connect() as connection:
        assert sa.inspect(connection).has_table("own")
    engine.dispose()


def test_nobody_sees_a_part_of_a_copy(tmp_path: pathlib.Path) -> None:
    # Half of the threads open the database as other processes do.
    for number in range(5):
        file = tmp_path / f"file{number}"

        def read(turn: int, file: pathlib.Path = file) -> str | None:
            engine = make_engine(f"sqlite:///{file}")
            try:
                (schema.upgrade if turn % 2 else upgrade_as_users_do)(engine)
                with engine.connect() as connection:
                    return schema.current(connection)
            finally:
                engine.dispose()

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(read, range(4))) == [schema.HEAD] * 4
