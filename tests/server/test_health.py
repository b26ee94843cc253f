from __future__ import annotations

from typing import Any

from entrepot.hub.house import open_hub
from entrepot.server.app import make_app
from entrepot.server.hosting import running
from entrepot.settings import Settings


def test_a_live_process_says_so(world: Any) -> None:
    answer = world.client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_usable_hub_is_ready(world: Any) -> None:
    answer = world.client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert answer.headers["cache-control"] == "no-store"


def test_a_hub_whose_store_is_gone_is_alive_but_not_ready(world: Any, tmp_path: Any) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    with running(make_app(hub)) as address:
        hub.close()
        database = tmp_path / "data/catalog.sqlite3"
        for path in tmp_path.glob("data/catalog.sqlite3*"):
            path.unlink()
        database.mkdir()
        client = world.client()
        ready, alive = client.get(f"{address.url}/readyz"), client.get(f"{address.url}/healthz")
    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["error"]


def test_metrics_count_requests_and_show_the_sizes_of_the_hub(world: Any) -> None:
    client = world.client()
    client.get("/healthz")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'route="/healthz"' in answer.text
    assert "entrepot_repositories " in answer.text
