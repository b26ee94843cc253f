"""Several statements travel with one message, and a lost connection is noticed."""

import psycopg
import pytest

from entrepot.catalog import Catalog, Lock, Read
from entrepot.errors import DatabaseUnavailable
from tests.catalog.dialects.test_postgres_statements import FIND, defer, hang_up, terminate_others


def test_a_connection_that_is_lost_inside_a_transaction_is_replaced(
    opened: Catalog, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def read(tx: Read) -> None:
        terminate_others(url)
        FIND.all(tx, {"key": "a"})

    with pytest.raises(DatabaseUnavailable), opened.read() as tx:
        read(tx)
    with opened.read() as tx:
        assert FIND.all(tx, {"key": "a"}) == []
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_server_that_goes_without_a_word_is_an_outage_until_the_next_transaction(opened: Catalog, when: str) -> None:
    """libpq still calls such a connection good, and its error has no state."""
    with opened.read() as tx:
        assert FIND.all(tx, {"key": "a"}) == []
        if when == "before":
            hang_up(tx)

    def read(tx: Read) -> None:
        hang_up(tx)
        FIND.all(tx, {"key": "a"})

    with pytest.raises(DatabaseUnavailable), opened.read() as tx:
        read(tx)
    with opened.read() as tx:
        assert FIND.all(tx, {"key": "a"}) == []


def test_changes_of_one_message_all_take_effect_or_none_and_the_first_error_counts(opened: Catalog) -> None:
    add, broken = "INSERT INTO meta (key, value) VALUES (%(key)s, 'x')", "SELECT 1 / length(%(key)s)"
    with opened.write(Lock.hub()) as tx:
        defer(tx, *[(add, {"key": key}) for key in ("a", "b")])
        tx.driver.flush()
        defer(tx, (add, {"key": "c"}), (broken, {"key": ""}), (add, {"key": "a"}))
        with pytest.raises(psycopg.errors.DivisionByZero):
            tx.driver.flush()
        tx.sql.rollback()
    with opened.write(Lock.hub()) as tx:
        defer(tx, *[(add, {"key": key}) for key in ("a", "b")])
    with opened.read() as later:
        assert [FIND.scalar(later, {"key": key}) for key in ("a", "b", "c")] == ["x", "x", None]


def test_a_connection_that_is_lost_in_the_middle_of_a_message_is_replaced(opened: Catalog) -> None:
    end = "SELECT pg_terminate_backend(pg_backend_pid())"

    def read(tx: Read, *asked: str) -> None:
        defer(tx, *[(text, {}) for text in asked])
        tx.driver.flush()
        hang_up(tx)
        defer(tx, ("SELECT 1", {}), ("SELECT 2", {}))
        tx.driver.flush()

    for asked in (("SELECT 1",), ("SELECT 1", end), ("SELECT 1", end, "SELECT 2")):
        with pytest.raises(DatabaseUnavailable), opened.read() as tx:
            read(tx, *asked)
        with opened.read() as tx:
            assert FIND.all(tx, {"key": "a"}) == []
