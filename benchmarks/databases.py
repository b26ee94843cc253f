"""Run the benchmark of databases: ``python -m benchmarks.databases [--quick] [--only NAME] [--out FILE]``.

The same requests are sent to a hub on SQLite and to one on PostgreSQL, on one connection, one after
the other. The figures are CPU time for each request: of the server, and of all processes of PostgreSQL.
"""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from benchmarks.benches import Bench, conduct
from benchmarks.meters import Meter
from benchmarks.results import Figure
from entrepot import testing
from tests.support.postgres import find_programs, running

_MAX_TIMES = 2.0
_DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")


def main() -> None:
    """Run the benchmark and exit."""
    conduct("databases", __doc__, ["requests"], measure)


def measure(_theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the cost of each request on each database, and its ratio."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder:
        with testing.hub(run_jobs=False) as hub:
            bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
            before = {name: cost for name, cost, _ in _costs(bench, None)}
        programs = find_programs()
        if programs is None:
            raise SystemExit("this benchmark needs PostgreSQL and psycopg")
        with (
            running(programs, *_DURABLE) as database,
            testing.hub(run_jobs=False, database=database.url(database.create())) as hub,
        ):
            bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
            for name, cost, beside in _costs(bench, Meter(database.pid)):
                yield Figure("requests", f"{name}: server on SQLite", before[name], "ms CPU")
                yield Figure("requests", f"{name}: server on PostgreSQL", cost, "ms CPU")
                yield Figure("requests", f"{name}: PostgreSQL itself", beside, "ms CPU")
                most = None if name.startswith("commit") else _MAX_TIMES
                yield Figure("requests", f"{name}: PostgreSQL / SQLite", cost / before[name], "times", most)


def _costs(bench: Bench, database: Meter | None) -> Iterator[tuple[str, float, float]]:
    """Yield the name of each request, and its cost in CPU milliseconds of the server and of the database."""
    headers = {"Authorization": f"Bearer {bench.hub.token}"}
    with httpx2.Client(base_url=bench.hub.url, headers=headers, timeout=60, trust_env=False) as client:
        client.post("/api/repos/create", json={"name": "m", "type": "model"}).raise_for_status()
        _commit(client, 0)
        for name, send, times in (
            ("who am I", lambda _: client.get("/api/whoami-v2"), bench.pick(1500, 20)),
            ("model info", lambda _: client.get("/api/models/tester/m"), bench.pick(1000, 20)),
            ("HEAD of a file", lambda _: client.head("/tester/m/resolve/main/f0"), bench.pick(1500, 20)),
            ("GET of 4 KiB", lambda _: client.get("/tester/m/resolve/main/f0"), bench.pick(1000, 20)),
            ("commit of a small file", lambda number: _commit(client, number + 1), bench.pick(300, 5)),
        ):
            yield name, *_cost(bench, database, send, times)


def _cost(
    bench: Bench, database: Meter | None, send: Callable[[int], httpx2.Response], times: int
) -> tuple[float, float]:
    for number in range(3):
        send(-number)
    meter = database.measure() if database is not None else contextlib.nullcontext()
    with bench.meter.measure() as cost, meter as beside:
        for number in range(times):
            send(number).raise_for_status()
    return cost.server_cpu_s * 1000 / times, beside.server_cpu_s * 1000 / times if beside is not None else 0.0


def _commit(client: httpx2.Client, number: int) -> httpx2.Response:
    content = base64.b64encode(f"{number}".encode().ljust(4096)).decode()
    lines = [
        {"key": "header", "value": {"summary": "change"}},
        {"key": "file", "value": {"path": f"f{number % 50}", "content": content, "encoding": "base64"}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    headers = {"content-type": "application/x-ndjson"}
    return client.post("/api/models/tester/m/commit/main", content=body, headers=headers)


if __name__ == "__main__":
    main()
