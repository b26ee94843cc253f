"""Run the benchmark of several servers: ``python -m benchmarks.servers [--quick] [--only NAME] [--out FILE]``.

One, two and four servers on one PostgreSQL database and one bucket of SeaweedFS serve the same work, all on this
machine. The figures to plan with are CPU time for each unit of work; speeds show whether servers
disturb each other, beside what the bucket itself does in the same run. On cores that they share with the bucket,
servers cannot be as fast as the bucket alone; nginx in front of it shows what any proxy reaches there.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from benchmarks.backends import running_backends
from benchmarks.benches import conduct
from benchmarks.meters import Meter
from benchmarks.proxies import NGINX, running_nginx
from benchmarks.results import Figure
from entrepot.blobs import DirectReads, file_key
from entrepot.hub.context import open_hub
from entrepot.names import Sha256
from tests.support.postgres import PostgresServer
from tests.support.races import Cluster, Journal, commit, running_cluster

_NUMBERS = (1, 2, 4)
_READERS, _WRITERS, _REPOS = 8, 16, 64
_GIB = 1 << 30
_BARE = r"""
\set repo random(1, 64)
BEGIN;
SELECT pg_advisory_xact_lock(1, :repo);
UPDATE bare_refs SET oid = md5(random()::text) WHERE id = :repo;
INSERT INTO bare_objects SELECT :repo, md5(random()::text), repeat('x', 300) FROM generate_series(1, 5);
INSERT INTO bare_jobs (repo) VALUES (:repo);
END;
"""
"""What a commit does at the least, for pgbench: the lock of its repository, the ref, five objects and a job."""
_BARE_TABLES = """
CREATE TABLE bare_refs (id int PRIMARY KEY, oid text);
INSERT INTO bare_refs SELECT number, '' FROM generate_series(1, 64) AS numbers(number);
CREATE TABLE bare_objects (repo int, oid text, data text, PRIMARY KEY (repo, oid));
CREATE TABLE bare_jobs (id serial PRIMARY KEY, repo int);
"""
_TPS = re.compile(r"tps = ([0-9.]+)")


@attrs.frozen
class _Stage:
    cluster: Cluster
    database: PostgresServer
    is_quick: bool
    programs: Path

    @property
    def meters(self) -> list[Meter]:
        """The meters of the servers."""
        return [Meter(server.pid) for server in self.cluster.servers]


def main() -> None:
    """Run the benchmark and exit."""
    conduct("servers", __doc__, ["downloads", "commits"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one kind of work for each number of servers."""
    with running_backends("servers") as found:
        for number in _NUMBERS:
            home = found.folder / f"{number}"
            home.mkdir()
            store = f"s3://shared/servers{number}?endpoint={found.s3.url}"
            url = found.database.url(found.database.create())
            with running_cluster(home, number, url, store, run_jobs=False) as cluster:
                for name, value, unit in _THEMES[theme](_Stage(cluster, found.database, is_quick, found.programs)):
                    yield Figure(theme, f"{number} server{'s' * (number > 1)}: {name}", value, unit)


Row = tuple[str, float, str]


def _downloads(stage: _Stage) -> Iterator[Row]:
    """Read one large file, as git-lfs has sent it, through the servers and from the bucket itself."""
    size = (8 if stage.is_quick else 64) << 20
    content = os.urandom(size)
    oid = hashlib.sha256(content).hexdigest()
    with stage.cluster.client() as client:
        client.post("/api/repos/create", json={"name": "m", "type": "model"}).raise_for_status()
        asked = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": size}]}
        answer = client.post("/alice/m.git/info/lfs/objects/batch", json=asked).raise_for_status()
        upload = answer.json()["objects"][0]["actions"]["upload"]
        with stage.cluster.client() as sender:
            sender.put(upload["href"], content=content, headers=upload.get("header")).raise_for_status()
        lines = [
            {"key": "header", "value": {"summary": "large"}},
            {"key": "lfsFile", "value": {"path": "f", "algo": "sha256", "oid": oid, "size": size}},
        ]
        headers = {"content-type": "application/x-ndjson"}
        body = "\n".join(map(json.dumps, lines))
        client.post("/api/models/alice/m/commit/main", content=body, headers=headers).raise_for_status()
    times = 1 if stage.is_quick else 4
    hub = open_hub(stage.cluster.settings)
    assert isinstance(hub.store.blobs, DirectReads)
    signed = hub.store.blobs.url_of(file_key(Sha256(oid)), 0, size - 1, now_s=int(time.time()), seconds=3600)
    hub.close()
    assert signed is not None
    whole = {"Range": f"bytes=0-{size - 1}"}
    own = _read_all([signed], whole, size, times)
    floor = _read_by_nginx(stage.cluster.settings.data.parent, signed, whole, size, times)
    urls = [f"{server.url}/alice/m/resolve/main/f" for server in stage.cluster.servers]
    with contextlib.ExitStack() as measured:
        costs = [measured.enter_context(meter.measure()) for meter in stage.meters]
        through = _read_all(urls, {"Authorization": f"Bearer {stage.cluster.token}"}, size, times)
    yield "through the servers", through / 1e6, "MB/s"
    yield "the bucket itself", own / 1e6, "MB/s"
    done = size * times * _READERS / _GIB
    yield "CPU of all servers", sum(cost.server_cpu_s for cost in costs) / done, "s/GiB"
    if floor is not None:
        yield "nginx in front of the bucket", floor[0] / 1e6, "MB/s"
        yield "through the servers / nginx", through / floor[0], ""
        yield "CPU of nginx", floor[1] / done, "s/GiB"


def _read_by_nginx(
    folder: Path, signed: str, headers: Mapping[str, str], size: int, times: int
) -> tuple[float, float] | None:
    """Read a URL of the bucket through nginx; return the bytes per second and its CPU seconds, if it is installed."""
    if NGINX is None:
        return None
    parts = urlsplit(signed)
    server = f"""location / {{ proxy_pass http://bucket; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_set_header Host {parts.netloc}; proxy_max_temp_file_size 0;
        proxy_buffers 8 256k; proxy_buffer_size 256k; proxy_busy_buffers_size 512k; }}"""
    upstream = f"upstream bucket {{ server {parts.netloc}; keepalive 16; }}"
    with running_nginx(folder, server, workers="auto", http=upstream) as proxy:
        url = f"{proxy.url}{parts.path}?{parts.query}"
        _read_all([url], headers, size, 1)
        with Meter(proxy.pid).measure() as cost:
            speed = _read_all([url], headers, size, times)
    return speed, cost.server_cpu_s


def _read_all(urls: Sequence[str], headers: Mapping[str, str], size: int, times: int) -> float:
    """Read URLs from several threads; return the bytes per second."""

    def read(number: int) -> None:
        parts = urlsplit(urls[number % len(urls)])
        assert parts.hostname is not None
        buffer = bytearray(1 << 20)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        for _ in range(times):
            connection.request("GET", target, headers=dict(headers))
            answer = connection.getresponse()
            assert answer.status in (200, 206), answer.status
            got = 0
            while count := answer.readinto(buffer):
                got += count
            assert got == size
        connection.close()

    begun = time.monotonic()
    with ThreadPoolExecutor(_READERS) as pool:
        list(pool.map(read, range(_READERS)))
    return size * times * _READERS / (time.monotonic() - begun)


def _commits(stage: _Stage) -> Iterator[Row]:
    """Commit small files to 64 repositories from 16 connections, after a round in which every server warms up."""
    with stage.cluster.client() as client:
        for number in range(_REPOS):
            client.post("/api/repos/create", json={"name": f"r{number}", "type": "model"}).raise_for_status()
    _write_all(stage, "first", 4)
    with contextlib.ExitStack() as measured:
        costs = [measured.enter_context(meter.measure()) for meter in stage.meters]
        beside = measured.enter_context(Meter(stage.database.pid).measure())
        written = _write_all(stage, "later", 4 if stage.is_quick else 40)
    done, servers_s, database_s = written.done, sum(cost.server_cpu_s for cost in costs), beside.server_cpu_s
    yield "commits", done / written.took_s, "/s"
    yield "pgbench: the same locks and the least rows", _bare_rate(stage), "/s"
    yield "commits that failed", written.tried - done, ""
    yield "CPU of all servers", servers_s * 1000 / done, "ms/commit"
    yield "CPU of PostgreSQL", database_s * 1000 / done, "ms/commit"
    yield "CPU of the clients", written.client_cpu_s * 1000 / done, "ms/commit"
    whole_s = servers_s + database_s + written.client_cpu_s
    yield "cores in use during the commits", whole_s / written.took_s, ""


@attrs.frozen
class _Written:
    """Commits that were tried and acknowledged, how long that took, and the CPU seconds of this process."""

    tried: int
    done: int
    took_s: float
    client_cpu_s: float


def _write_all(stage: _Stage, title: str, times: int) -> _Written:
    """Commit ``times`` files from each connection; what a meter waits for before and after is not part of the time."""
    journals = [Journal() for _ in range(_WRITERS)]

    def work(number: int) -> None:
        server = stage.cluster.servers[number % len(stage.cluster.servers)]
        with stage.cluster.client(server) as client:
            for turn in range(times):
                repo = f"alice/r{(number + turn * _WRITERS) % _REPOS}"
                commit(client, repo, f"{title}{number}-{turn}", journals[number])

    begun, begun_cpu_s = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(work, range(_WRITERS)))
    took_s, cpu_s = time.monotonic() - begun, time.process_time() - begun_cpu_s
    return _Written(_WRITERS * times, sum(len(journal.acknowledged) for journal in journals), took_s, cpu_s)


def _bare_rate(stage: _Stage) -> float:
    """Return how many transactions a second PostgreSQL does that take the lock of a commit and write the least rows."""
    folder, name = stage.database.folder, stage.database.create()
    where = ["-h", str(folder), "-U", "postgres"]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_BARE)
        script.flush()
        tables = ["psql", *where, "-q", "-c", _BARE_TABLES, name]
        seconds = "2" if stage.is_quick else "10"
        bench = ["pgbench", *where, "-n", "-c", str(_WRITERS), "-T", seconds, "-f", script.name, name]
        for command in (tables, bench):
            program = str(stage.programs / command[0])
            done = subprocess.run([program, *command[1:]], check=True, capture_output=True, text=True, cwd=folder)
    found = _TPS.search(done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


_THEMES: Mapping[str, Callable[[_Stage], Iterator[Row]]] = {"downloads": _downloads, "commits": _commits}

if __name__ == "__main__":
    main()
