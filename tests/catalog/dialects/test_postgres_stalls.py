"""Nothing waits without end for a PostgreSQL server that hangs; one that is slow is left alone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, hub_metadata, open_catalog
from entrepot.catalog.dialects import postgres_stalls
from entrepot.errors import DatabaseUnavailable
from tests.support.postgres import PostgresServer, find_programs, running

LIMIT_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that no other test uses."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL or psycopg is not installed")
    with running(programs) as found:
        yield found


@pytest.fixture
def opened(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setattr(postgres_stalls, "_SUSPECT_S", 0.1)
    monkeypatch.setattr(postgres_stalls, "_EVERY_S", 0.05)
    catalog = open_catalog(server.create_with_tables(), pool_size=4, connect_s=2)
    yield catalog
    catalog.close()


def read(catalog: Catalog) -> str | None:
    with catalog.read() as tx:
        return hub_metadata.find(tx, "a")


def read_with_sqlalchemy(catalog: Catalog) -> object:
    with catalog.read() as tx:
        return tx.sql.execute(sa.text("SELECT 1")).scalar()


def write(catalog: Catalog) -> None:
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")


def test_whoever_waits_for_a_server_that_hangs_is_told_and_later_ones_at_once(
    opened: Catalog, server: PostgresServer
) -> None:
    uses: list[Callable[[Catalog], object]] = [read, read_with_sqlalchemy, write]
    write(opened)
    with ThreadPoolExecutor(len(uses)) as pool:
        with server.hanging():
            waiting = [pool.submit(use, opened) for use in uses]
            for one in waiting:
                assert isinstance(one.exception(LIMIT_S), DatabaseUnavailable)
            refused = pool.submit(read, opened).exception(LIMIT_S)
            assert isinstance(refused, DatabaseUnavailable)
            assert "does not respond" in refused.detail
        await_response(opened)
        assert [pool.submit(use, opened).exception(LIMIT_S) for use in uses] == [None] * len(uses)
    assert read(opened) == "1"


def test_a_transaction_that_began_before_is_undone(opened: Catalog, server: PostgresServer) -> None:
    with pytest.raises(DatabaseUnavailable), server.hanging(), opened.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "b", "1")
    await_response(opened)
    with opened.read() as again:
        assert hub_metadata.find(again, "b") is None


def test_the_version_is_unknown_while_a_server_hangs(opened: Catalog, server: PostgresServer) -> None:
    watch = opened.watch()
    assert watch.version() is not None
    with ThreadPoolExecutor(1) as pool, server.hanging():
        assert pool.submit(watch.version).result(LIMIT_S) is None
    await_response(opened)
    assert watch.version() is not None
    watch.close()


def test_a_slow_statement_of_a_server_that_responds_is_left_alone(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    responds = postgres_stalls.StallGuard._responds

    def note(guard: postgres_stalls.StallGuard) -> bool:
        found = responds(guard)
        asked.set()
        return found

    monkeypatch.setattr(postgres_stalls.StallGuard, "_responds", note)
    with opened.read() as tx:
        assert asked.wait(LIMIT_S), "a transaction that lasts does not make it ask"
        assert tx.sql.execute(sa.text("SELECT 2")).scalar() == 2


def test_a_refusal_is_a_response(server: PostgresServer) -> None:
    guard = postgres_stalls.StallGuard(2)
    guard.check_may_connect((), {"host": str(server.folder), "user": "postgres", "dbname": "missing"})
    assert guard._responds()


def test_only_the_socket_of_a_connection_is_cut() -> None:
    one, other = socket.socketpair()
    with one, other:
        reused: Any = SimpleNamespace(fileno=one.fileno)
        postgres_stalls._cut(reused, (0, 0))
        one.send(b"x")
        assert other.recv(1) == b"x"
        postgres_stalls._cut(reused, postgres_stalls._place_of(one.fileno()))
        assert other.recv(1) == b""


def await_response(catalog: Catalog) -> None:
    """Return when a server that goes on is used again."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        try:
            read(catalog)
        except DatabaseUnavailable:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the database is not used again")
