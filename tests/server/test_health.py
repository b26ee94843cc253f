from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from entrepot.errors import StoreUnavailable
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.s3_server import S3Server
from tests.support.served_hub import ServedHub


def test_a_live_process_says_so(world: ServedHub) -> None:
    answer = world.client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_usable_hub_is_ready(world: ServedHub) -> None:
    answer = world.client().get("/readyz")
    checks = {"database": {"status": "reachable"}, "store": {"status": "reachable"}}
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": checks})
    assert answer.headers["cache-control"] == "no-store"


def test_a_hub_whose_store_is_gone_is_alive_but_not_ready(world: ServedHub, tmp_path: Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    with running(make_app(hub)) as address:
        hub.close()
        database = tmp_path / "data/catalog.sqlite3"
        for path in tmp_path.glob("data/catalog.sqlite3*"):
            path.unlink()
        database.mkdir()
        client = world.client()
        ready, alive = client.get(f"{address.url}/readyz"), client.get(f"{address.url}/healthz")
        metrics = client.get(f"{address.url}/metrics")
    assert alive.status_code == 200
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    said = ready.json()
    assert (said["status"], said["checks"]["store"]) == ("unready", {"status": "reachable"})
    database = said["checks"]["database"]
    assert (database["status"], database["reason"]) == ("unavailable", said["error"])
    assert "T" in database["since"]
    assert metrics.status_code == 200  # what needs no database is counted on
    assert {"entrepot_ready 0.0", "entrepot_database_reachable 0.0"} <= set(metrics.text.splitlines())
    assert "entrepot_repositories" not in metrics.text


def test_a_hub_whose_bucket_is_away_is_ready_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_server: S3Server
) -> None:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    settings = Settings(data=tmp_path / "data", store=f"s3://shared/degraded?endpoint={s3_server.url}")
    hub = open_hub(settings, fsync=False)

    def fail(key: str) -> None:
        raise StoreUnavailable(key, "the service cannot be reached")

    with running(make_app(hub)) as address, httpx2.Client(base_url=address.url, trust_env=False) as client:
        before = client.get("/metrics")
        monkeypatch.setattr(hub.store.blobs, "stat", fail)
        answers = [client.get("/readyz") for _ in range(2)]
        while answers[-1].json()["status"] == "ready":  # it is asked once a second
            time.sleep(0.1)
            answers.append(client.get("/readyz"))
        listed, metrics = client.get("/api/models"), client.get("/metrics")
    hub.close()
    assert "entrepot_store_reachable 1.0" in before.text.splitlines()
    store = answers[-1].json()["checks"]["store"]
    assert (answers[-1].status_code, answers[-1].json()["status"]) == (200, "degraded")
    assert (store["status"], store["reason"]) == ("unavailable", "the service cannot be reached")
    assert listed.status_code == 200
    assert {"entrepot_ready 1.0", "entrepot_store_reachable 0.0"} <= set(metrics.text.splitlines())


def test_a_server_that_is_about_to_stop_is_alive_but_not_ready(world: ServedHub) -> None:
    app = make_app(world.hub)

    async def draining(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["is_draining"] = True
        await app(scope, receive, send)

    with running(draining) as address:
        client = world.client()
        ready, alive = client.get(f"{address.url}/readyz"), client.get(f"{address.url}/healthz")
        info = client.get(f"{address.url}/api/models")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    assert "about to stop" in ready.json()["error"]
    assert ready.json()["status"] == "draining"
    assert (alive.status_code, info.status_code) == (200, 200)


def test_metrics_count_requests_and_show_the_sizes_of_the_hub(world: ServedHub) -> None:
    client = world.client()
    client.get("/healthz")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'route="/healthz"' in answer.text
    assert "entrepot_repositories " in answer.text


@pytest.mark.parametrize("name", ["x-forwarded-for", "x-real-ip", "forwarded", "via"])
def test_metrics_behind_a_proxy_are_for_administrators(world: ServedHub, name: str) -> None:
    proxied = {name: "127.0.0.1"}
    assert world.client(**proxied).get("/metrics").status_code == 401
    refused = world.client(world.alice, **proxied).get("/metrics")
    assert refused.status_code == 403
    assert "entrepot_" not in refused.text
    accounts.create_user(world.hub, f"root-{name}", is_admin=True)
    admin = accounts.create_token(world.hub, f"root-{name}", role="read").secret
    assert "entrepot_requests_total" in world.client(admin, **proxied).get("/metrics").text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:80", 200),
        ("127.0.0.1", 200),
        ("[::1]:7", 200),
        ("evil.example", 401),
        ("127.0.0.1.evil.example", 401),
    ],
)
def test_metrics_are_not_for_pages_of_other_hosts(world: ServedHub, host: str, status: int) -> None:
    assert world.client(host=host).get("/metrics").status_code == status


def test_metrics_are_public_when_a_setting_says_so(tmp_path: Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data", public_metrics=True), fsync=False)
    with running(make_app(hub)) as address:
        answer = httpx2.get(f"{address.url}/metrics", headers={"x-forwarded-for": "198.51.100.7"}, trust_env=False)
    hub.close()
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["healthz", "readyz", "no-such-user/nothing/resolve/main/x", "api/models/a/b", "nothing"]
)
def test_head_announces_no_document_for_an_error(world: ServedHub, path: str) -> None:
    answer = world.client().head(f"/{path}")
    assert answer.content == b""
    if answer.status_code >= 400:
        assert "content-type" not in answer.headers
        assert answer.headers.get("content-length", "0") == "0"
