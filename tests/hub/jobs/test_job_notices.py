from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator

import pytest

from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.jobs.job_notices import JobNotices
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer


@pytest.fixture
def hubs(tmp_path: pathlib.Path, postgres: PostgresServer) -> Iterator[list[HubContext]]:
    """Two processes' views of one hub."""
    url = postgres.create_with_tables()
    opened = [open_hub(Settings(data=tmp_path, database=url), fsync=False) for _ in range(2)]
    yield opened
    for hub in opened:
        hub.close()
    postgres.drop(url)


def wait_for_a_wake_up(hub: HubContext, seen: int) -> None:
    hub.job_added.wait(seen, 60)
    assert hub.job_added.count > seen


def test_a_job_of_one_process_wakes_the_workers_of_another(hubs: list[HubContext]) -> None:
    server, worker = hubs
    services = [JobNotices(server, receives=False), JobNotices(worker, receives=True)]
    seen = worker.job_added.count
    for service in services:
        service.start()
    wait_for_a_wake_up(worker, seen)  # the receiver is connected
    for _ in range(3):
        seen = worker.job_added.count
        server.job_added.set()
        wait_for_a_wake_up(worker, seen)
    assert worker.job_added.added == 0
    for service in services:
        service.stop()


def test_a_receiver_connects_again(hubs: list[HubContext], postgres: PostgresServer) -> None:
    worker = hubs[1]
    service = JobNotices(worker, receives=True)
    seen = worker.job_added.count
    service.start()
    wait_for_a_wake_up(worker, seen)
    seen = worker.job_added.count
    with hubs[0].read() as tx:
        listening = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'LISTEN%%'"
        assert tx.sql.exec_driver_sql(f"SELECT count(pg_terminate_backend(pid)) {listening}").scalar_one() == 1
    wait_for_a_wake_up(worker, seen)
    service.stop()


def test_notices_of_a_hub_on_sqlite_do_nothing(hub: HubContext, tmp_path: pathlib.Path) -> None:
    small = open_hub(Settings(data=tmp_path / "small"), fsync=False)
    before = threading.active_count()
    service = JobNotices(small, receives=True)
    service.start()
    assert threading.active_count() == before
    service.stop()
    small.close()


def test_a_service_that_was_not_started_can_be_stopped(hubs: list[HubContext]) -> None:
    JobNotices(hubs[0], receives=True).stop()
