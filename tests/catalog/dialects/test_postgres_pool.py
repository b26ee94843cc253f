"""Pooled connections take part in transactions with their prepared statements, and are ready again after them."""

from types import SimpleNamespace
from typing import Any

import pytest
from psycopg.pq import TransactionStatus

from entrepot.catalog import Catalog, Lock, hub_metadata
from tests.catalog.dialects.test_postgres_statements import FIND, hang_up, prepared_statements


def test_a_writing_transaction_reads_with_the_statements_of_the_others(opened: Catalog) -> None:
    with opened.read() as tx:
        FIND.all(tx, {"key": "a"})
    before = prepared_statements(opened)
    with opened.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
        assert FIND.scalar(tx, {"key": "a"}) == "1"
    assert prepared_statements(opened) == before + 2, "the locks and the insert"


def test_a_connection_that_is_lost_while_its_transaction_ends_is_replaced(opened: Catalog) -> None:
    with opened.read() as tx:
        FIND.all(tx, {"key": "a"})
        driver: Any = tx.driver
    hang_up(SimpleNamespace(driver=driver))  # type: ignore[arg-type]  # it needs no more of a transaction
    with opened.read() as tx:
        assert FIND.all(tx, {"key": "a"}) == []
        assert tx.driver is not driver


@pytest.mark.parametrize("next_use", ["read", "write", "sqlalchemy"])
def test_a_connection_is_ready_for_the_next_transaction_although_nothing_waited_for_the_end(
    opened: Catalog, next_use: str
) -> None:
    with opened.read() as tx:
        FIND.all(tx, {"key": "a"})
        driver: Any = tx.driver
    assert driver._pgconn.transaction_status == TransactionStatus.ACTIVE, "the end is on its way"
    if next_use == "read":
        with opened.read() as tx:
            assert FIND.all(tx, {"key": "a"}) == []
    elif next_use == "write":
        with opened.write(Lock.hub()) as tx:
            assert hub_metadata.put_first(tx, "a", "1") == "1"
            assert tx.driver is driver
    else:
        with opened._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
