"""Three servers that are killed while writers compete: what was acknowledged is there, once and in order."""

from __future__ import annotations

import itertools
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.postgres import PostgresServer
from tests.support.races import Journal, commit, faults_of, running_cluster
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.timeout(400)
REPO = "alice/m"
TURNS = 12
NUMBERS = itertools.count()


def test_servers_that_are_killed_lose_no_commit_that_they_acknowledged(
    tmp_path: pathlib.Path, postgres: PostgresServer, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    url = postgres.create_with_tables()
    store = f"s3://shared/races{os.getpid()}x{next(NUMBERS)}?endpoint={s3_server.url}"
    journals = [Journal() for _ in range(4)]
    with running_cluster(tmp_path, 3, url, store) as cluster:
        with cluster.client() as client:
            client.post("/api/repos/create", json={"name": "m", "type": "model"}).raise_for_status()

        def work(number: int) -> None:
            for turn in range(TURNS):
                with cluster.client() as client:
                    commit(client, REPO, f"w{number}-{turn}", journals[number])

        with ThreadPoolExecutor(len(journals)) as pool:
            working = [pool.submit(work, number) for number in range(len(journals))]
            for server in cluster.servers:
                server.kill()
                server.start()
            for future in working:
                future.result(timeout=300)
        for journal in journals:
            assert len(journal.acknowledged) + len(journal.doubtful) == TURNS
            assert not journal.statuses[500]
        with cluster.client() as client:
            assert faults_of(client, REPO, journals) == []
    postgres.drop(url)
