"""Transactions that the driver begins, and that SQLAlchemy joins if it is needed."""

from __future__ import annotations

from entrepot.catalog import Catalog, Lock, hub_metadata


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
        assert tx.sql.connection.dbapi_connection is tx.driver
