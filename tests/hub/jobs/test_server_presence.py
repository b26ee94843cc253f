from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

import pytest

from entrepot.errors import DataFolderError, Refused
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.folder_locks import hold_server_lock
from entrepot.hub.jobs.server_presence import ServerPresence, check_not_moving, no_server
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
        with pytest.raises(Refused, match="servers or workers use the database"), no_server(on_postgres):
            raise AssertionError("a server is running")
        server.stop()
        server.stop()
    with no_server(on_postgres):
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
        tx.sql.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {held}")
        [before] = tx.sql.exec_driver_sql("SELECT pg_backend_pid()").scalars()
    assert before
    found = 0
    while not found:  # the time limit of the test ends it
        with on_postgres.read() as tx:
            found = tx.sql.exec_driver_sql(f"SELECT count(*) {held}").scalar_one()
    with pytest.raises(Refused), no_server(on_postgres):
        raise AssertionError("a server is running")
    server.stop()


def test_a_hub_in_a_folder_uses_the_lock_of_the_folder(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(open_hub(Settings(data=tmp_path), fsync=False)) as hub:
        service = ServerPresence(hub)
        service.start()
        check_not_moving(hub)
        with hold_server_lock(tmp_path), pytest.raises(DataFolderError, match="stop that one first"), no_server(hub):
            raise AssertionError("a server is running")
        with no_server(hub):
            pass
        service.stop()
