"""PostgreSQL hangs under a running server, which keeps its connections: everything is answered, and goes on later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from entrepot import testing
from entrepot.testing.hubs import RunningHub
from tests.support.postgres import PostgresServer, running_if_installed

pytestmark = pytest.mark.timeout(300)
LIMIT_S = 240
REQUESTS = 40
"""More than the server has threads for them."""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with running_if_installed() as found:
        yield found


def ask(hub: RunningHub, method: str, path: str, **sent: object) -> httpx2.Response:
    headers = {"authorization": f"Bearer {hub.token}"}
    with httpx2.Client(base_url=hub.url, headers=headers, timeout=LIMIT_S, trust_env=False, verify=False) as client:
        return client.request(method, path, **sent)  # type: ignore[arg-type]


def test_requests_are_answered_while_the_database_hangs_and_work_again_afterwards(server: PostgresServer) -> None:
    database = server.url(server.create())
    with (
        testing.hub(database=database, database_timeout_s=2) as hub,
        ThreadPoolExecutor(REQUESTS + 2) as pool,
    ):
        ask(hub, "POST", "/api/repos/create", json={"name": "m"}).raise_for_status()
        assert ask(hub, "GET", "/readyz").status_code == 200
        with server.hanging():
            reads = [pool.submit(ask, hub, "GET", "/api/models/tester/m") for _ in range(REQUESTS // 2)]
            writes = [
                pool.submit(ask, hub, "POST", "/api/repos/create", json={"name": f"m{number}"})
                for number in range(REQUESTS // 2)
            ]
            ready, alive = pool.submit(ask, hub, "GET", "/readyz"), pool.submit(ask, hub, "GET", "/healthz")
            assert alive.result(LIMIT_S).status_code == 200
            answer = ready.result(LIMIT_S)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "the database cannot be" in answer.json()["error"]
            for answer in [one.result(LIMIT_S) for one in (*reads, *writes)]:
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        until = time.monotonic() + LIMIT_S
        while ask(hub, "GET", "/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert ask(hub, "GET", "/api/models/tester/m").status_code == 200
        assert ask(hub, "POST", "/api/repos/create", json={"name": "later"}).status_code == 200
