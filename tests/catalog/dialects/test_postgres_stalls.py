"""Nothing waits without end for a PostgreSQL server that hangs; one that is slow is left alone."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, hub_metadata, open_catalog
from entrepot.catalog.dialects import postgres_hosts, postgres_stalls
from entrepot.errors import DatabaseUnavailable
from tests.support.postgres import PostgresServer, running_if_installed

LIMIT_S = 240


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that no other test uses."""
    with running_if_installed() as found:
        yield found


@pytest.fixture
def opened(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setattr(postgres_stalls, "_SUSPECT_S", 0.1)
    monkeypatch.setattr(postgres_stalls, "_EVERY_S", 0.05)
    catalog = open_catalog(server.create_with_tables(), pool_size=4, connect_s=2)
    yield catalog
    catalog.close()


TOO_LATE = psycopg.errors.ConnectionTimeout("connection timeout expired")


class Simulated:
    """A connection of a simulated server, which is in use."""

    def __init__(self, host: str) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.driver: Any = Driver(host, self.ours)

    def is_cut(self) -> bool:
        try:
            return self.theirs.recv(1) == b""
        except BlockingIOError:
            return False


class Driver:
    """What the guard uses of a connection of the driver."""

    def __init__(self, host: str, used: socket.socket) -> None:
        self.info = SimpleNamespace(host=host, hostaddr="192.0.2.1", port=5432)
        self.fileno = used.fileno
        self.closed = False


class Simulation:
    """A guard with a clock, and how servers answer its probes: with these errors, or a refusal."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.answers: dict[str, psycopg.Error] = {}
        self.meanwhile: Callable[[], object] = lambda: None
        self.asked: list[Mapping[str, Any]] = []
        self.guard = postgres_stalls.StallGuard(2)
        self.guard._connect = self._connect
        self.away: set[str] = set()
        """The addresses that no packet reaches."""
        self._used: list[Simulated] = []

    def use(self, host: str = "a") -> Simulated:
        """Return a new connection whose use has just become suspect."""
        used = Simulated(host)
        self._used.append(used)
        self.guard.add(used.driver)
        self.now_s += postgres_stalls._SUSPECT_S
        return used

    def judge(self, after_s: float = 1) -> int:
        """Let time pass and the guard judge; return how many times it asked."""
        self.now_s += after_s
        before = len(self.asked)
        assert self.guard._closing is not None
        self.guard._judge(self.guard._closing)
        return len(self.asked) - before

    def close(self) -> None:
        self.guard.close()
        for used in self._used:
            used.ours.close()
            used.theirs.close()

    def _connect(self, place: Mapping[str, Any]) -> postgres_stalls.Connection:
        self.asked.append(place)
        self.meanwhile()
        raise self.answers.get(place.get("host", "a"), psycopg.OperationalError("refused"))


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


def test_the_version_is_unknown_while_a_server_hangs(
    opened: Catalog, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    watch = opened.watch()
    assert watch.version() is not None
    with ThreadPoolExecutor(1) as pool, server.hanging():
        assert pool.submit(watch.version).result(LIMIT_S) is None
    await_response(opened)
    assert watch.version() is not None
    watch.close()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_a_slow_statement_of_a_server_that_responds_is_left_alone(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    responds = postgres_stalls.StallGuard._responds

    def note(guard: postgres_stalls.StallGuard, place: Mapping[str, Any], *addresses: Any) -> bool:
        found = responds(guard, place, *addresses)
        asked.set()
        return found

    monkeypatch.setattr(postgres_stalls.StallGuard, "_responds", note)
    with opened.read() as tx:
        assert asked.wait(LIMIT_S), "a transaction that lasts does not make it ask"
        assert tx.sql.execute(sa.text("SELECT 2")).scalar() == 2


def test_a_refusal_is_a_response(server: PostgresServer) -> None:
    guard = postgres_stalls.StallGuard(2)
    guard.check_may_connect((), {"host": str(server.folder), "user": "postgres", "dbname": "missing"})
    assert guard._responds({})


def test_a_probe_that_cannot_be_made_changes_nothing(
    opened: Catalog, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_stalls, "_AGAIN_S", 0.05)
    connect, failing, failed = psycopg.connect, threading.Event(), threading.Event()

    def fail_once(*args: Any, **options: Any) -> postgres_stalls.Connection:
        if threading.current_thread().name == "database-stalls" and failing.is_set():
            failing.clear()
            failed.set()
            raise OSError(errno.EMFILE, "too many open files")
        return connect(*args, **options)

    monkeypatch.setattr(psycopg, "connect", fail_once)
    failing.set()
    read(opened)
    with ThreadPoolExecutor(1) as pool:
        with server.hanging():
            assert isinstance(pool.submit(read, opened).exception(LIMIT_S), DatabaseUnavailable)
            assert failed.is_set()
            failed.clear()
            failing.set()  # while the server is known to hang: a probe under way may still end in the other way
            assert failed.wait(LIMIT_S)
        await_response(opened)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    found = Simulation()
    monkeypatch.setattr(postgres_stalls, "_EVERY_S", 3600)
    monkeypatch.setattr(postgres_hosts, "is_away", lambda address, _port, _limit_s: address in found.away)
    monkeypatch.setattr(postgres_stalls, "time", SimpleNamespace(monotonic=lambda: found.now_s))
    yield found
    found.close()


def test_one_failed_probe_cuts_nothing_and_a_second_one_does(simulated: Simulation) -> None:
    used = simulated.use()
    simulated.answers["a"] = TOO_LATE
    assert simulated.judge() == 1
    assert not used.is_cut()
    assert simulated.judge() == 1
    assert used.is_cut()
    with pytest.raises(psycopg.OperationalError, match="does not respond"):
        simulated.guard.begin(used.driver)
    simulated.answers.clear()
    simulated.judge()
    simulated.guard.begin(used.driver)


def test_failed_probes_of_different_waits_are_not_in_a_row(simulated: Simulation) -> None:
    used = simulated.use()
    simulated.answers["a"] = TOO_LATE
    for _ in range(4):
        assert simulated.judge(60) == 1
        simulated.guard.end(used.driver)
        assert simulated.judge() == 0
        simulated.guard.begin(used.driver)
    assert not used.is_cut()


def test_an_answer_on_another_connection_to_the_server_counts_during_a_probe(simulated: Simulation) -> None:
    used, other = simulated.use(), simulated.use()

    def answer_the_other() -> None:
        simulated.guard.end(other.driver)
        simulated.guard.begin(other.driver)

    simulated.answers["a"] = TOO_LATE
    simulated.meanwhile = answer_the_other
    for _ in range(4):
        assert simulated.judge(60) == 1
    assert not used.is_cut()
    other.driver.closed = True  # a use that ends because the connection is lost is no answer
    for _ in range(2):
        simulated.judge(60)
    assert used.is_cut()


def test_only_connections_to_a_host_that_hangs_are_cut(simulated: Simulation) -> None:
    used, other = simulated.use("a"), simulated.use("b")
    simulated.meanwhile = lambda: simulated.guard.end(other.driver)
    simulated.answers["a"] = TOO_LATE
    for _ in range(2):
        simulated.judge()
    assert (used.is_cut(), other.is_cut()) == (True, False)
    assert {"host": "a", "hostaddr": "192.0.2.1", "port": 5432} in simulated.asked
    simulated.guard.begin(other.driver)
    with pytest.raises(psycopg.OperationalError):
        simulated.guard.begin(used.driver)


def test_a_host_without_a_route_to_it_does_not_respond_although_connecting_fails_immediately(
    simulated: Simulation,
) -> None:
    used = simulated.use()
    simulated.away.add("192.0.2.1")
    simulated.answers["a"] = psycopg.OperationalError("No route to host")
    for _ in range(2):
        simulated.judge()
    assert used.is_cut()
    assert simulated.judge() == 1  # it is asked for, until packets reach it
    with pytest.raises(psycopg.OperationalError, match="does not respond"):
        simulated.guard.begin(used.driver)
    simulated.away.clear()
    simulated.judge()
    simulated.guard.begin(used.driver)


def test_a_name_that_is_not_found_cuts_no_connection(simulated: Simulation) -> None:
    used = simulated.use()
    simulated.answers["a"] = psycopg.OperationalError("Name or service not known")
    for _ in range(3):
        simulated.judge()
    assert not used.is_cut()


def test_a_refusal_is_a_response_also_after_waiting_for_another_host(simulated: Simulation) -> None:
    simulated.use()

    def wait() -> None:
        simulated.now_s += 60

    simulated.meanwhile = wait
    assert simulated.guard._responds({})


def test_a_server_that_responds_is_asked_less_often_about_the_same_connections(simulated: Simulation) -> None:
    simulated.use()
    pauses = []
    last_s = simulated.now_s
    for _ in range(400):
        if simulated.judge():
            pauses.append(simulated.now_s - last_s)
            last_s = simulated.now_s
    assert pauses[1:7] == [5, 10, 20, 30, 30, 30]
    simulated.use()
    assert simulated.judge() == 1
    assert [simulated.judge() for _ in range(5)] == [0, 0, 0, 0, 1]


def test_a_guard_that_is_closed_during_a_probe_leaves_nothing_stalled(simulated: Simulation) -> None:
    used = simulated.use()
    simulated.answers["a"] = TOO_LATE
    simulated.judge()
    simulated.meanwhile = simulated.guard.close
    simulated.judge()
    assert not used.is_cut()
    simulated.guard.begin(used.driver)
    simulated.guard.check_may_connect((), {})


def test_only_the_socket_of_a_connection_is_cut() -> None:
    one, other = socket.socketpair()
    with one, other:
        reused: Any = SimpleNamespace(fileno=one.fileno)
        postgres_stalls._cut(reused, (0, 0))
        one.send(b"x")
        assert other.recv(1) == b"x"
        postgres_stalls._cut(reused, postgres_stalls._id_of(one.fileno()))
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
