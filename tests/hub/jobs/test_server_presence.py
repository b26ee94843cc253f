from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Iterator

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.errors import DataFolderError, Refused
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.folder_locks import hold_server_lock
from entrepot.hub.jobs import handlers
from entrepot.hub.jobs.server_presence import ServerPresence, check_not_moving, exclude_servers
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer


@pytest.fixture
def on_postgres(tmp_path: pathlib.Path, postgres: PostgresServer) -> Iterator[HubContext]:
    url = postgres.create_with_tables()
    opened = open_hub(Settings(data=tmp_path, database=url), fsync=False)
    yield opened
    opened.close()
    postgres.drop(url)


def test_a_move_waits_until_every_server_has_stopped(on_postgres: HubContext) -> None:
    servers = [ServerPresence(on_postgres) for _ in range(2)]
    for server in servers:
        check_not_moving(on_postgres)
        server.start()
    for server in servers:
        with pytest.raises(Refused, match="servers or workers are using the database"), exclude_servers(on_postgres):
            raise AssertionError("a server is running")
        server.stop()
        server.stop()
    with exclude_servers(on_postgres):
        with pytest.raises(Refused, match="being moved"):
            check_not_moving(on_postgres)
        with pytest.raises(Refused, match="being moved"):
            ServerPresence(on_postgres).start()
    check_not_moving(on_postgres)


def test_a_server_whose_connection_is_cut_shows_itself_again(on_postgres: HubContext) -> None:
    server = ServerPresence(on_postgres, every_s=0.01)
    server.start()
    with on_postgres.read() as tx:
        held = "FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        cut = {pid for pid, _ in tx.sql.exec_driver_sql(f"SELECT pid, pg_terminate_backend(pid) {held}")}
    assert cut
    found = set[int]()
    while not found - cut:  # the time limit of the test ends it; a backend that ends holds its locks for a moment
        with on_postgres.read() as tx:
            found = set(tx.sql.exec_driver_sql(f"SELECT pid {held}").scalars())
    with pytest.raises(Refused), exclude_servers(on_postgres):
        raise AssertionError("a server is running")
    server.stop()


def test_a_hub_in_a_folder_uses_the_lock_of_the_folder(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(open_hub(Settings(data=tmp_path), fsync=False)) as hub:
        service = ServerPresence(hub)
        service.start()
        check_not_moving(hub)
        with (
            hold_server_lock(tmp_path),
            pytest.raises(DataFolderError, match="stop that one first"),
            exclude_servers(hub),
        ):
            raise AssertionError("a server is running")
        with exclude_servers(hub):
            pass
        service.stop()


def test_a_machine_whose_clock_is_ahead_takes_no_lease_from_another(
    on_postgres: HubContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_postgres.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {}, on_postgres.now_ms(), dedup_key="trends")
    assert handlers.claim(on_postgres, handlers.new_owner()) is not None
    ahead = time.time_ns() + 10 * handlers.LEASE_MS * 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: ahead)
    with contextlib.closing(open_hub(on_postgres.settings, fsync=False)) as other:
        assert handlers.claim(other, handlers.new_owner()) is None
