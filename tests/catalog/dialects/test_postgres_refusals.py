"""A pool that PostgreSQL refuses connections waits for those it has."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.util.queue import Empty

from entrepot.catalog import Catalog, Lock, hub_metadata, open_catalog
from entrepot.catalog.dialects import postgres_refusals
from entrepot.catalog.dialects.postgres import outside_pool
from entrepot.catalog.dialects.postgres_refusals import Pauses, RefusalPool
from entrepot.errors import Busy, DataFolderError
from tests.support.postgres import PostgresServer, running_if_installed

LIMIT_S = 60
CONNECTIONS = 5


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """Return a server with few connections, one of which makes databases."""
    with running_if_installed(f"max_connections={CONNECTIONS + 1}", "superuser_reserved_connections=0") as found:
        yield found


@pytest.fixture
def opened(url: str) -> Iterator[Catalog]:
    with closing(open_catalog(url, pool_size=3 * CONNECTIONS)) as catalog:
        yield catalog


def use_all(catalog: Catalog, held: ExitStack) -> None:
    """Take all connections of the server for the pool of a catalog."""
    for _ in range(CONNECTIONS):
        held.enter_context(catalog._engine.connect())


def read(catalog: Catalog) -> str | None:
    with catalog.read() as tx:
        return hub_metadata.find(tx, "a")


def write(catalog: Catalog) -> str:
    with catalog.write(Lock.hub()) as tx:
        return hub_metadata.put_first(tx, "a", "1")


@pytest.mark.parametrize("use", [read, write])
def test_a_transaction_waits_for_a_returned_connection(opened: Catalog, use: Callable[[Catalog], str | None]) -> None:
    write(opened)
    with ThreadPoolExecutor(1) as pool, ExitStack() as held:
        use_all(opened, held)
        waiting = pool.submit(use, opened)
        _await_refusal(opened)
        assert not waiting.done()
        held.close()
        assert waiting.result(LIMIT_S) == "1"


def test_two_servers_with_larger_pools_share_the_connections(url: str) -> None:
    with closing(open_catalog(url, pool_size=20)) as one, closing(open_catalog(url, pool_size=20)) as other:
        write(one)
        both: Sequence[Catalog] = (one, other)
        with ThreadPoolExecutor(24) as pool:
            uses = [pool.submit(read if at % 3 else write, both[at % 2]) for at in range(300)]
            assert {use.result(LIMIT_S) for use in uses} == {"1"}


def test_a_pool_goes_on_with_fewer_when_lost_connections_cannot_be_replaced(opened: Catalog, url: str) -> None:
    write(opened)
    with ThreadPoolExecutor(4) as pool, ExitStack() as taken:
        with ExitStack() as held:
            connections = [held.enter_context(opened._engine.connect()) for _ in range(CONNECTIONS)]
            for connection in connections[1:]:
                connection.invalidate()
            for _ in connections[1:]:
                taken.enter_context(closing(_connect_elsewhere(url)))
        uses = [pool.submit(read, opened) for _ in range(20)]
        assert {use.result(LIMIT_S) for use in uses} == {"1"}
        assert opened._engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of a queue


def test_the_wait_ends_with_the_time_limit_of_the_pool(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as held:
        use_all(opened, held)
        monkeypatch.setattr(opened._engine.pool, "_timeout", 0.3)
        with pytest.raises(Busy):
            read(opened)


def test_a_connection_beside_the_pool_takes_none_from_it_and_waits_for_none(opened: Catalog) -> None:
    write(opened)
    with ExitStack() as held:
        use_all(opened, held)
    with closing(opened.watch()) as watch:
        assert watch.version() is None
    with pytest.raises(sa.exc.DBAPIError, match="too many clients"):
        outside_pool(opened._engine)
    with ExitStack() as held:
        use_all(opened, held)


def test_a_pool_without_connections_does_not_wait(url: str) -> None:
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(closing(_connect_elsewhere(url)))
        with pytest.raises(DataFolderError, match="too many clients"):
            open_catalog(url)


def test_a_pool_that_has_lost_its_connections_does_not_wait(
    opened: Catalog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_PAUSE_S", "_MAX_PAUSE_S"):
        monkeypatch.setattr(postgres_refusals, name, 2 * LIMIT_S)
    write(opened)
    opened._engine.dispose()
    pool = opened._engine.pool
    assert isinstance(pool, RefusalPool)
    pool._pauses.note_refusal(time.monotonic())
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(closing(_connect_elsewhere(url)))
        with pytest.raises(sa.exc.OperationalError, match="too many clients"):
            opened._engine.connect()


def test_a_pool_that_fills_after_a_refusal_does_not_begin_another_wait(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = opened._engine.pool
    assert isinstance(pool, RefusalPool)
    asked = list[float]()

    def get(wait: bool, timeout: float = 0) -> None:
        if wait:
            asked.append(timeout)
            clock[0] += timeout
            pool._overflow = 0  # others have opened the last one that is allowed
            pool.note_success()
        raise Empty

    clock = [100.0]
    monkeypatch.setattr(postgres_refusals, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(pool, "_pool", SimpleNamespace(get=get, maxsize=2, qsize=lambda: 0))
    monkeypatch.setattr(pool, "_overflow", -1)
    monkeypatch.setattr(pool, "_timeout", 12.0)
    pool._pauses.note_refusal(clock[0])
    with pytest.raises(sa.exc.TimeoutError):
        pool.connect()
    assert sum(asked) == pytest.approx(12)


def test_the_setting_is_named_once(opened: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    write(opened)
    with caplog.at_level(logging.WARNING, "entrepot.catalog"), ThreadPoolExecutor(12) as pool:
        with ExitStack() as held:
            use_all(opened, held)
            uses = [pool.submit(read, opened) for _ in range(12)]
            _await_refusal(opened)
        assert {use.result(LIMIT_S) for use in uses} == {"1"}
    (said,) = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert "database_connections" in said
    assert "max_connections" in said


def test_one_caller_at_a_time_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("entrepot.catalog.dialects.postgres_refusals.time", SimpleNamespace(monotonic=lambda: clock[0]))
    pauses = Pauses()
    assert [pauses.wait_s() for _ in range(3)] == [0, 0, 0], "nothing was refused"
    pauses.note_refusal(99)
    pauses.note_refusal(99)
    assert pauses.wait_s() == pytest.approx(0.1), "refusals of requests that overlapped count once"
    clock[0] += 0.1
    assert pauses.wait_s() == 0
    assert pauses.wait_s() == pytest.approx(0.1), "another caller asks now"
    pauses.note_refusal(clock[0])
    assert pauses.wait_s() == pytest.approx(0.2)
    for _ in range(20):
        clock[0] += 10
        assert pauses.wait_s() == 0
        pauses.note_refusal(clock[0])
    assert pauses.wait_s() == pytest.approx(5)
    pauses.note_success()
    assert pauses.wait_s() == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FATAL:  sorry, too many clients already", True),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", True),
        ('FATAL:  too many connections for role "hub"', True),
        ("FATAL:  no more connections allowed (max_client_conn)", True),
        ("connection to server failed: Connection refused", False),
        ("FATAL:  the database system is starting up", False),
    ],
)
def test_refusals_are_told_from_other_failures(text: str, *, expected: bool) -> None:
    assert postgres_refusals.is_refusal(psycopg.OperationalError(text)) is expected


def _connect_elsewhere(url: str) -> psycopg.Connection:
    """Return a connection outside of the pool; the server takes a moment to notice that another one is closed."""
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            return psycopg.connect(url)
        except psycopg.OperationalError:
            assert time.monotonic() < until
            threading.Event().wait(0.005)


def _await_refusal(catalog: Catalog) -> None:
    """Return when the server has refused a connection."""
    pool = catalog._engine.pool
    assert isinstance(pool, RefusalPool)
    until = time.monotonic() + LIMIT_S
    while not pool._is_logged:
        assert time.monotonic() < until
        threading.Event().wait(0.005)
