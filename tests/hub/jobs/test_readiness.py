from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import attrs
import pytest

from entrepot.blobs import Stat
from entrepot.catalog import Read
from entrepot.errors import Busy, DatabaseReadOnly, DatabaseUnavailable, StoreFull, StoreUnavailable
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.jobs import readiness
from entrepot.hub.jobs.readiness import Dependency, DependencyWatch, ReadinessCheck
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer
from tests.support.s3_server import S3Server

AWAY = "the service cannot be reached"


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Server:
    """One of the servers of a hub, with a bucket that tests take away from it."""

    def __init__(self, data: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
        self.hub = attrs.evolve(open_hub(Settings(data=data, **settings), fsync=False), now_ms=clock)  # type: ignore[arg-type]
        self.is_away = False
        stat = self.hub.store.blobs.stat

        def find(key: str) -> Stat | None:
            if self.is_away:
                raise StoreUnavailable(key, AWAY)
            return stat(key)

        monkeypatch.setattr(self.hub.store.blobs, "stat", find)
        self.check = ReadinessCheck(self.hub)


@pytest.fixture(autouse=True)
def asks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_STORE_EVERY_S", 0.0)
    monkeypatch.setattr(readiness, "_NOTICE_EVERY_S", 0.0)


def look_twice(server: Server) -> readiness.Readiness:
    """Return what a second look finds: the first one does not wait for a store that did not respond before."""
    server.check.look()
    assert server.check._store._answered.wait(20)
    assert server.check._notice._answered.wait(20)
    found = server.check.look()
    assert server.check._store._answered.wait(20)
    assert server.check._notice._answered.wait(20)
    return found


def test_a_bucket_that_no_server_reaches_takes_no_server_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer, s3_server: S3Server
) -> None:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    shared = {"database": postgres.create_with_tables(), "store": f"s3://shared/ready?endpoint={s3_server.url}"}
    servers = [Server(tmp_path / name, clock, monkeypatch, **shared) for name in ("one", "two")]
    try:
        for _ in range(4):
            clock.now += 2_000
            assert [server.check.look().refusal for server in servers] == [None, None]
        for server in servers:
            server.is_away = True
        for _ in range(20):
            clock.now += 2_000
            found = [look_twice(server) for server in servers]
            assert [one.store.reason for one in found] == [AWAY, AWAY]
            assert [one.refusal for one in found] == [None, None]
        for server in servers:
            server.is_away = False
        assert [look_twice(server).store for server in servers] == [Dependency(), Dependency()]
    finally:
        for server in servers:
            server.hub.close()


def test_a_server_that_alone_does_not_reach_the_bucket_is_taken_out_until_the_others_lose_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer, s3_server: S3Server
) -> None:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    shared = {"database": postgres.create_with_tables(), "store": f"s3://shared/alone?endpoint={s3_server.url}"}
    one, two = (Server(tmp_path / name, clock, monkeypatch, **shared) for name in ("one", "two"))
    try:
        assert look_twice(two).refusal is None
        one.is_away = True
        assert look_twice(one).refusal is None  # it has just begun, and may be over at once
        for _ in range(6):
            clock.now += 2_000
            assert look_twice(two).refusal is None
            refusal = look_twice(one).refusal
        assert refusal == f"other servers reach the store of large files, and this one does not: {AWAY}"
        two.is_away = True
        for _ in range(8):
            clock.now += 2_000
            assert look_twice(two).refusal is None
            refusal = look_twice(one).refusal
        assert refusal is None
        one.is_away = two.is_away = False
        assert (look_twice(one).store, look_twice(two).store) == (Dependency(), Dependency())
    finally:
        one.hub.close()
        two.hub.close()


def test_a_database_that_accepts_no_changes_takes_no_server_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer, s3_server: S3Server
) -> None:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    store = f"s3://shared/unwritable?endpoint={s3_server.url}"
    server = Server(tmp_path, clock, monkeypatch, database=postgres.create_with_tables(), store=store)
    errors = [DatabaseReadOnly("a standby"), StoreFull("no space"), Busy("the database"), DatabaseUnavailable("lost")]
    left, go_on = list(errors), threading.Event()

    def refuse(_hub: HubContext, *_locks: object, **_more: object) -> None:
        if left:
            raise left.pop()
        go_on.wait(60)
        raise errors[0]

    try:
        with monkeypatch.context() as patch:
            patch.setattr(HubContext, "write", refuse)
            while left:
                clock.now += 6_000
                assert server.check.look() == readiness.Readiness(Dependency(), Dependency(), None)
                assert server.check._notice._answered.wait(20)
            for _ in range(3):  # nor does one where the change waits
                assert server.check.look().refusal is None
            go_on.set()
            assert server.check._notice._answered.wait(20)
        assert look_twice(server).refusal is None
    finally:
        server.hub.close()


def test_the_only_server_stays_without_its_bucket_and_leaves_without_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_server: S3Server
) -> None:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    remote = Server(tmp_path / "remote", clock, monkeypatch, store=f"s3://shared/only?endpoint={s3_server.url}")
    local = Server(tmp_path / "local", clock, monkeypatch)
    try:
        remote.is_away = local.is_away = True
        kept, left = look_twice(remote), look_twice(local)
        assert (kept.store.reason, kept.refusal) == (AWAY, None)
        assert left.refusal == f"the store of large files cannot be used now: {AWAY}"
    finally:
        remote.hub.close()
        local.hub.close()


def test_a_server_without_the_database_is_not_ready_and_says_since_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    server = Server(tmp_path, clock, monkeypatch)
    assert server.check.look() == readiness.Readiness(Dependency(), Dependency(), None)

    def fail(_hub: HubContext) -> None:
        raise DatabaseUnavailable("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(HubContext, "read", fail)
        first = server.check.look()
        clock.now += 60_000
        later = server.check.look()
    assert first == later
    assert first.refusal is not None
    assert "cannot be reached" in first.refusal
    assert (first.database.since_ms, first.store) == (1_000_000, Dependency())
    assert server.check.look().refusal is None
    server.hub.close()


def test_a_store_that_hangs_is_noticed_in_time_and_asked_once() -> None:
    asked, go_on = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        asked.release()
        go_on.wait(60)

    watch = DependencyWatch(hang, lambda: 7, patience_s=0.2)
    assert [watch.look() for _ in range(3)] == [Dependency("it does not respond in time", 7)] * 3
    assert asked.acquire(blocking=False)
    assert not asked.acquire(blocking=False)
    go_on.set()
    assert watch._answered.wait(20)
    assert watch.look() == Dependency()


def test_a_database_that_hangs_is_reported_in_time_and_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path, Clock(), monkeypatch)
    go_on, asked = threading.Event(), threading.Semaphore(0)
    read = HubContext.read

    def hang(hub: HubContext) -> AbstractContextManager[Read]:
        asked.release()
        go_on.wait(60)
        return read(hub)

    monkeypatch.setattr(server.check._database, "_patience_s", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(HubContext, "read", hang)
        found = [server.check.look() for _ in range(3)]
        assert {one.refusal for one in found} == {"the database cannot be used now: it does not respond in time"}
        assert {one.database for one in found} == {Dependency("it does not respond in time", 1_000_000)}
        assert asked.acquire(blocking=False)
        assert not asked.acquire(blocking=False)
        go_on.set()
        assert server.check._database._answered.wait(20)
    assert server.check.look().refusal is None
    server.hub.close()
