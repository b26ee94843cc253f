"""Compare the hub with its peers in one run: ``python -m benchmarks.peers [--quick] [--only NAME] [--out FILE]``.

giftless, mlflow and rclone are installed with pip into a temporary folder, and nginx, which must be installed, is the
floor. Each server runs alone, with its documented command, and does the same work for the same client. The figures are
the CPU time of all processes of a server, the best of several rounds; wall time includes the client, which is Python.
Ratios above 1 say that the hub is behind; for nginx they have no target. What giftless stores is neither
hashed nor synced to disk; the hub does both before it answers.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import attrs

from benchmarks.benches import conduct
from benchmarks.meters import MIB, Cost, Meter
from benchmarks.peer_servers import DAV, GIFTLESS, HTTP, MLFLOW, NGINX, OFF, ON, PeerHost, Service
from benchmarks.results import Figure

_GIB = 1 << 30
_CONNECTIONS, _LFS_CONNECTIONS = 16, 8
_BATCH = 100  # objects in one batch request. Source: git-lfs, docs/man/git-lfs-config.adoc, "lfs.transfer.batchSize"
_LFS_HEADERS = {"Accept": "application/vnd.git-lfs+json", "Content-Type": "application/vnd.git-lfs+json"}
_ROUNDS = 3
_REUSED_S = 1.0  # servers close idle connections, uvicorn after 5 s
_FIRST = 20


@attrs.frozen
class LfsContent:
    """An LFS object to send, and its name in the repository."""

    name: str
    oid: str
    data: bytes = attrs.field(repr=False)


@attrs.frozen
class HttpCaller:
    """Sends requests to a service; each thread has its own connection, which is reopened when the server closes it."""

    service: Service
    _local: threading.local = attrs.field(factory=threading.local)

    def send(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> bytes:
        """Return the body of a successful answer to a request with the headers of the service and further ones.

        Raises:
            RuntimeError: the status is not 2xx.
        """
        return self.ask(method, target, body, {**self.service.headers, **headers})

    def ask(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        """Return the body of a successful answer to a request with exactly these headers."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(urlsplit(self.service.url).netloc, timeout=300, blocksize=MIB)
            self._local.connection = connection
        elif time.monotonic() - self._local.used > _REUSED_S:
            connection.close()
        connection.request(method, target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        self._local.used = time.monotonic()
        said = bytes(answer.read())
        if not self.service.persists:
            connection.close()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{self.service.name}: {method} {target}: {answer.status} {said[:300]!r}")
        return said

    def follow(self, action: Mapping[str, object], method: str, body: bytes | None = None) -> bytes:
        """Send the request that an LFS action describes."""
        parts = urlsplit(str(action["href"]))
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        given = action.get("header")
        return self.ask(method, target, body, given if isinstance(given, dict) else {})


def main() -> None:
    """Run the benchmark and exit."""
    notes = {
        OFF: "run_jobs = false; git-lfs sends no verify request, because the hub names none",
        ON: "default settings, chunk_delay_s = 0s; CPU of the jobs after the answers is a figure of its own",
    }
    with tempfile.TemporaryDirectory(prefix="entrepot-peers-") as folder:
        host = PeerHost(Path(folder), notes)
        conduct("peers", __doc__, list(_THEMES), partial(measure, host), notes=notes)


def measure(host: PeerHost, theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of a theme, and the ratios between the hub and each peer."""
    values: dict[str, dict[str, float]] = {}
    names, work = _THEMES[theme]
    for name in (OFF, ON, *names):
        with host.running(name, starts=_ROUNDS if theme == "idle" else 1) as service:
            if service is None:
                continue
            for figure in work(service, is_quick):
                yield Figure(theme, f"{figure.name}: {name}", figure.value, figure.unit)
                if "wall" not in figure.name:
                    values.setdefault(figure.name, {})[name] = figure.value
    for what, by_name in values.items():
        for name in names:
            if OFF in by_name and by_name.get(name):  # no ratio to work below one tick of the kernel's clock
                ratio = by_name[OFF] / by_name[name]
                yield Figure(theme, f"{what}: hub / {name}", ratio, "times", None if name == NGINX else 1.0)


def _measure_lfs(service: Service, is_quick: bool) -> Iterator[Figure]:
    """Push objects of 10 KiB as git-lfs does, then fetch them in the same way."""
    count = 50 if is_quick else 500
    caller, meter = HttpCaller(service), Meter(service.pid)
    pushes, fetches, later = list[Cost](), list[Cost](), 0.0
    for at in range(_FIRST):
        # One after the other: the first requests to a worker of giftless set up its checks of tokens, and requests
        # beside them may be refused.
        _transfer(caller, "upload", [_content(f"first-{at}.bin", os.urandom(10 * 1024))])
    for turn in range(1 if is_quick else _ROUNDS):
        contents = [_content(f"{turn}-{at}.bin", os.urandom(10 * 1024)) for at in range(count)]
        with meter.measure() as cost:
            _transfer(caller, "upload", contents)
        pushes.append(cost)
        if service.publish is not None:
            with meter.measure() as cost:
                service.publish({item.name: (item.oid, len(item.data)) for item in contents})
            later = max(later, cost.server_cpu_s + cost.later_cpu_s)
        with meter.measure() as cost:
            _transfer(caller, "download", contents)
        fetches.append(cost)
    for name, costs in (("push", pushes), ("fetch", fetches)):
        yield Figure("", f"{name} of {count} objects, CPU each", _least(costs) * 1000 / count, "ms")
        yield Figure("", f"{name} of {count} objects, wall", min(cost.wall_s for cost in costs), "s")
    if service.publish is not None:
        yield Figure("", f"commit of {count} objects and its jobs, CPU", later, "s")


def _content(name: str, data: bytes) -> LfsContent:
    return LfsContent(name, hashlib.sha256(data).hexdigest(), data)


def _transfer(caller: HttpCaller, operation: str, contents: Sequence[LfsContent]) -> None:
    """Upload or download objects: batches one after the other, the transfers of each in parallel."""

    def one(item: LfsContent, actions: Mapping[str, Mapping[str, object]]) -> None:
        if operation == "download":
            got = caller.follow(actions["download"], "GET")
            assert hashlib.sha256(got).hexdigest() == item.oid, item.name
            return
        caller.follow(actions["upload"], "PUT", item.data)
        if "verify" in actions:
            given = actions["verify"].get("header")
            assert given is None or isinstance(given, dict)
            action = {**actions["verify"], "header": {**(given or {}), **_LFS_HEADERS}}
            caller.follow(action, "POST", json.dumps({"oid": item.oid, "size": len(item.data)}).encode())

    with ThreadPoolExecutor(_LFS_CONNECTIONS) as pool:
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            asked = {
                "operation": operation,
                "transfers": ["basic"],
                "hash_algo": "sha256",
                "objects": [{"oid": item.oid, "size": len(item.data)} for item in part],
            }
            target = f"{caller.service.lfs}/objects/batch"
            said = json.loads(caller.send("POST", target, json.dumps(asked).encode(), _LFS_HEADERS))
            list(pool.map(one, part, [item["actions"] for item in said["objects"]]))


def _measure_large(service: Service, is_quick: bool) -> Iterator[Figure]:
    """Store a file of random bytes and read it, with plain requests or, where the server has no others, LFS."""
    size = (16 if is_quick else 256) * MIB
    caller, meter = HttpCaller(service), Meter(service.pid)
    ups, downs, later = list[Cost](), list[Cost](), 0.0
    for turn in range(1 if is_quick else _ROUNDS):
        item = _content(f"{turn}.bin", os.urandom(size))
        if service.put or service.lfs:
            with meter.measure() as cost:
                if service.put:
                    caller.send("PUT", service.put.format(item.name), item.data)
                else:
                    _transfer(caller, "upload", [item])
            ups.append(cost)
        else:
            service.fill({item.name: item.data})
        if service.publish is not None:
            with meter.measure() as cost:
                service.publish({item.name: (item.oid, size)})
            later = max(later, cost.server_cpu_s + cost.later_cpu_s)
        with meter.measure() as cost:
            if service.get:
                assert caller.send("GET", service.get.format(item.name)) == item.data
            else:
                _transfer(caller, "download", [item])
        downs.append(cost)
    for name, costs in (("upload", ups), ("download", downs)):
        if costs:
            yield Figure("", f"{name} of {size // MIB} MiB, CPU", _least(costs) * _GIB / size, "s/GiB")
            yield Figure("", f"{name} of {size // MIB} MiB, wall", min(cost.wall_s for cost in costs), "s")
    if service.publish is not None:
        yield Figure("", f"commit of {size // MIB} MiB and its jobs, CPU", later * _GIB / size, "s/GiB")


def _measure_small(service: Service, is_quick: bool) -> Iterator[Figure]:
    """Read 1,000 text files of 4 KiB in one folder, and list the folder."""
    count, listings = (50, 5) if is_quick else (1000, 20)
    caller, meter = HttpCaller(service), Meter(service.pid)
    files = {f"many/{at:04}.txt": os.urandom(2048).hex().encode() for at in range(count)}
    service.fill(files)
    caller.send("GET", service.get.format("many/0000.txt"))

    def read(part: Sequence[str]) -> None:
        for name in part:
            assert caller.send("GET", service.get.format(name)) == files[name], name

    names = list(files)
    parts = [names[at::_CONNECTIONS] for at in range(_CONNECTIONS)]
    costs = list[Cost]()
    for _ in range(1 if is_quick else 1 + _ROUNDS):
        with ThreadPoolExecutor(_CONNECTIONS) as pool, meter.measure() as cost:
            list(pool.map(read, parts))
        costs.append(cost)
    yield Figure("", f"first {count} GETs of 4 KiB, CPU each", costs[0].server_cpu_s * 1000 / count, "ms")
    yield Figure("", f"first {count} GETs of 4 KiB, wall", costs[0].wall_s, "s")
    if not is_quick:
        again = sum(cost.server_cpu_s for cost in costs[1:]) / _ROUNDS
        yield Figure("", f"the same {count} GETs again, CPU each", again * 1000 / count, "ms")
    depth = {"Depth": "1"} if service.listing_method == "PROPFIND" else {}
    with meter.measure() as cost:
        for number in range(listings):
            target = service.listing.format(number)
            said = caller.send(service.listing_method, target, headers=depth)
            assert said.count(b".txt") >= count, said[:300]
    yield Figure("", f"listing of {count} files, CPU", cost.server_cpu_s * 1000 / listings, "ms")
    yield Figure("", f"listing of {count} files, wall", cost.wall_s / listings, "s")


def _measure_idle(service: Service, _is_quick: bool) -> Iterator[Figure]:
    """Measure a server that has answered nothing but the request that tells that it runs."""
    meter = Meter(service.pid)
    meter.rest()
    yield Figure("", "memory after the start, shared pages divided", meter.proportional() / MIB, "MiB")
    yield Figure("", "start to the first answer", service.start_s, "s")


def _least(costs: Sequence[Cost]) -> float:
    return min(cost.server_cpu_s for cost in costs)


_THEMES: Mapping[str, tuple[Sequence[str], Callable[[Service, bool], Iterator[Figure]]]] = {
    "lfs": ((GIFTLESS,), _measure_lfs),
    "large": ((GIFTLESS, MLFLOW, DAV, HTTP, NGINX), _measure_large),
    "small": ((MLFLOW, DAV, HTTP, NGINX), _measure_small),
    "idle": ((GIFTLESS, MLFLOW, DAV, HTTP, NGINX), _measure_idle),
}

if __name__ == "__main__":
    main()
