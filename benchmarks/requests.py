"""Run the benchmark of small requests: ``python -m benchmarks.requests [--quick] [--only NAME] [--out FILE]``.

Sixteen keep-alive connections of raw sockets send one request at a time each, with one token, to a hub
without background jobs. "Cold" hubs remember nothing (``remembered_bytes = 0``), so every request is
answered from the database; "warm" hubs have the default settings. ``/healthz``, which needs neither
threads nor the database, is measured in the same round: it is the floor of HTTP, routes and log.
Rounds alternate between the requests; the figures are those of the best of three rounds. A hub on
PostgreSQL is compared with one on SQLite that runs beside it: rounds alternate between the two, and
the best of eight count.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import loads
from benchmarks.benches import conduct
from benchmarks.loads import Load
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure
from entrepot import testing
from entrepot.testing.hubs import RunningHub
from tests.support.postgres import find_programs, running

_CONNECTIONS = 16
_ROUNDS, _COMPARED_ROUNDS = 3, 8
_COLD_MS = {"whoami": 0.4, "HEAD of a file": 0.4, "GET of 4 KiB": 0.5, "model info": 0.8}
_WARM_MS = 0.15
_BESIDE_MS = 70.0
_IDLE_MIB = 90.0
_MAX_TIMES = 2.0
_SNAPSHOT_S = 1.8
_DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
_SNAPSHOT = "import sys, huggingface_hub as h; h.snapshot_download('tester/many', local_dir=sys.argv[1])"

Costs = Mapping[str, Load]


def main() -> None:
    """Run the benchmark and exit."""
    conduct("requests", __doc__, ["cold", "warm", "beside", "postgres", "snapshot"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of a theme."""
    themes = {
        "cold": _measure_cold,
        "warm": _measure_warm,
        "beside": _measure_beside,
        "postgres": _measure_postgres,
        "snapshot": _measure_snapshot,
    }
    yield from themes[theme](is_quick)


def _measure_cold(is_quick: bool) -> Iterator[Figure]:
    with testing.hub(run_jobs=False, remembered_bytes=0) as hub:
        [costs] = _costs([hub], _ROUNDS, is_quick)
        yield from _figures("cold", costs, _COLD_MS)


def _measure_warm(is_quick: bool) -> Iterator[Figure]:
    with testing.hub(run_jobs=False) as hub:
        [costs] = _costs([hub], _ROUNDS, is_quick)
        yield from _figures("warm", costs, dict.fromkeys(_COLD_MS, _WARM_MS))
        yield Figure("warm", "resident memory after it", Meter(hub.pid).resident() / MIB, "MiB", _IDLE_MIB)


def _measure_beside(is_quick: bool) -> Iterator[Figure]:
    """Measure whoami while two connections ask for the description of a repository of 5,000 files, again and again."""
    with testing.hub(run_jobs=False) as hub:
        _create(hub, "large", [f"folder-{at % 50}/file-{at}.txt" for at in range(50 if is_quick else 5_000)], size=20)
        whoami = loads.request("GET", "/api/whoami-v2", hub.token)
        # Each asks in another way, so that no answer to one of them is remembered for the next.
        infos = [
            [loads.request("GET", f"/api/models/tester/large?x={one}.{at}", hub.token) for at in range(20_000)]
            for one in range(2)
        ]
        work = [[whoami] * (20 if is_quick else 200)] * _CONNECTIONS
        load = loads.run(Meter(hub.pid), hub.url, work, status=200, beside=infos)
        yield Figure("beside", "whoami beside infos of 5,000 files, p50", load.quantile_ms(0.5), "ms")
        yield Figure("beside", "whoami beside infos of 5,000 files, p99", load.quantile_ms(0.99), "ms", _BESIDE_MS)


def _measure_postgres(is_quick: bool) -> Iterator[Figure]:
    programs = find_programs()
    if programs is None:
        raise SystemExit("this benchmark needs PostgreSQL and psycopg")
    for mode, most in (("cold", 0), ("warm", None)):
        options = {} if most is None else {"remembered_bytes": most}
        with (
            running(programs, *_DURABLE) as database,
            testing.hub(run_jobs=False, **options) as embedded,
            testing.hub(run_jobs=False, database=database.url(database.create()), **options) as hub,
        ):
            before, costs = _costs([embedded, hub], _COMPARED_ROUNDS, is_quick)
            for name, load in costs.items():
                if name in _COLD_MS:
                    yield Figure("postgres", f"{mode}: {name}, server on PostgreSQL", load.cpu_ms, "ms CPU")
                    ratio = load.cpu_ms / before[name].cpu_ms
                    yield Figure("postgres", f"{mode}: {name}, PostgreSQL / SQLite", ratio, "times", _MAX_TIMES)


def _measure_snapshot(is_quick: bool) -> Iterator[Figure]:
    """Measure the server while huggingface_hub downloads 2,000 files of 4 KiB with its default settings."""
    with testing.hub(run_jobs=False) as hub, tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder:
        _create(hub, "many", [f"folder-{at % 20}/file-{at}.txt" for at in range(50 if is_quick else 2_000)], size=4096)
        environ = os.environ | hub.environ() | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        costs = []
        for turn in range(_ROUNDS):
            with Meter(hub.pid).measure() as cost:
                subprocess.run(
                    [sys.executable, "-c", _SNAPSHOT, str(Path(folder) / str(turn))], check=True, env=environ
                )
            costs.append(cost)
        best = min(costs, key=lambda cost: cost.server_cpu_s)
        yield Figure("snapshot", "2,000 files of 4 KiB, server CPU", best.server_cpu_s, "s", _SNAPSHOT_S)
        yield Figure("snapshot", "2,000 files of 4 KiB, wall", best.wall_s, "s")


def _costs(hubs: Sequence[RunningHub], rounds: int, is_quick: bool) -> Sequence[Costs]:
    """Return the cheapest of several rounds for each kind of request, for each hub; rounds alternate between them."""
    asked = [(hub, Meter(hub.pid), _kinds(hub)) for hub in hubs]
    best: list[dict[str, Load]] = [{} for _ in hubs]
    for hub, meter, kinds in asked:
        for payload in kinds.values():
            loads.run(meter, hub.url, [[payload] * 10] * _CONNECTIONS, status=200)
    for _ in range(1 if is_quick else rounds):
        for name in asked[0][2]:
            for found, (hub, meter, kinds) in zip(best, asked, strict=True):
                work = [[kinds[name]] * (20 if is_quick else 100)] * _CONNECTIONS
                load = loads.run(meter, hub.url, work, status=200)
                if name not in found or load.cpu_ms < found[name].cpu_ms:
                    found[name] = load
    return best


def _kinds(hub: RunningHub) -> Mapping[str, bytes]:
    """Create a repository, and return the requests by name."""
    _create(hub, "reads", ["README.md", "config.json", *(f"shard-{at:02}.txt" for at in range(18))], size=4096)
    file = "/tester/reads/resolve/main/shard-00.txt"
    return {
        "healthz": loads.request("GET", "/healthz", hub.token),
        "whoami": loads.request("GET", "/api/whoami-v2", hub.token),
        "HEAD of a file": loads.request("HEAD", file, hub.token),
        "GET of 4 KiB": loads.request("GET", file, hub.token),
        "model info": loads.request("GET", "/api/models/tester/reads", hub.token),
    }


def _figures(theme: str, costs: Costs, targets: Mapping[str, float]) -> Iterator[Figure]:
    for name, load in costs.items():
        yield Figure(theme, f"{name}, server CPU a request", load.cpu_ms, "ms", targets.get(name))
        yield Figure(theme, f"{name}, p50", load.quantile_ms(0.5), "ms")
        yield Figure(theme, f"{name}, p99", load.quantile_ms(0.99), "ms")


def _create(hub: RunningHub, name: str, paths: Sequence[str], *, size: int) -> None:
    """Create a repository with text files."""
    body = json.dumps({"name": name, "type": "model"}).encode()
    creation = loads.request("POST", "/api/repos/create", hub.token, body=body)
    lines: list[object] = [{"key": "header", "value": {"summary": "files"}}]
    for path in paths:
        content = base64.b64encode(f"{path}\n".encode() * (size // (len(path) + 1) + 1))[: size // 3 * 4].decode()
        lines.append({"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}})
    ndjson = "\n".join(json.dumps(line) for line in lines).encode()
    kind = "Content-Type: application/x-ndjson"
    target = f"/api/models/tester/{name}/commit/main"
    commit = loads.request("POST", target, hub.token, body=ndjson, headers=[kind])
    loads.run(Meter(hub.pid), hub.url, [[creation, commit]], status=200)


if __name__ == "__main__":
    main()
