from __future__ import annotations

import pytest

from entrepot.catalog import Catalog, open_catalog
from entrepot.catalog.dialects.interfaces import Presence
from entrepot.catalog.repos import repositories
from entrepot.errors import DatabaseUnavailable, Refused
from tests.support.postgres import PostgresServer


def presence_of(catalog: Catalog) -> Presence:
    found = catalog.presence()
    assert found is not None
    return found


def test_many_processes_show_themselves_and_exclude_a_move(opened: Catalog) -> None:
    servers = [presence_of(opened) for _ in range(4)]  # more than the pool has connections
    for server in servers:
        server.keep()
        server.keep()
    mover = presence_of(opened)
    for server in servers:
        with pytest.raises(Refused, match="connected from this machine"), mover.exclude():
            raise AssertionError("excluded a server that runs")
        server.release()
        server.release()
    with mover.exclude():
        pass
    with mover.exclude():
        pass


def test_no_process_starts_during_a_move(opened: Catalog) -> None:
    server = presence_of(opened)
    with presence_of(opened).exclude():
        for _ in range(2):
            with pytest.raises(Refused, match="is being moved"):
                server.keep()
    server.keep()
    server.release()


def test_a_lost_mark_is_set_again(opened: Catalog) -> None:
    server = presence_of(opened)
    server.keep()
    with opened.read() as tx:
        tx.sql.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    with pytest.raises(DatabaseUnavailable):
        server.keep()
    server.keep()
    with pytest.raises(Refused), presence_of(opened).exclude():
        raise AssertionError("excluded a server that runs")
    server.release()


def test_marks_that_are_set_again_take_no_connection_from_the_pool(postgres: PostgresServer) -> None:
    url = postgres.create_with_tables()
    catalog = open_catalog(url, pool_size=2)
    for _ in range(4):
        server = presence_of(catalog)
        server.keep()
        server.release()
        with catalog.read() as tx:
            assert repositories.by_id(tx, 1) is None
    catalog.close()
    postgres.drop(url)


def test_a_database_in_a_file_needs_no_marks(tmp_path_factory: pytest.TempPathFactory) -> None:
    catalog = open_catalog(f"sqlite:///{tmp_path_factory.mktemp('lite')}/c.db")
    assert catalog.presence() is None
    assert catalog.clock_ms() is None
    catalog.close()
