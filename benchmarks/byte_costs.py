"""Measure what the bytes of large files cost: ``python -m benchmarks.byte_costs [--quick] [--only NAME] [--out FILE]``.

Each figure is also given as a multiple of ``hashlib.sha256`` over the same bytes, measured in the same
process just before, because the speed of a shared machine varies.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import httpx2

from benchmarks import chunks, clients
from benchmarks.benches import conduct
from benchmarks.chunks import GIB, ChunkBench
from benchmarks.meters import MIB, Meter
from benchmarks.proxies import NGINX, running_nginx
from benchmarks.results import Figure
from entrepot import testing
from entrepot.catalog.repos import repositories
from entrepot.hub.context import open_hub
from entrepot.hub.files import rechunking, xorb_scrubbing
from entrepot.server.limits import allocations
from entrepot.testing.hubs import RunningHub
from entrepot.xet import Xorb, XorbBuilder, chunk_ends, chunk_hash, chunking, compiled_gear, grouping, open_chunks

_ROOT = Path(__file__).resolve().parent.parent
_MAKE = {"random": chunks.write_random, "bf16": chunks.write_weights}
_SIZE, _QUICK = 512 * MIB, 64 * MIB
_SMALL = 10 * 1024
_QUIET = {"run_jobs": False}


def measure_jobs(folder: Path, size: int) -> Iterator[Figure]:
    """Chunk an LFS upload of random bytes and of weights, with the compiled search and without."""
    for kind, target in (("random", 3.1), ("bf16", 3.5)):
        for extra in ("with the extra", "without the extra"):
            if extra == "with the extra" and compiled_gear.compiled_gear() is None:
                continue
            with testing.hub(**_QUIET) as hub:
                bench, file = _bench(hub, folder), folder / f"{kind}.bin"
                _MAKE[kind](file, size)
                unit = _sha256_cpu_s(file)
                clients.call(hub, "make_repo", "tester/m")
                with bench.meter.measure() as up:
                    clients.call(hub, "upload", "tester/m", "w.bin", file)
                spent = _chunk_all(hub, is_compiled=extra == "with the extra")
                limit = target if extra == "with the extra" else 6.0
                yield from _figures(f"chunk job, {kind}", extra, spent, unit, size, limit)
                yield Figure(f"chunk job, {kind}", f"{extra}: bytes stored", bench.stored() / size, "")
                if extra == "with the extra":
                    yield from _figures("LFS upload", kind, up.server_cpu_s, unit, size, None)
                    yield from _fetch(bench, f"{hub.url}/tester/m/resolve/main/w.bin", "packed by the hub", kind, file)


def measure_xet(folder: Path, size: int) -> Iterator[Figure]:
    """Upload through Xet with a stock client, with the jobs that follow; then fetch the file without Xet."""
    for kind in _MAKE:
        file = folder / f"{kind}.bin"
        _MAKE[kind](file, size)
        for name, has_jobs, target in (
            ("without jobs", False, 1.75 if kind == "random" else None),
            ("with jobs", True, 2.5),
        ):
            with testing.hub(run_jobs=has_jobs, chunk_delay_s="0s") as hub:
                bench, unit = _bench(hub, folder), _sha256_cpu_s(file)
                bench.call(name, "make_repo", "tester/m")
                with bench.meter.measure() as up:
                    bench.call(name, "upload", "tester/m", "w.bin", file)
                spent = up.server_cpu_s + up.later_cpu_s
                yield from _figures(f"Xet upload, {kind}", name, spent, unit, size, target)
                if has_jobs:
                    yield from _fetch(bench, f"{hub.url}/tester/m/resolve/main/w.bin", "packed by a client", kind, file)


def measure_nginx(folder: Path, size: int) -> Iterator[Figure]:
    """Fetch a raw file behind nginx, sent by nginx and sent by the hub."""
    if NGINX is None:
        return
    file = folder / "random.bin"
    chunks.write_random(file, size)
    unit = _sha256_cpu_s(file)
    for name, is_on, target in (("sent by nginx", True, 0.15), ("sent by the hub", False, None)):
        with testing.hub(**_QUIET, accel_redirect=is_on, trusted_proxies=["127.0.0.1"]) as hub:
            bench = _bench(hub, folder)
            clients.call(hub, "make_repo", "tester/m")
            clients.call(hub, "upload", "tester/m", "w.bin", file)
            with _nginx(folder, hub) as url, bench.meter.measure() as down:
                _download(f"{url}/tester/m/resolve/main/w.bin", hub.token, file)
            yield from _figures("raw GET behind nginx", name, down.server_cpu_s, unit, size, target)


def measure_parts(folder: Path, size: int) -> Iterator[Figure]:
    """Hash, search, pack and decode bf16 weights in memory, the ways of doing each in turn; the best of five rounds."""
    file = folder / "bf16.bin"
    chunks.write_weights(file, min(size, _QUICK))
    data = memoryview(file.read_bytes())
    ends = [0, *chunk_ends(data)]
    cuts = [data[start:end] for start, end in pairwise(ends)]
    hashes = [chunk_hash(cut) for cut in cuts]
    xorb = _pack(cuts, hashes, XorbBuilder()).finish()
    ways: dict[str, Callable[[], object]] = {
        "sha256": lambda: hashlib.sha256(data).digest(),
        "BLAKE3 of each chunk": lambda: [chunk_hash(cut) for cut in cuts],
        "search for ends, NumPy": lambda: chunking.NumpyChunker().feed(data),
        "pack": lambda: _pack(cuts, hashes, XorbBuilder()),
        "decode and verify, NumPy": lambda: _decode(xorb, after=sys.maxsize),
    }
    gear = compiled_gear.compiled_gear()
    if gear is not None:
        ways["search for ends, compiled"] = lambda: chunking.CompiledChunker(gear).feed(data)
        ways["decode and verify, compiled"] = lambda: _decode(xorb, after=0)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(5):
        for name, way in ways.items():
            spent[name].append(_spent(way))
    unit = min(spent["sha256"])
    for name, rounds in spent.items():
        yield from _figures("parts", name, min(rounds), unit, len(data), None)


def _pack(cuts: Sequence[memoryview], hashes: Sequence[bytes], builder: XorbBuilder) -> XorbBuilder:
    for cut, raw in zip(cuts, hashes, strict=True):
        if not builder.has_room(len(cut)):
            break
        builder.add(cut, raw)
    return builder


def _decode(xorb: Xorb, after: int) -> None:
    """Decode a xorb about 1 MiB at a time, as a download does; with the library after so many bytes."""
    vars(grouping)["_LIBRARY_PAYS_AFTER"] = after
    index = xorb.index
    for start in range(0, index.count, 16):
        end = min(start + 16, index.count)
        open_chunks(xorb.data[index.offset(start) : index.offset(end)], index, start, end)


def _spent(call: Callable[[], object]) -> float:
    before = time.process_time()
    call()
    return time.process_time() - before


def measure_small(folder: Path, size: int) -> Iterator[Figure]:
    """Upload many objects of 10 KiB through LFS: with the stock client in five threads, and one after the other."""
    count, unit_file = (2_000 if size == _SIZE else 200), folder / "random.bin"
    chunks.write_random(unit_file, _QUICK)
    for name, connections in (("five connections", 5), ("one connection", 1)):
        tree = folder / f"small-{connections}"
        tree.mkdir()
        for number in range(count):
            (tree / f"{number:05}.bin").write_bytes(os.urandom(_SMALL))
        with testing.hub(**_QUIET) as hub:
            bench, unit = _bench(hub, folder), _sha256_cpu_s(unit_file) * GIB / _QUICK
            clients.call(hub, "make_repo", "tester/m")
            with bench.meter.measure() as up:
                clients.call(hub, "upload_objects", "tester/m", tree, connections)
        each_ms = up.server_cpu_s * 1000 / count
        yield Figure("small LFS objects", f"{name}: CPU", each_ms, "ms each", 1.0 if connections > 1 else None)
        yield Figure("small LFS objects", f"{name}: CPU / sha256 of 1 MiB", each_ms / (unit * 1000 / 1024), "")


THEMES = {
    "parts": measure_parts,
    "jobs": measure_jobs,
    "xet": measure_xet,
    "nginx": measure_nginx,
    "small": measure_small,
}


def _bench(hub: RunningHub, folder: Path) -> ChunkBench:
    hub.token  # noqa: B018 - creates the account
    return ChunkBench(hub, Meter(hub.pid), folder, False)


def _figures(theme: str, name: str, spent: float, unit: float, size: int, target: float | None) -> Iterator[Figure]:
    yield Figure(theme, f"{name}: CPU", spent * GIB / size, "s/GiB", target)
    yield Figure(theme, f"{name}: CPU / sha256 of the same bytes", spent / unit, "")


def _fetch(bench: ChunkBench, url: str, name: str, kind: str, file: Path) -> Iterator[Figure]:
    spent = []
    for _ in range(3):
        with bench.meter.measure() as down:
            _download(url, bench.hub.token, file)
        spent.append(down.server_cpu_s)
    size, unit = file.stat().st_size, _sha256_cpu_s(file)
    target = 1.1 if kind == "bf16" else None
    yield from _figures(f"GET of chunks, {kind}", name, sorted(spent)[1], unit, size, target)


def _download(url: str, token: str, expected: Path) -> None:
    with (
        httpx2.Client(trust_env=False, timeout=300) as client,
        client.stream("GET", url, headers={"authorization": f"Bearer {token}"}) as answer,
        expected.open("rb") as file,
    ):
        assert answer.status_code == 200
        for piece in answer.iter_raw():
            assert file.read(len(piece)) == piece
        assert not file.read(1)


def _chunk_all(hub: RunningHub, *, is_compiled: bool) -> float:
    """Chunk the hub's large files in a process of its own, as a job would, and return its CPU seconds."""
    words = [sys.executable, "-m", "benchmarks.byte_costs", "--chunk", str(hub.data), str(is_compiled)]
    done = subprocess.run(words, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def chunk_folder(data: str, is_compiled: str) -> float:
    """Chunk all files in a data folder and return the CPU seconds without those of loading Python and libraries."""
    from entrepot.settings import load_settings

    if is_compiled != "True":
        vars(chunking)["compiled_gear"] = lambda: None
    hub = open_hub(load_settings(flags={}, environ={}, toml_path=None, default_data=Path(data)).settings)
    with contextlib.closing(hub):
        with hub.read() as tx:
            rows = repositories.everything(tx)
        _pack([memoryview(bytes(chunking.MIN_CHUNK_BYTES))], [bytes(32)], XorbBuilder())
        chunk_ends(bytes(chunking.MIN_CHUNK_BYTES))  # a hub has loaded the libraries when the second file arrives
        allocations.prepare_memory()
        before = _cpu_s()
        assert sum(xorb_scrubbing.finish(rechunking.chunk_steps(hub, row.id)) for row in rows) == 1
        return _cpu_s() - before


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _sha256_cpu_s(file: Path) -> float:
    spent = 0.0
    with file.open("rb") as source:
        digest = hashlib.sha256()
        while piece := source.read(MIB):
            before = time.process_time()
            digest.update(piece)
            spent += time.process_time() - before
    return spent


@contextlib.contextmanager
def _nginx(folder: Path, hub: RunningHub) -> Iterator[str]:
    address = hub.url.removeprefix("http://")
    snippet = (_ROOT / "deploy/nginx/stored-files.conf").read_text()
    snippet = snippet.replace("127.0.0.1:8080", address).replace("/srv/hub/blobs", str(hub.data / "blobs"))
    with running_nginx(
        folder,
        f"""{snippet} location / {{ proxy_pass http://{address}; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; }}""",
    ) as proxy:
        yield proxy.url


def measure(name: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder:
        yield from THEMES[name](Path(folder), _QUICK if is_quick else _SIZE)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--chunk"]:
        print(chunk_folder(*sys.argv[2:4]))
    else:
        conduct("byte_costs", __doc__, list(THEMES), measure)
