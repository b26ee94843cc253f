"""A standby of PostgreSQL takes over under two running servers, which name both hosts in their setting."""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Iterator

import attrs
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from entrepot.testing.hubs import RunningHub
from tests.support.balancers import Balancer
from tests.support.postgres import PostgresServer, find_programs, running, running_standby
from tests.support.races import Cluster, Journal, commit, faults_of

pytestmark = pytest.mark.timeout(300)
WRITERS = 4
MAX_S = 240


@attrs.frozen
class Pair:
    """A primary server, a standby that has everything that was confirmed, and servers of a hub that know both."""

    primary: PostgresServer
    standby: PostgresServer
    cluster: Cluster


@pytest.fixture
def pair(tmp_path: pathlib.Path) -> Iterator[Pair]:
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL or psycopg is not installed")
    servers: list[RunningHub] = []
    durable = "synchronous_commit=on"
    with running(programs, durable) as primary, running_standby(programs, primary, durable) as standby:
        primary.require("synchronous_standby_names=*")  # what is confirmed is on the standby too
        hosts = f"{standby.folder},{primary.folder}"
        url = f"postgresql://postgres@/{primary.create()}?host={hosts}&target_session_attrs=read-write"
        settings = Settings(data=tmp_path / "data", port=0, database=url)
        hub = open_hub(settings)
        accounts.create_user(hub, "alice")
        token = accounts.create_token(hub, "alice", role="write").secret
        hub.close()
        try:
            for name in ("one", "two"):
                (tmp_path / name).mkdir()
                servers.append(RunningHub(tmp_path / name, settings, {"ENTREPOT_DATABASE": url}))
                servers[-1].start()
            balancer = Balancer([server.url for server in servers])
            yield Pair(primary, standby, Cluster(servers, balancer, token, settings))
            balancer.close()
        finally:
            for server in servers:
                server.kill()


def test_a_standby_takes_over_without_a_restart_and_without_a_lost_commit(pair: Pair) -> None:
    journals = [Journal() for _ in range(WRITERS)]
    is_over, has_begun = threading.Event(), threading.Semaphore(0)

    def write(number: int) -> None:
        with pair.cluster.client() as client:
            turn = 0
            while not is_over.is_set():
                commit(client, "alice/m", f"w{number}-{turn}", journals[number])
                has_begun.release()
                turn += 1

    with pair.cluster.client() as client:
        client.post("/api/repos/create", json={"name": "m", "type": "model"}).raise_for_status()
    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            assert has_begun.acquire(timeout=MAX_S)
        pair.primary.stop()
        before = sum(len(journal.acknowledged) for journal in journals)
        pair.standby.promote()
        until = time.monotonic() + MAX_S
        while sum(len(journal.acknowledged) for journal in journals) < before + 10:
            assert time.monotonic() < until, [journal.statuses for journal in journals]
            has_begun.acquire(timeout=1)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert not [title for journal in journals for title in journal.refused]
    assert {status for journal in journals for status in journal.statuses} <= {200, 503}
    with pair.cluster.client() as client:
        assert faults_of(client, "alice/m", journals) == []
