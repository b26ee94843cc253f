"""Transactions that the driver begins, and that SQLAlchemy joins if it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.catalog import Catalog, Lock, hub_metadata, open_catalog
from entrepot.errors import DataFolderError


def test_a_transaction_ends_whether_sqlalchemy_was_needed_or_not(catalog: Catalog) -> None:
    for needs in (False, True, False, True):
        with catalog.read() as tx:
            if needs:
                hub_metadata.find(tx, "a")
            driver = tx.driver
        if catalog.is_file:
            assert not driver.in_transaction
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
    with catalog.read() as tx:
        assert hub_metadata.find(tx, "a") == "1"


def test_a_transaction_that_fails_gives_its_connection_back(catalog: Catalog) -> None:
    for _ in range(200):  # more than there are connections
        try:
            with catalog.read() as tx:
                hub_metadata.find(tx, "a")
                raise KeyError
        except KeyError:
            pass


def test_sqlalchemy_has_one_connection_in_a_transaction(catalog: Catalog) -> None:
    with catalog.read() as tx:
        assert tx.sql is tx.sql
        if catalog.is_file:
            assert tx.sql.connection.dbapi_connection is tx.driver
        else:
            number = "SELECT pg_backend_pid()"
            assert [(tx.sql.exec_driver_sql(number).scalar_one(),)] == tx.driver.execute(number, {}).fetchall()


def test_a_database_that_cannot_be_opened_is_named_in_an_error_of_the_project(tmp_path: Path) -> None:
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    opened.close()
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "catalog.sqlite3").mkdir()
    with pytest.raises(DataFolderError), opened.read():
        pass
