"""Two real servers on one PostgreSQL database and one data folder, behind a load balancer."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import pathlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import httpx2
import pytest
import sqlalchemy as sa
from huggingface_hub import HfApi

from entrepot.catalog import tables
from entrepot.catalog.jobs import jobs
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.settings import SETTINGS, Settings
from entrepot.testing.hubs import RunningHub
from tests.support import hub_work
from tests.support.balancers import Balancer
from tests.support.postgres import PostgresServer, running_if_installed

MAX_S = 240
_PAUSE_S = 0.1
"""How long a client waits between two turns: the servers drain for seconds, which a busy machine may need."""
pytestmark = pytest.mark.timeout(600)
LARGE = 48 << 20
_CHUNKING = sa.select(tables.jobs.c.owner).where((tables.jobs.c.kind == "chunk") & (tables.jobs.c.state == "running"))


@attrs.frozen
class Servers:
    """Servers of one hub, a way to reach any of them, a token, and the hub itself."""

    servers: list[RunningHub]
    balancer: Balancer
    token: str
    hub: HubContext

    def client(self) -> httpx2.Client:
        """Return a client of the load balancer."""
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=self.balancer.url, headers=headers, timeout=240, trust_env=False)


@pytest.fixture
def serve(tmp_path: pathlib.Path, postgres: PostgresServer) -> Iterator[Callable[..., Servers]]:
    """Return a function that starts two servers with the given settings."""
    url = postgres.create_with_tables()
    opened: list[Servers] = []

    def start(**options: Any) -> Servers:
        settings = Settings(data=tmp_path / "data", port=0, database=url, database_connections=12, **options)
        hub = open_hub(settings)
        accounts.create_user(hub, "alice")
        token = accounts.create_token(hub, "alice", role="write").secret
        servers = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            servers.append(RunningHub(tmp_path / name, settings, environ_of(settings, options)))
            servers[-1].start()
        opened.append(Servers(servers, Balancer([server.url for server in servers]), token, hub))
        return opened[-1]

    yield start
    for found in opened:
        for server in found.servers:
            server.kill()
        found.balancer.close()
        found.hub.close()
    postgres.drop(url)


def environ_of(settings: Settings, options: dict[str, Any]) -> dict[str, str]:
    names = {"database", "database_connections", *options}
    return {row.variable: str(getattr(settings, row.name)) for row in SETTINGS if row.name in names}


def test_servers_restart_one_by_one_without_a_failed_request_of_the_stock_client(
    serve: Callable[..., Servers], tmp_path: pathlib.Path
) -> None:
    found = serve(drain_s=8)
    api = HfApi(endpoint=found.balancer.url, token=found.token)
    is_over = threading.Event()
    done: list[int] = [0, 0]

    def work(number: int) -> None:
        repo, turn = f"alice/r{number}", 0
        api.create_repo(repo)
        while not is_over.is_set():
            content = f"{number} {turn}".encode()
            api.upload_file(path_or_fileobj=content, path_in_repo=f"f{turn % 7}.txt", repo_id=repo)
            assert repo == api.model_info(repo).id
            path = api.hf_hub_download(repo, f"f{turn % 7}.txt", cache_dir=tmp_path / f"cache{number}")
            assert pathlib.Path(path).read_bytes() == content
            turn += 1
            done[number] = turn
            is_over.wait(_PAUSE_S)
        assert len(api.list_repo_commits(repo)) == turn + 1

    def wait_for_more() -> None:
        before = list(done)
        wait_until(
            lambda: (
                any(future.done() for future in working)
                or all(now > then for now, then in zip(done, before, strict=True))
            )
        )

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(work, number) for number in range(2)]
        try:
            for server in found.servers:
                wait_for_more()
                server.restart()
            wait_for_more()
        finally:
            is_over.set()
        for future in working:
            future.result(timeout=MAX_S)
    for server in found.servers:
        assert "shutdown.drains" in server.log()
        assert "shutdown.cancels" not in server.log()
        failed = [line for line in server.log().splitlines() if " status=5" in line]
        assert all("path=/readyz status=503" in line for line in failed)  # the client would try again in silence


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_races_to_create_a_repository_end_without_an_internal_error(serve: Callable[..., Servers]) -> None:
    found = serve()

    def create(number: int) -> int:
        body = {"name": f"r{number // 12}", "type": "model"}
        with found.client() as client:
            return client.post("/api/repos/create", json=body).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(create, range(12 * 6)))
    assert sorted(set(statuses)) == [200, 409]
    assert statuses.count(200) == 6


def test_changes_through_one_server_are_seen_through_the_other(serve: Callable[..., Servers]) -> None:
    found = serve()
    first, second = (
        httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {found.token}"}, trust_env=False)
        for server in found.servers
    )
    with first, second:
        for turn in range(5):
            body = {"name": "m", "type": "model"}
            assert first.post("/api/repos/create", json=body).status_code == 200
            assert second.get("/api/models/alice/m").status_code == 200
            assert second.request("DELETE", "/api/repos/delete", json=body).status_code == 200
            assert first.get("/api/models/alice/m").status_code == 404, turn
        [(_, [secret])] = hub_work.list_users(found.hub)
        accounts.revoke_token(found.hub, "alice", secret.uid)
        assert {server.get("/api/whoami-v2").status_code for server in (first, second)} == {401}


def test_the_jobs_of_a_killed_server_are_taken_over(serve: Callable[..., Servers], tmp_path: pathlib.Path) -> None:
    found = serve(chunk_delay_s=0)
    api = HfApi(endpoint=found.balancer.url, token=found.token)
    api.create_repo("alice/m")
    killed = None
    for turn in range(8):
        (tmp_path / "large").write_bytes(os.urandom(LARGE))
        send_raw(found, f"large{turn}", (tmp_path / "large").read_bytes())
        killed = kill_the_server_that_chunks(found)
        if killed is not None:
            break
    assert killed is not None, "the jobs ended before their server could be killed"
    found.servers[killed].start()
    wait_until(lambda: not waiting(found, "chunk"))
    with found.hub.read() as tx:
        assert max(job.attempts for job in jobs.find(tx) if job.kind == "chunk") == 2
        assert not jobs.find(tx, states=["dead"])


def test_webhooks_keep_their_order_whichever_server_sends_them(serve: Callable[..., Servers]) -> None:
    received: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    found = serve(webhook_private_targets=True)
    apis = [HfApi(endpoint=server.url, token=found.token) for server in found.servers]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            watched: list[Any] = [{"type": "model", "name": "alice/m"}]
            url = f"http://127.0.0.1:{receiver.server_port}/"
            apis[0].create_webhook(url=url, watched=watched, domains=["repo"])
            apis[0].create_repo("alice/m")
            made = [
                apis[turn % 2].upload_file(path_or_fileobj=f"{turn}".encode(), path_in_repo="f", repo_id="alice/m").oid
                for turn in range(12)
            ]
            told: list[str] = []
            while made[-1] not in told:
                told += [ref["newSha"] for ref in received.get(timeout=240).get("updatedRefs", [])]
        finally:
            receiver.shutdown()
            thread.join()
    assert [sha for sha in told if sha in made] == made


def send_raw(found: Servers, path: str, content: bytes) -> None:
    """Upload a large file with git-lfs's protocol, so that the hub has to split it into chunks, and commit it."""
    oid = hashlib.sha256(content).hexdigest()
    with found.client() as client:
        wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(content)}]}
        answer = client.post("/alice/m.git/info/lfs/objects/batch", json=wanted).raise_for_status()
        [item] = answer.json()["objects"]
        upload = item["actions"]["upload"]
        httpx2.put(upload["href"], content=content, headers=upload.get("header"), timeout=240, trust_env=False)
        if "verify" in item["actions"]:
            verify = item["actions"]["verify"]
            client.post(verify["href"], json={"oid": oid, "size": len(content)}, headers=verify.get("header"))
        lines = [
            {"key": "header", "value": {"summary": path}},
            {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": len(content)}},
        ]
        body = "\n".join(json.dumps(line) for line in lines)
        headers = {"content-type": "application/x-ndjson"}
        client.post("/api/models/alice/m/commit/main", content=body, headers=headers).raise_for_status()


def kill_the_server_that_chunks(found: Servers) -> int | None:
    """Kill the server that runs a job of chunking; return its number, or None if no such job is left."""
    while waiting(found, "chunk"):
        pids = [server.pid for server in found.servers]
        with found.hub.read() as tx:
            owners = {owner.split(":")[2] for owner in tx.sql.execute(_CHUNKING).scalars()}
        for number, pid in enumerate(pids):
            if str(pid) in owners:
                found.servers[number].kill()
                if waiting(found, "chunk"):
                    return number
                found.servers[number].start()
    return None


def waiting(found: Servers, kind: str) -> bool:
    with found.hub.read() as tx:
        return any(job.kind == kind for job in jobs.find(tx, states=["ready", "running"]))


def test_an_outage_of_the_database_is_a_503_and_ends_with_it(tmp_path: pathlib.Path) -> None:
    with running_if_installed("synchronous_commit=on") as database:
        settings = Settings(data=tmp_path / "data", port=0, database=database.url(database.create()))
        hub = RunningHub(tmp_path, settings, environ_of(settings, {}))
        hub.start()
        headers = {"authorization": f"Bearer {hub.token}"}
        try:
            with httpx2.Client(base_url=hub.url, headers=headers, timeout=240, trust_env=False) as client:
                assert client.get("/api/whoami-v2").status_code == 200
                database.stop()
                body = {"name": "m", "type": "model"}
                away = [
                    client.get("/api/whoami-v2"),
                    client.get("/readyz"),
                    client.post("/api/repos/create", json=body),
                ]
                assert [answer.status_code for answer in away] == [503] * 3
                assert all(answer.headers["retry-after"] for answer in away)
                assert all("cannot be reached" in answer.json()["error"] for answer in away)
                assert client.get("/healthz").status_code == 200
                database.start()
                # The connections of the pool are dead: a request that only reads gets another one.
                assert client.get("/api/whoami-v2").status_code == 200
                assert client.post("/api/repos/create", json=body).status_code == 200
                database.stop()
                database.start()
                assert client.post("/api/repos/create", json=body | {"name": "n"}).status_code == 200
                assert {model["id"] for model in client.get("/api/models").json()} == {"tester/m", "tester/n"}
        finally:
            hub.kill()
