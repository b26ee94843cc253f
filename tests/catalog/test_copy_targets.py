from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from entrepot.catalog import open_catalog, schema
from entrepot.catalog.copy_targets import find_tables
from entrepot.catalog.engines import make_engine
from entrepot.errors import DataFolderError
from tests.support.postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database."""
    found = postgres.url(postgres.create())
    yield found
    postgres.drop(found)


def execute(url: str, *statements: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def tables_of(url: str) -> list[str]:
    engine = make_engine(url)
    try:
        return sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_an_empty_database_can_be_used_and_stays_empty(url: str) -> None:
    assert find_tables(url, connect_s=10) is None
    assert tables_of(url) == []


def test_the_tables_of_a_hub_are_found(postgres: PostgresServer) -> None:
    url = postgres.create_with_tables()
    found = find_tables(url, connect_s=10)
    assert found is not None
    found.close()
    postgres.drop(url)


def test_tables_of_another_version_or_application_are_refused(url: str) -> None:
    execute(url, "CREATE TABLE repos (id int)")
    with pytest.raises(DataFolderError, match="another application has a table 'repos'"):
        find_tables(url, connect_s=10)
    execute(url, "CREATE TABLE alembic_version (version_num text)", "INSERT INTO alembic_version VALUES ('old')")
    with pytest.raises(DataFolderError, match=r"another version of entrepot \(old\)"):
        find_tables(url, connect_s=10)
    assert schema.HEAD != "old"


def test_a_user_without_rights_or_a_server_that_only_reads_is_refused(url: str) -> None:
    name = sa.make_url(url).database
    execute(url, "DROP ROLE IF EXISTS poor", "CREATE ROLE poor LOGIN")
    with pytest.raises(DataFolderError, match="may not create tables"):
        find_tables(url.replace("postgres@", "poor@"), connect_s=10)
    execute(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DataFolderError, match="read-only"):
        find_tables(url, connect_s=10)


def test_a_user_who_may_not_read_the_tables_is_told_what_to_do(postgres: PostgresServer) -> None:
    url = postgres.create_with_tables()
    execute(url, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN")
    as_reader = url.replace("postgres@", "reader@")
    for look in (lambda: find_tables(as_reader, connect_s=10), lambda: open_catalog(as_reader)):
        with pytest.raises(DataFolderError, match=r"permission denied for table.*the owner of the database"):
            look()
    postgres.drop(url)


def test_a_user_who_may_not_create_tables_is_told_what_to_do(url: str) -> None:
    execute(url, "DROP ROLE IF EXISTS poorest", "CREATE ROLE poorest LOGIN")
    with pytest.raises(DataFolderError, match=r"permission denied for schema.*the owner of the database"):
        open_catalog(url.replace("postgres@", "poorest@"))
    execute(url, "DROP SCHEMA public CASCADE")
    with pytest.raises(DataFolderError, match=r"no schema.*the owner of the database"):
        open_catalog(url)


def test_another_encoding_or_no_server_is_refused(url: str, postgres: PostgresServer) -> None:
    execute_outside = make_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    with execute_outside.connect() as connection:
        connection.exec_driver_sql(
            "CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    execute_outside.dispose()
    with pytest.raises(DataFolderError, match="its encoding is SQL_ASCII"):
        find_tables(postgres.url("plain"), connect_s=10)
    postgres.drop(postgres.url("plain"))
    with pytest.raises(DataFolderError, match="database"):
        find_tables("postgresql://hub:s3cret@127.0.0.1:9/hub", connect_s=2)
