"""The measurements of the server, one function per theme."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import resource
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from benchmarks import clients, loads
from benchmarks.benches import Bench
from benchmarks.loads import Load
from benchmarks.meters import MIB
from benchmarks.results import Figure
from entrepot.catalog.repos import repositories
from entrepot.hub.context import open_hub
from entrepot.hub.files import rechunking, xorb_scrubbing
from entrepot.settings import load_settings

GIB = 1024 * MIB
_PIECE = 4 * MIB
_CONNECTIONS = 16


@attrs.frozen
class Theme:
    """A measurement; jobs are off if they would disturb it and are measured separately."""

    measure: Callable[[Bench], Iterator[Figure]]
    has_jobs: bool


def measure_transfer(bench: Bench) -> Iterator[Figure]:
    """Upload and download one random file through LFS, and compare with ``sha256sum`` of the same file."""
    theme, size = "one LFS file", bench.pick(GIB, 64 * MIB)
    gib, file = size / GIB, bench.folder / "random.bin"
    _write_random(file, size)
    sha_cpu, hashlib_cpu, writing_cpu = _sha256sum_cpu_s(file), _hashlib_cpu_s(file), _writing_cpu_s(file)
    yield Figure(theme, "sha256sum of the file, CPU", sha_cpu / gib, "s/GiB")
    yield Figure(theme, "hashlib.sha256 of the file, CPU", hashlib_cpu / gib, "s/GiB")
    yield Figure(theme, "copying the file on this disk (read, write, fsync), CPU", writing_cpu / gib, "s/GiB")
    clients.call(bench.hub, "make_repo", "tester/large")
    with bench.meter.measure() as up:
        spent = clients.call(bench.hub, "upload", "tester/large", "random.bin", file)
    yield Figure(theme, "upload, server CPU", up.server_cpu_s / gib, "s/GiB", 1.25 * sha_cpu / gib + 0.7)
    yield Figure(theme, "upload, server CPU / sha256sum CPU", up.server_cpu_s / sha_cpu, "")
    yield Figure(theme, "upload, server CPU / hashlib CPU", up.server_cpu_s / hashlib_cpu, "")
    yield Figure(theme, "upload, client wall (it hashes first)", spent.wall_s / gib, "s/GiB")
    yield Figure(theme, "upload, server memory above idle", up.grown / MIB, "MiB", 64)
    with bench.meter.measure() as down:
        spent = clients.call(bench.hub, "download", "tester/large", "random.bin", bench.folder / "back")
    yield Figure(theme, "download, server CPU", down.server_cpu_s / gib, "s/GiB", 0.5)
    yield Figure(theme, "download, client wall", spent.wall_s / gib, "s/GiB")
    yield Figure(theme, "download, server memory above idle", down.grown / MIB, "MiB", 64)
    yield Figure(theme, "chunking it for Xet (a job of later), CPU", _chunk_all(bench) / gib, "s/GiB")
    with bench.meter.measure() as down:
        clients.call(bench.hub, "download", "tester/large", "random.bin", bench.folder / "chunked")
    yield Figure(theme, "download of the chunked file, server CPU", down.server_cpu_s / gib, "s/GiB", 0.5)
    yield Figure(theme, "download of the chunked file, server memory above idle", down.grown / MIB, "MiB", 64)
    subprocess.run(["cmp", file, bench.folder / "chunked" / "random.bin"], check=True)


def measure_memory(bench: Bench) -> Iterator[Figure]:
    """Transfer a file four times as large; memory must not grow with the size."""
    theme, size = "one 4 GiB file", bench.pick(4 * GIB, 256 * MIB)
    gib, file = size / GIB, bench.folder / "sparse.bin"
    with file.open("wb") as out:
        out.truncate(size)
    clients.call(bench.hub, "make_repo", "tester/sparse")
    with bench.meter.measure() as up:
        clients.call(bench.hub, "upload", "tester/sparse", "sparse.bin", file)
    yield Figure(theme, "upload, server memory above idle", up.grown / MIB, "MiB", 64)
    yield Figure(theme, "upload, server peak", up.peak / MIB, "MiB")
    yield Figure(theme, "upload in parts, server CPU", up.server_cpu_s / gib, "s/GiB")
    file.unlink()
    with bench.meter.measure() as down:
        clients.call(bench.hub, "download", "tester/sparse", "sparse.bin", bench.folder / "back")
    yield Figure(theme, "download, server memory above idle", down.grown / MIB, "MiB", 64)
    yield Figure(theme, "download, server peak", down.peak / MIB, "MiB")
    yield Figure(theme, "download, server CPU", down.server_cpu_s / gib, "s/GiB", 0.5)


def measure_small_files(bench: Bench) -> Iterator[Figure]:
    """Commit 2,000 files of 4 KiB in one commit."""
    theme, count = "2,000 x 4 KiB in one commit", bench.pick(2000, 200)
    clients.call(bench.hub, "make_repo", "tester/small")
    before = _seconds_of(bench, "commit/{tail:path}", "preupload/{tail:path}")
    with bench.meter.measure() as cost:
        spent = clients.call(bench.hub, "commit_small", "tester/small", count, 4096)
    server_s = _seconds_of(bench, "commit/{tail:path}", "preupload/{tail:path}") - before
    yield Figure(theme, "wall in the server (preuploads and commit)", server_s, "s", 4.0)
    yield Figure(theme, "server CPU", cost.server_cpu_s, "s")
    yield Figure(theme, "CPU of follow-up jobs", cost.later_cpu_s, "s")
    yield Figure(theme, "client wall", spent.wall_s, "s")
    yield Figure(theme, "client CPU", spent.cpu_s, "s")
    yield Figure(theme, "server memory above idle", cost.grown / MIB, "MiB", 64)


def measure_folders(bench: Bench) -> Iterator[Figure]:
    """Commit to and list 100,000 files in 100 folders."""
    yield from _many_files(bench, "100,000 files, 100 folders", "tester/folders", "d{folder:03}/f{i:06}.txt")


def measure_flat(bench: Bench) -> Iterator[Figure]:
    """Commit to and list 100,000 files in one folder."""
    yield from _many_files(bench, "100,000 files, one folder", "tester/flat", "all/f{i:06}.txt")


def _many_files(bench: Bench, theme: str, repo: str, pattern: str) -> Iterator[Figure]:
    count, times = bench.pick(100_000, 5_000), bench.pick(20, 5)
    clients.call(bench.hub, "make_repo", repo)
    paths = [pattern.format(folder=i % 100, i=i) for i in range(count)]
    load = _commit_all(bench, repo, [paths])
    yield Figure(theme, "all files in one commit, wall", load.cost.wall_s, "s")
    yield Figure(theme, "all files in one commit, server CPU", load.cost.server_cpu_s, "s")
    yield Figure(theme, "all files in one commit, server memory above idle", load.cost.grown / MIB, "MiB")
    before = _seconds_of(bench, "commit/{tail:path}")
    with bench.meter.measure() as cost:
        spent = clients.call(bench.hub, "commit_ten", repo, times, pattern.replace("f{", "new{"))
    server_s = _seconds_of(bench, "commit/{tail:path}") - before
    yield Figure(theme, "10-file commits back to back, commit request in the server", 1000 * server_s / times, "ms", 50)
    yield Figure(
        theme, "10-file commits back to back, server CPU (all requests)", 1000 * cost.server_cpu_s / times, "ms"
    )
    yield Figure(theme, "10-file commits back to back, client wall", 1000 * spent.wall_s / times, "ms")
    ten = _ten_each(pattern, times)
    together = _commit_all(bench, repo, ten)
    yield Figure(theme, "10-file commits back to back, raw request, p50", together.quantile_ms(0.5), "ms", 50)
    yield Figure(theme, "10-file commits back to back, raw request, server CPU", together.cpu_ms, "ms")
    each = [_commit_all(bench, repo, [paths]) for paths in _ten_each(pattern, times)]
    walls = sorted(load.cost.wall_s for load in each)
    cpu_s = sum(load.cost.server_cpu_s + load.cost.later_cpu_s for load in each)
    yield Figure(theme, "10-file commit, one by one, wall of the request, median", 1000 * walls[times // 2], "ms", 50)
    yield Figure(theme, "10-file commit, one by one, server CPU with follow-up jobs", 1000 * cpu_s / times, "ms")
    with bench.meter.measure() as cost:
        spent = clients.call(bench.hub, "list_all", repo, count)
    yield Figure(theme, "recursive listing, client wall", spent.wall_s, "s")
    yield Figure(theme, "recursive listing, server CPU", cost.server_cpu_s, "s")
    yield Figure(theme, "recursive listing, client CPU", spent.cpu_s, "s")
    yield Figure(theme, "recursive listing, server memory above idle", cost.grown / MIB, "MiB")


def measure_requests(bench: Bench) -> Iterator[Figure]:
    """Send small reads over 16 connections: model info, HEAD and range of a file."""
    clients.call(bench.hub, "make_repo", "tester/reads")
    paths = ["README.md", "config.json", *(f"shard-{i:02}.txt" for i in range(18))]
    _commit_all(bench, "tester/reads", [paths])
    file = bench.folder / "weights.bin"
    _write_random(file, 8 * MIB)
    clients.call(bench.hub, "upload", "tester/reads", "weights.bin", file)
    head = "/tester/reads/resolve/main/config.json"
    piece = loads.request(
        "GET", "/tester/reads/resolve/main/weights.bin", bench.hub.token, headers=["Range: bytes=1048576-1114111"]
    )
    kinds: dict[str, tuple[bytes, int]] = {
        "model info": (loads.request("GET", "/api/models/tester/reads", bench.hub.token), 200),
        "HEAD resolve": (loads.request("HEAD", head, bench.hub.token), 200),
        "GET of a small file": (loads.request("GET", head, bench.hub.token), 200),
        "64 KiB range GET": (piece, 206),
        "whoami": (loads.request("GET", "/api/whoami-v2", bench.hub.token), 200),
        "healthz (the floor)": (loads.request("GET", "/healthz", bench.hub.token), 200),
        "64 KiB range GET, chunked file": (piece, 206),
    }
    each = bench.pick(400, 40)
    for name, (payload, status) in kinds.items():
        if "chunked" in name:
            _chunk_all(bench)
        loads.run(bench.meter, bench.hub.url, [[payload] * 10] * _CONNECTIONS, status=status)
        load = loads.run(bench.meter, bench.hub.url, [[payload] * each] * _CONNECTIONS, status=status)
        yield Figure(name, "server CPU a request", load.cpu_ms, "ms", 1.0)
        yield Figure(name, "requests a second, 16 connections", load.per_second, "/s")
        yield Figure(name, "p50", load.quantile_ms(0.5), "ms")
        yield Figure(name, "p95", load.quantile_ms(0.95), "ms")


def measure_writers(bench: Bench) -> Iterator[Figure]:
    """Let 16 writers make 25 commits each to one branch."""
    theme, commits = "16 writers x 25 commits", bench.pick(25, 4)
    total = _CONNECTIONS * commits
    clients.call(bench.hub, "make_repo", "tester/writers")
    with bench.meter.measure() as cost:
        spent = clients.call(bench.hub, "write_together", "tester/writers", _CONNECTIONS, commits)
    yield Figure(theme, "real client, wall", spent.wall_s, "s")
    yield Figure(theme, "real client, commits a second", total / spent.wall_s, "/s")
    yield Figure(theme, "real client, server CPU a commit", 1000 * cost.server_cpu_s / total, "ms")
    yield Figure(theme, "real client, client CPU a commit", 1000 * spent.cpu_s / total, "ms")
    clients.call(bench.hub, "make_repo", "tester/raw-writers")
    work = [
        [_commit_request(bench, "tester/raw-writers", [f"w{writer:02}/{turn:03}.txt"]) for turn in range(commits)]
        for writer in range(_CONNECTIONS)
    ]
    load = loads.run(bench.meter, bench.hub.url, work, status=200)
    yield Figure(theme, "raw requests, wall", load.cost.wall_s, "s")
    yield Figure(theme, "raw requests, commits a second", load.per_second, "/s")
    yield Figure(theme, "raw requests, server CPU a commit", load.cpu_ms, "ms")
    yield Figure(theme, "raw requests, p95", load.quantile_ms(0.95), "ms")


def measure_idle(bench: Bench) -> Iterator[Figure]:
    """Measure a server that has started and is idle."""
    bench.meter.rest()
    yield Figure("idle", "resident memory", bench.meter.resident() / MIB, "MiB", 90)
    yield Figure("idle", "of it unshared", bench.meter.unique() / MIB, "MiB")
    cpu = bench.meter.cpu_s()
    time.sleep(bench.pick(10, 2))
    yield Figure("idle", "CPU a minute", 60 * (bench.meter.cpu_s() - cpu) / bench.pick(10, 2), "s")


THEMES = {
    "idle": Theme(measure_idle, True),
    "requests": Theme(measure_requests, False),
    "small-files": Theme(measure_small_files, True),
    "writers": Theme(measure_writers, True),
    "transfer": Theme(measure_transfer, False),
    "memory": Theme(measure_memory, False),
    "folders": Theme(measure_folders, True),
    "flat": Theme(measure_flat, True),
}
"""The themes in the order in which they run, each on a fresh hub."""


def _ten_each(pattern: str, times: int) -> list[list[str]]:
    return [[pattern.format(folder=at % 100, i=at) for at in range(turn * 10, turn * 10 + 10)] for turn in range(times)]


def _commit_all(bench: Bench, repo: str, commits: list[list[str]]) -> Load:
    requests = [_commit_request(bench, repo, paths) for paths in commits]
    return loads.run(bench.meter, bench.hub.url, [requests], status=200)


def _commit_request(bench: Bench, repo: str, paths: list[str]) -> bytes:
    lines: list[object] = [{"key": "header", "value": {"summary": f"{len(paths)} files"}}]
    for path in paths:
        content = base64.b64encode(f'{{"name": "{path}", "at": {time.monotonic_ns()}}}\n'.encode()).decode()
        lines.append({"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}})
    body = "\n".join(json.dumps(line) for line in lines).encode()
    kind = "Content-Type: application/x-ndjson"
    return loads.request("POST", f"/api/models/{repo}/commit/main", bench.hub.token, body=body, headers=[kind])


def _seconds_of(bench: Bench, *actions: str) -> float:
    """Return the seconds that the server has spent so far on some actions on models, from its own metrics."""
    with urllib.request.urlopen(f"{bench.hub.url}/metrics") as answer:
        text = answer.read().decode()
    routes = {f"/api/models/{{namespace}}/{{name}}/{action}" for action in actions}
    found = re.findall(r'^entrepot_request_seconds_sum\{route="([^"]+)"[^}]*\} (\S+)$', text, re.MULTILINE)
    return sum(float(value) for route, value in found if route in routes)


def _write_random(file: Path, size: int) -> None:
    with file.open("wb") as out:
        for _ in range(size // _PIECE):
            out.write(os.urandom(_PIECE))


def _sha256sum_cpu_s(file: Path) -> float:
    subprocess.run(["sha256sum", file], stdout=subprocess.DEVNULL, check=True)  # reads the file into the page cache
    before = _children_cpu_s()
    subprocess.run(["sha256sum", file], stdout=subprocess.DEVNULL, check=True)
    return _children_cpu_s() - before


def _hashlib_cpu_s(file: Path) -> float:
    started = time.process_time()
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while piece := data.read(MIB):
            digest.update(piece)
    return time.process_time() - started


def _writing_cpu_s(file: Path) -> float:
    copy = file.with_suffix(".copy")
    started = time.process_time()
    with file.open("rb") as data, copy.open("wb", buffering=0) as out:
        while piece := data.read(MIB):
            out.write(piece)
        os.fsync(out.fileno())
    used = time.process_time() - started
    copy.unlink()
    return used


def _chunk_all(bench: Bench) -> float:
    """Chunk the hub's large files in this process, as a job would, and return the CPU seconds."""
    hub = open_hub(load_settings(flags={}, environ={}, toml_path=None, default_data=bench.hub.data).settings)
    started = time.process_time()
    with contextlib.closing(hub):
        with hub.read() as tx:
            rows = repositories.everything(tx)
        for row in rows:
            xorb_scrubbing.finish(rechunking.chunk_steps(hub, row.id))
    return time.process_time() - started


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
