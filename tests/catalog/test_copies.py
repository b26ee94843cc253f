"""Copies between databases of both kinds, with rows in every table."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import stat
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, open_catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.community_tables import metadata
from entrepot.catalog.copies import check_empty, copy_database, copy_to_file, sum_of
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text
from entrepot.errors import DataFolderError
from entrepot.names import RepoType
from tests.catalog.conftest import DATABASES
from tests.support.postgres import PostgresServer

ROWS = 3


@pytest.fixture(params=DATABASES)
def other(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Catalog]:
    """An empty database of each kind."""
    server: PostgresServer | None = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    url = f"sqlite:///{tmp_path / 'other.db'}" if server is None else server.create_with_tables()
    with contextlib.closing(open_catalog(url)) as opened:
        yield opened
    if server is not None:
        server.drop(url)


def value_of(column: sa.Column[Any], number: int) -> object:
    """Return a value that no other row has."""
    for key in column.foreign_keys:
        own = key.column.table is column.table
        return value_of(key.column, number % ROWS + 1 if own else number)  # the first row refers to the second one
    if isinstance(column.type, tables.Hex):
        return f"{number:02x}" * (getattr(column.type.impl_instance, "length", None) or 20)
    if isinstance(column.type, tables.Json):
        return {"b": [number, 2.5, None, "é", "nul \\u0000"], "a": {}}
    if isinstance(column.type, sa.Boolean):
        return number % 2 == 0
    if isinstance(column.type, sa.Integer):
        return number
    if isinstance(column.type, sa.Float):
        return number + 0.1
    if isinstance(column.type, sa.LargeBinary):
        return bytes([0, 255, number])
    return f"{column.name[:8]}{number}"[: column.type.length if isinstance(column.type, sa.String) else None]


def fill(catalog: Catalog) -> None:
    """Add rows to every table."""
    with catalog.fill() as tx:
        for table in metadata.sorted_tables:
            stored = [column for column in table.columns if column.computed is None]
            rows = [{column.name: value_of(column, number) for column in stored} for number in (1, 2, 3)]
            own = [column.name for column in table.columns if any(k.column.table is table for k in column.foreign_keys)]
            tx.sql.execute(sa.insert(table), [row | dict.fromkeys(own) for row in rows])
            for row in rows if own else ():
                same = sa.and_(*(column == row[column.name] for column in table.primary_key.columns))
                tx.sql.execute(sa.update(table).where(same).values({name: row[name] for name in own}))


def sums(catalog: Catalog) -> dict[str, object]:
    with catalog.read() as tx:
        return {table.name: sum_of(tx, table) for table in metadata.sorted_tables}


def test_every_row_of_every_table_is_copied(catalog: Catalog, other: Catalog) -> None:
    fill(catalog)
    seen: list[tuple[str, int]] = []
    assert copy_database(catalog, other, lambda table, rows: seen.append((table, rows))) == ROWS * len(seen)
    assert {table for table, _ in seen} == set(metadata.tables)
    assert sums(catalog) == sums(other)
    with catalog.read() as old, other.read() as new:
        for table in metadata.sorted_tables:
            rows = sa.select(table).order_by(*table.primary_key.columns)
            assert list(old.sql.execute(rows)) == list(new.sql.execute(rows)), table.name


def test_numbers_of_new_rows_follow_those_of_copied_ones(catalog: Catalog, other: Catalog) -> None:
    fill(catalog)
    copy_database(catalog, other)
    with other.write() as tx:
        assert accounts.add(tx, accounts.fresh("new", "user", 1)).id > ROWS


def test_no_value_and_null_in_json_stay_different(
    catalog: Catalog, other: Catalog, add_repo: Callable[..., RepoRow]
) -> None:
    repos = tables.repos
    ids = [add_repo(name).id for name in "ab"]
    with catalog.fill() as tx:
        tx.sql.execute(sa.update(repos).where(repos.c.id == ids[0]).values(card=sa.null()))
        tx.sql.execute(sa.update(repos).where(repos.c.id == ids[1]).values(card=sa.JSON.NULL))
    copy_database(catalog, other)
    with other.read() as tx:
        assert tx.sql.execute(sa.select(repos.c.id).where(repos.c.card.is_(sa.null()))).scalars().all() == ids[:1]


def test_texts_of_cards_are_found_in_the_copy(
    catalog: Catalog, other: Catalog, add_repo: Callable[..., RepoRow]
) -> None:
    row = add_repo("bert")
    with catalog.fill() as tx:
        full_text.put(tx, row.id, "alice/bert", ["mit"], "a card about whales")
    copy_database(catalog, other)
    query = full_text.query_of("whal")
    assert query is not None
    with other.read() as tx:
        [found] = full_text.find(tx, query, None, [RepoType.MODEL], skip=0, limit=5).items
    assert found.row.id == row.id


def test_a_database_with_rows_is_not_filled(catalog: Catalog, other: Catalog) -> None:
    with other.read() as tx:
        check_empty(tx)
    fill(other)
    before = sums(other)
    with pytest.raises(DataFolderError, match="it is not empty"):
        copy_database(catalog, other)
    assert sums(other) == before


def test_an_interrupted_copy_leaves_an_empty_database(catalog: Catalog, other: Catalog) -> None:
    fill(catalog)

    def stop(table: str, _rows: int) -> None:
        if table == "files":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_database(catalog, other, stop)
    with other.read() as tx:
        check_empty(tx)
    copy_database(catalog, other)
    assert sums(catalog) == sums(other)


def test_any_database_becomes_one_file(catalog: Catalog, tmp_path: pathlib.Path) -> None:
    fill(catalog)
    (tmp_path / "backup").mkdir()
    target = tmp_path / "backup/catalog.sqlite3"
    copy_to_file(catalog, target)
    assert [path.name for path in target.parent.iterdir()] == ["catalog.sqlite3"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with contextlib.closing(sqlite3.connect(target)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with contextlib.closing(open_catalog(f"sqlite:///{target}")) as copied:
        assert sums(copied) == sums(catalog)
