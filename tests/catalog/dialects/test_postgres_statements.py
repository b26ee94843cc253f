"""Statements run by the functions of libpq give what psycopg gives, and survive what happens to connections."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.pq import TransactionStatus

from entrepot.catalog import Catalog, Lock, Read, Write, hub_metadata, open_catalog, tables
from entrepot.catalog.dialects import postgres
from entrepot.catalog.dialects.postgres_statements import BEGIN_WRITING, PreparedConnection
from entrepot.catalog.prepared import Prepared, PreparedWrite
from entrepot.errors import DatabaseUnavailable
from tests.support.database_messages import count_messages

_M = tables.meta
FIND = Prepared(sa.select(_M.c.value).where(_M.c.key == sa.bindparam("key")))
KINDS = (
    "SELECT %(one)s::INTEGER, %(large)s::BIGINT, %(text)s::VARCHAR, %(bytes)s::BYTEA, %(yes)s::BOOLEAN, "
    "%(real)s::DOUBLE PRECISION, %(none)s::VARCHAR, %(text)s || '100 %%', ARRAY[1, 2], '{\"a\": [1]}'::JSONB, "
    "%(one)s::INTEGER + %(one)s::INTEGER, 12345678901234567890, NULL::BYTEA"
)
VALUES: list[dict[str, Any]] = [
    {"one": 1, "large": 1 << 60, "text": "ü\n'\"\\", "bytes": b"\0\xff\\x", "yes": True, "real": 0.1, "none": None},
    {"one": -70_000, "large": 0, "text": "", "bytes": b"", "yes": False, "real": -1e300, "none": None},
    {"one": 40_000, "large": -1, "text": "a\0b", "bytes": bytes(70_000), "yes": True, "real": 3.0, "none": "x"},
]


def prepared_statements(catalog: Catalog) -> int:
    with catalog.read() as tx:
        query = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'entrepot_%%'"
        [(count,)] = tx.driver.execute(query, {}).fetchall()
        return int(count)


def terminate_others(url: str) -> None:
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as other:
        assert other.exec_driver_sql(f"SELECT count(pg_terminate_backend(pid, 60000)) {others}").scalar_one() >= 1
    engine.dispose()


def hang_up(tx: Read) -> None:
    """Make the server's end of the connection of a transaction seem closed."""
    with socket.socket(fileno=os.dup(tx.driver._pgconn.socket)) as end:
        end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("values", VALUES)
def test_values_are_those_of_psycopg(opened: Catalog, values: dict[str, Any]) -> None:
    with opened.read() as tx:
        expected = [tuple(row) for row in tx.sql.exec_driver_sql(KINDS, values)]
        for _ in range(2):
            found = tx.driver.execute(KINDS, values).fetchall()
            assert found == expected
            assert [type(value) for value in found[0]] == [type(value) for value in expected[0]]


def test_a_statement_is_prepared_once_whatever_its_numbers_are(opened: Catalog) -> None:
    before = prepared_statements(opened)
    for number in (1, 40_000, 1 << 40, -5):
        with opened.read() as tx:
            assert tx.driver.execute("SELECT %(n)s::BIGINT", {"n": number}).fetchall() == [(number,)]
    assert prepared_statements(opened) == before + 1


def test_statements_that_psycopg_has_dropped_are_prepared_again(opened: Catalog) -> None:
    for number in range(4):
        with contextlib.suppress(KeyError), opened.write(Lock.hub()) as tx:
            hub_metadata.put_first(tx, f"a{number}", "1")
            driver: Any = tx.sql.connection.dbapi_connection
            driver.execute("SELECT 1", prepare=True)
            raise KeyError
        for _ in range(2):
            with opened.read() as tx:
                assert FIND.scalar(tx, {"key": "b"}) is None
    assert prepared_statements(opened) <= 2


def test_a_statement_that_somebody_drops_is_prepared_again_by_the_next_transaction(opened: Catalog) -> None:
    def read(tx: Read) -> None:
        FIND.all(tx, {"key": "a"})
        tx.sql.exec_driver_sql("DEALLOCATE ALL")
        FIND.all(tx, {"key": "a"})

    with pytest.raises(DatabaseUnavailable), opened.read() as tx:
        read(tx)
    with opened.read() as tx:
        assert FIND.all(tx, {"key": "a"}) == []


def test_a_statement_whose_tables_have_changed_is_prepared_anew_by_the_next_transaction(
    opened: Catalog, url: str
) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    for kind in ("VARCHAR(50)", "TEXT"):
        with opened.read() as tx:
            assert FIND.all(tx, {"key": "a"}) == []
        with engine.begin() as other:
            other.exec_driver_sql(f"ALTER TABLE meta ALTER COLUMN value TYPE {kind}")
        # A type of the same size on the wire is told apart by the server only, if at all.
        with contextlib.suppress(DatabaseUnavailable), opened.read() as tx:
            FIND.all(tx, {"key": "a"})
        for _ in range(2):
            with opened.read() as tx:
                assert FIND.all(tx, {"key": "a"}) == []
    engine.dispose()


def test_a_pooler_that_mixes_connections_never_mixes_answers(opened: Catalog) -> None:
    secret = Prepared(sa.select(_M.c.key).where(_M.c.value == sa.bindparam("key")))
    with opened.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "secret", "guess")
    with opened.read() as tx:
        FIND.all(tx, {"key": "guess"})
        tx.driver.end()
        tx.driver._pgconn.exec_(b"DISCARD ALL")
        # As if the connection were that of another client, which has prepared as many statements.
        connection: Any = tx.sql.connection.dbapi_connection
        other = SimpleNamespace(driver=PreparedConnection(connection, lambda: None), dialect=tx.dialect)
        secret.all(other, {"key": "guess"})
    for _ in range(3):
        with contextlib.suppress(DatabaseUnavailable), opened.read() as tx:
            assert FIND.all(tx, {"key": "guess"}) == []
            assert secret.scalar(tx, {"key": "guess"}) == "secret"
    with opened.read() as tx:
        assert FIND.all(tx, {"key": "guess"}) == []


def test_a_failed_statement_fails_its_transaction_only(opened: Catalog) -> None:
    broken = Prepared(sa.select(sa.cast(sa.bindparam("text"), sa.Integer)))
    with pytest.raises(sa.exc.DataError), opened.read() as tx:
        broken.all(tx, {"text": "x"})
    with opened.read() as tx:
        assert broken.scalar(tx, {"text": "7"}) == 7


def test_readers_cannot_write(opened: Catalog) -> None:
    with pytest.raises(sa.exc.InternalError, match="read-only"), opened.read() as tx:
        tx.driver.execute("DELETE FROM meta", {})


def test_all_statements_of_a_transaction_see_one_snapshot(url: str) -> None:
    catalog = open_catalog(url, pool_size=2)
    with catalog.read() as tx:
        assert FIND.scalar(tx, {"key": "a"}) is None
        done = threading.Event()

        def write() -> None:
            with catalog.write(Lock.hub()) as other:
                hub_metadata.put_first(other, "a", "1")
            done.set()

        threading.Thread(target=write).start()
        assert done.wait(60)
        assert FIND.scalar(tx, {"key": "a"}) is None
        assert hub_metadata.find(tx, "a") is None, "SQLAlchemy is in the same transaction"
    with catalog.read() as tx:
        assert FIND.scalar(tx, {"key": "a"}) == "1"
    catalog.close()


def test_a_transaction_on_a_lost_connection_begins_on_another_and_the_others_are_suspect(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_TRUSTED_S", 3_600.0)
    catalog = open_catalog(url, pool_size=4)
    with catalog.read() as one, catalog.read() as two, catalog.read() as three:
        assert {FIND.scalar(tx, {"key": "a"}) for tx in (one, two, three)} == {None}
    terminate_others(url)
    with catalog.read() as one, catalog.read() as two, catalog.read() as three:
        assert {FIND.scalar(tx, {"key": "a"}) for tx in (one, two, three)} == {None}
    catalog.close()


def test_a_read_through_sqlalchemy_leaves_the_statements_prepared(opened: Catalog) -> None:
    with opened.read() as tx:
        FIND.all(tx, {"key": "a"})
    before = prepared_statements(opened)
    for _ in range(3):
        with opened.read() as tx:
            hub_metadata.find(tx, "a")
            tx.sql.exec_driver_sql("SELECT 1")
        with contextlib.suppress(KeyError), opened.read() as tx:
            tx.sql.exec_driver_sql("SELECT 1")
            raise KeyError
    assert prepared_statements(opened) == before >= 1


def defer(tx: Read, *asked: tuple[str, dict[str, Any]]) -> None:
    for text, values in asked:
        tx.driver.defer(text, values)


@pytest.mark.parametrize("through", ["prepared", "sqlalchemy", "end"])
@pytest.mark.parametrize("lock", [Lock.hub(), Lock.nothing()])
def test_changes_wait_for_the_next_statement_or_the_end_of_their_transaction(
    opened: Catalog, url: str, through: str, lock: Lock
) -> None:
    add = "INSERT INTO meta (key, value) VALUES (%(key)s, 'x')"
    with opened.write(lock) as tx:
        defer(tx, (add, {"key": "a"}), (add, {"key": "b"}))
        if through == "prepared":
            assert FIND.scalar(tx, {"key": "b"}) == "x"
        if through == "sqlalchemy":
            assert tx.sql.exec_driver_sql("SELECT count(*) FROM meta WHERE key IN ('a', 'b')").scalar() == 2
        defer(tx, (add, {"key": "c"}))
    catalog = open_catalog(url, pool_size=1)
    with catalog.read() as other:
        assert [FIND.scalar(other, {"key": key}) for key in ("a", "b", "c")] == ["x", "x", "x"]
    catalog.close()


@pytest.mark.parametrize("count", [1, 200])
def test_changes_that_wait_are_dropped_if_the_transaction_fails(opened: Catalog, count: int) -> None:
    add = "INSERT INTO meta (key, value) VALUES (%(key)s, 'x')"
    with contextlib.suppress(KeyError), opened.write(Lock.hub()) as tx:
        defer(tx, *[(add, {"key": f"a{number}"}) for number in range(count)])
        raise KeyError
    for lock in (Lock.hub(), Lock.nothing()):
        with opened.write(lock) as tx:
            defer(tx, (add, {"key": lock.kind.name}))
        with opened.read() as later:
            assert FIND.scalar(later, {"key": lock.kind.name}) == "x"
            assert FIND.scalar(later, {"key": "a0"}) is None


def test_an_error_of_a_change_that_waited_ends_the_transaction_without_effect(opened: Catalog) -> None:
    add = "INSERT INTO meta (key, value) VALUES (%(key)s, 'x')"
    with pytest.raises(sa.exc.IntegrityError), opened.write(Lock.hub()) as tx:
        defer(tx, (add, {"key": "a"}), (add, {"key": "b"}), (add, {"key": "a"}))
    with opened.read() as later:
        assert FIND.scalar(later, {"key": "b"}) is None


def test_a_transaction_whose_error_was_not_passed_on_is_not_taken_for_committed(opened: Catalog) -> None:
    def write(tx: Write) -> None:
        hub_metadata.put_first(tx, "a", "1")
        with contextlib.suppress(psycopg.Error):
            tx.driver.execute("SELECT 1 / 0", {})

    with pytest.raises(sa.exc.InternalError, match="has failed"), opened.write(Lock.hub()) as tx:
        write(tx)
    with opened.read() as later:
        assert FIND.scalar(later, {"key": "a"}) is None


def test_a_change_without_locks_and_its_end_are_two_messages(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened.write(Lock.nothing()) as tx:
        driver: Any = tx.driver
        defer(tx, ("DELETE FROM meta WHERE key = %(key)s", {"key": "a"}))
    sent = count_messages(monkeypatch)
    with opened.write(Lock.nothing()) as tx:
        assert tx.driver is driver
        defer(tx, ("DELETE FROM meta WHERE key = %(key)s", {"key": "a"}))
    assert sent == [3, 1], "beginning, change and number of the transaction; then its end"
    with opened.write(Lock.nothing()):
        pass
    assert len(sent) == 2, "nothing was done"


def test_a_connection_that_is_lost_inside_a_writing_transaction_is_replaced(opened: Catalog) -> None:
    def write(tx: Write) -> None:
        hub_metadata.put_first(tx, "a", "1")
        hang_up(tx)
        FIND.all(tx, {"key": "a"})

    with pytest.raises(DatabaseUnavailable), opened.write(Lock.hub()) as tx:
        write(tx)
    with opened.write(Lock.hub()) as tx:
        assert hub_metadata.put_first(tx, "a", "2") == "2"
    with opened.read() as later:
        assert FIND.scalar(later, {"key": "a"}) == "2"


def test_locks_are_taken_with_the_message_that_begins_the_transaction(opened: Catalog) -> None:
    held = "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    with opened.read() as tx:
        driver: Any = tx.driver
    with opened._engine.connect() as connection, connection.begin():
        driver.take_part(BEGIN_WRITING)
        number = driver.lock([(1, -(2**31)), (2**31 - 1, 5)])
        assert driver._pgconn.transaction_status == TransactionStatus.INTRANS
        assert set(connection.exec_driver_sql(held)) == {(1, 2**31), (2**31 - 1, 5)}
        assert number == connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar()
        driver.lock([(7, 7)])
        assert connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar() == number


def test_a_statement_in_front_of_a_transaction_does_not_begin_it(opened: Catalog) -> None:
    find = "SELECT value FROM meta WHERE key = 'k'"
    with opened.read() as tx:
        assert tx.driver.execute_before(find, {}).fetchall() == []
        assert tx.driver._pgconn.transaction_status == TransactionStatus.IDLE
        assert not tx.driver.has_begun


def test_the_snapshot_begins_after_a_statement_in_front_of_it(url: str, opened: Catalog) -> None:
    def put(value: str) -> None:
        other = open_catalog(url, pool_size=1)
        with other.write(Lock.hub()) as tx:
            tx.sql.execute(sa.delete(_M).where(_M.c.key == "k"))
            hub_metadata.put_first(tx, "k", value)
        other.close()

    with opened.read() as tx:
        assert FIND.all_before(tx, {"key": "k"}) == []
        put("1")
        assert FIND.all_before(tx, {"key": "k"}) == [("1",)]
        assert FIND.scalar(tx, {"key": "k"}) == "1"
        put("2")
        assert FIND.scalar(tx, {"key": "k"}) == "1", "the snapshot"
        assert FIND.all_before(tx, {"key": "k"}) == [("1",)], "the transaction has begun"
        assert hub_metadata.find(tx, "k") == "1", "also through SQLAlchemy"
    assert hub_metadata_of(opened) == "2"


def test_changes_that_wait_come_before_a_statement_in_front(opened: Catalog) -> None:
    with opened.write(Lock.nothing()) as tx:
        tx.driver.defer("INSERT INTO meta (key, value) VALUES ('k', '1')", {})
        assert FIND.all_before(tx, {"key": "k"}) == [("1",)]
        assert tx.driver.has_begun
    assert hub_metadata_of(opened) == "1"


COUNT = Prepared(sa.select(sa.func.count()).select_from(_M).where(_M.c.key >= sa.bindparam("least")))
BY_VALUE = Prepared(sa.select(_M.c.key, _M.c.value).where(_M.c.value == sa.bindparam("value")))


def test_announced_statements_travel_with_the_next_one(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    put(opened, "k", "1")
    sent = count_messages(monkeypatch)
    with opened.read() as tx:
        for _ in range(2):
            FIND.ask_ahead(tx, {"key": "k"})
            COUNT.ask_ahead(tx, {"least": "k"})
        assert sent == []
        assert FIND.scalar(tx, {"key": "other"}) is None
        assert sent == [4], "with the beginning of the transaction"
        assert (FIND.scalar(tx, {"key": "k"}), COUNT.scalar(tx, {"least": "k"})) == ("1", 1)
        assert FIND.all(tx, {"key": "k"}) == [("1",)], "as often as wanted"
        assert sent == [4]
        assert FIND.scalar(tx, {"key": "z"}) is None
        assert sent == [4, 1], "other values are another question"


def test_an_announced_statement_that_comes_first_takes_the_others_along(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(opened, "k", "1")
    sent = count_messages(monkeypatch)
    with opened.read() as tx:
        COUNT.ask_ahead(tx, {"least": "k"})
        FIND.ask_ahead(tx, {"key": "k"})
        assert FIND.all_before(tx, {"key": "k"}) == [("1",)]
        assert COUNT.scalar(tx, {"least": "k"}) >= 1
    assert sent == [3]


def test_announced_statements_see_the_snapshot(opened: Catalog, url: str) -> None:
    put(opened, "k", "1")
    other = open_catalog(url, pool_size=1)
    with opened.read() as tx:
        FIND.ask_ahead(tx, {"key": "k"})
        COUNT.scalar(tx, {"least": "a"})
        put(other, "k", "2")
        assert FIND.scalar(tx, {"key": "k"}) == "1"
    with opened.read() as tx:
        assert FIND.scalar(tx, {"key": "k"}) == "2", "answers end with their transaction"
    other.close()


def test_nothing_runs_for_announcements_alone(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = count_messages(monkeypatch)
    with opened.read() as tx:
        FIND.ask_ahead(tx, {"key": "k"})
        assert hub_metadata.find(tx, "k") is None, "through SQLAlchemy"
    with opened.read() as tx:
        assert FIND.scalar(tx, {"key": "a"}) is None
    assert [number for number in sent if number > 1] == [2], "the beginning and one statement"


def test_writing_transactions_read_what_they_wrote_whatever_was_announced(opened: Catalog) -> None:
    with opened.write(Lock.hub()) as tx:
        FIND.ask_ahead(tx, {"key": "k"})
        COUNT.scalar(tx, {"least": "k"})
        hub_metadata.put_first(tx, "k", "1")
        assert FIND.scalar(tx, {"key": "k"}) == "1"


TOUCH = PreparedWrite(lambda _dialect: sa.insert(_M), ["key", "value"])
REMOVE = PreparedWrite(lambda _dialect: sa.delete(_M).where(_M.c.key == sa.bindparam("gone")))
NAMESPACES = Prepared(sa.select(sa.func.count()).select_from(tables.namespaces))
LARGE_KEYS = Prepared(sa.select(tables.tokens.c.id).where(tables.tokens.c.secret_hash == sa.bindparam("secret")))


def test_what_is_announced_with_the_locks_comes_with_them(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def announce(tx: Read) -> None:
        FIND.ask_ahead(tx, {"key": "k"})
        LARGE_KEYS.ask_ahead(tx, {"secret": "0a" * 32})

    sent = count_messages(monkeypatch)
    with opened.write(Lock.repo(1), Lock.hub(), ahead=announce) as tx:
        assert sent == [4], "the beginning, the locks and both statements"
        assert FIND.all(tx, {"key": "k"}) == []
        assert LARGE_KEYS.all(tx, {"secret": "0a" * 32}) == [], "also if values are wrapped bytes"
        assert sent == [4]
        TOUCH.run_all(tx, [{"key": "k", "value": "1"}])
    assert sent == [4, 2]


def test_what_is_announced_with_the_locks_is_read_when_they_are_taken(opened: Catalog, url: str) -> None:
    held, ended = threading.Event(), threading.Event()

    def change() -> None:
        other = open_catalog(url, pool_size=1)
        with other.write(Lock.hub()) as tx:
            held.set()
            wait_for_waiting(opened)
            hub_metadata.put_first(tx, "k", "new")
        other.close()
        ended.set()

    writer = threading.Thread(target=change)
    writer.start()
    assert held.wait(60)
    with opened.write(Lock.hub(), ahead=lambda tx: FIND.ask_ahead(tx, {"key": "k"})) as tx:
        assert FIND.scalar(tx, {"key": "k"}) == "new", "written while this transaction waited for the lock"
    writer.join()
    assert ended.is_set()


def wait_for_waiting(catalog: Catalog) -> None:
    """Wait until a transaction waits for an advisory lock."""
    engine = catalog._engine
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    other = psycopg.connect(
        host=str(engine.url.query["host"]), user="postgres", dbname=engine.url.database, autocommit=True
    )
    with other:
        while other.execute(query).fetchone() == (0,):
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("change", "is_forgotten"),
    [
        (lambda tx: TOUCH.run_all(tx, [{"key": "k2", "value": "2"}]), True),
        (lambda tx: TOUCH.run(tx, {"key": "k2", "value": "2"}), True),
        (lambda tx: REMOVE.run(tx, {"gone": "other"}), True),
        (lambda tx: tx.sql.execute(sa.update(_M).values(value="2")), True),
        (lambda tx: tx._transaction.lock_late(Lock.audit()), True),
        (lambda tx: NAMESPACES.all(tx, {}), False),
    ],
    ids=["deferred", "change", "deletion", "sqlalchemy", "lock", "read"],
)
def test_changes_and_locks_make_a_writing_transaction_read_again(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch, change: Callable[[Write], object], is_forgotten: bool
) -> None:
    put(opened, "k", "1")
    with opened.write(Lock.hub(), ahead=lambda tx: COUNT.ask_ahead(tx, {"least": "k"})) as tx:
        change(tx)
        sent = count_messages(monkeypatch)
        assert COUNT.scalar(tx, {"least": "k"}) >= 1
        assert bool(sent) == is_forgotten


def test_a_change_of_another_table_leaves_what_was_announced(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened.write(Lock.hub(), ahead=lambda tx: NAMESPACES.ask_ahead(tx, {})) as tx:
        TOUCH.run(tx, {"key": "k", "value": "1"})
        sent = count_messages(monkeypatch)
        assert NAMESPACES.scalar(tx, {}) == 0
        assert sent == []
        assert NAMESPACES.scalar(tx, {}) == 0
        assert sent == [1], "the second time, others may have changed it"


def test_an_announced_statement_can_answer_one_whose_values_it_finds(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(opened, "k", "1")
    sent = count_messages(monkeypatch)
    with opened.read() as tx:
        for value in ("1", "2"):
            BY_VALUE.ask_ahead_for(tx, {"value": value}, FIND, completed="key", known={})
        COUNT.scalar(tx, {"least": "a"})
        assert FIND.all(tx, {"key": "k"}) == [("1",)]
        assert sent == [4]
        assert FIND.all(tx, {"key": "a"}) == [], "of which no row was found"
        assert sent == [4, 1]


def test_an_announced_statement_that_fails_fails_the_transaction(opened: Catalog) -> None:
    with opened.read() as tx:
        tx.driver.ask_ahead("SELECT 1 / %(n)s::BIGINT", {"n": 0}, set())
        with pytest.raises(sa.exc.DBAPIError, match="division by zero"):
            FIND.scalar(tx, {"key": "k"})
    with opened.read() as tx:
        assert FIND.scalar(tx, {"key": "k"}) is None


def put(catalog: Catalog, key: str, value: str) -> None:
    with catalog.write(Lock.hub()) as tx:
        tx.sql.execute(sa.delete(_M).where(_M.c.key == key))
        hub_metadata.put_first(tx, key, value)


def hub_metadata_of(catalog: Catalog) -> str | None:
    with catalog.read() as tx:
        return hub_metadata.find(tx, "k")
