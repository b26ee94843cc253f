"""Run the benchmark of chunk stores: ``python -m benchmarks.workspace [--quick] [--out FILE]``.

It publishes and fetches versions through the library, against SeaweedFS on loopback. Each task runs in a process of
its own, whose CPU time and peak memory are those of the task.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import msgspec

from benchmarks.machines import this_machine
from benchmarks.results import Figure, Results, encode, table
from entrepot.client.progress import Silent
from entrepot.names import Oid, RepoPath
from entrepot.workspace.manifests import Manifest, ManifestEntry, parse_manifest, render_manifest
from entrepot.workspace.stores import (
    ChunkStore,
    Outbox,
    SourceFile,
    StorageConfig,
    VersionDraft,
    VersionRef,
    fetch_files,
    open_store,
    pack_files,
    push_version,
)
from tests.support.s3_server import S3Server, running_s3_server

MIB = 1 << 20
_ROOT = Path(__file__).resolve().parent.parent


class Spent(msgspec.Struct, frozen=True):
    """The cost of a task: seconds, the peak of the resident memory in bytes, and what it has moved."""

    wall_s: float
    cpu_s: float
    peak: int
    objects: int
    bytes: int


@attrs.frozen
class Bench:
    """A server, and a folder for data and projects."""

    server: S3Server
    folder: Path
    is_quick: bool

    def size(self, number: int) -> int:
        """Return a size for a full run, and a small one otherwise."""
        return number // 64 if self.is_quick else number

    def call(self, task: str, bucket: str, project: str, data: Path) -> Spent:
        """Run a task in a process of its own."""
        self.server.make_bucket(bucket)
        words = [sys.executable, "-m", "benchmarks.workspace", "--task", task, self.server.url, bucket]
        words += [str(self.folder / project), str(data)]
        environ = {**os.environ, **self.server.environ()}
        done = subprocess.run(words, env=environ, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Spent)


def measure_units(bench: Bench) -> Iterator[Figure]:
    """Measure what the machine needs to copy and to hash the same bytes, for ratios."""
    path = _write_random(bench.folder / "unit.bin", bench.size(1024 * MIB))
    begun = time.perf_counter()
    shutil.copyfile(path, bench.folder / "copy.bin")
    yield Figure("unit", "cp of 1 GiB", time.perf_counter() - begun, "s")
    begun = time.process_time()
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    yield Figure("unit", "sha256 of 1 GiB, CPU", time.process_time() - begun, "s")


def measure_big(bench: Bench) -> Iterator[Figure]:
    """Publish 1 GiB, then the same with 10 MiB after it, then with 1 KiB in front of it."""
    data = bench.folder / "big"
    data.mkdir()
    file = _write_random(data / "big.bin", bench.size(1024 * MIB))
    first = bench.call("publish", "big", "one", data)
    yield from _costs("1 GiB random, publish", first, wall_s=20, cpu_s=15, objects=20)
    fetched = bench.call("fetch", "big", "two", bench.folder / "one")
    yield from _costs("1 GiB random, fresh checkout", fetched, wall_s=10, peak_mib=300)
    with file.open("ab") as target:
        target.write(os.urandom(10 * MIB))
    appended = bench.call("publish", "big", "one", data)
    yield from _costs("10 MiB appended, publish", appended, wall_s=10, stored_mb=10.7)
    whole = file.read_bytes()
    file.write_bytes(os.urandom(1024) + whole)
    del whole
    shifted = bench.call("publish", "big", "one", data)
    yield from _costs("1 KiB in front, publish", shifted, wall_s=12, stored_mb=1)


def measure_small(bench: Bench, folders: int) -> Iterator[Figure]:
    """Publish 10,000 files of 10 KiB, then one more."""
    label = f"10,000 x 10 KiB, {folders} folder{'s' if folders > 1 else ''}"
    data = bench.folder / f"small{folders}"
    for number in range(bench.size(10_000)):
        target = data / f"{number % folders:03}" / f"{number:05}.bin"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(os.urandom(10_240))
    bucket, project = f"small{folders}", f"project{folders}"
    yield from _costs(f"{label}, publish", bench.call("publish", bucket, project, data), wall_s=15, objects=10)
    fetched = bench.call("fetch", bucket, f"other{folders}", bench.folder / project)
    yield from _costs(f"{label}, fresh checkout", fetched, wall_s=10)
    (data / "000" / "one-more.bin").write_bytes(os.urandom(10_240))
    more = bench.call("publish-one", bucket, project, data)
    yield from _costs(f"{label}, one more file", more, wall_s=3)


def _costs(theme: str, spent: Spent, **targets: float) -> Iterator[Figure]:
    yield Figure(theme, "wall", spent.wall_s, "s", targets.get("wall_s"))
    yield Figure(theme, "CPU", spent.cpu_s, "s", targets.get("cpu_s"))
    yield Figure(theme, "peak memory", spent.peak / MIB, "MiB", targets.get("peak_mib"))
    if spent.objects:
        yield Figure(theme, "objects written", spent.objects, "", targets.get("objects"))
    yield Figure(theme, "bytes moved", spent.bytes / 1e6, "MB", targets.get("stored_mb"))


def _write_random(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for at in range(0, size, 16 * MIB):
            file.write(os.urandom(min(16 * MIB, size - at)))
    return path


def perform(task: str, url: str, bucket: str, project: Path, data: Path) -> Spent:
    """Run one task in this process and return its cost."""
    config = StorageConfig("s3h", bucket, endpoint_url=url)
    store = open_store(config, project / "indexes", environ=os.environ, home=project)
    place = _Project(project, store)
    actions: dict[str, Callable[[], tuple[int, int]]] = {
        "publish": lambda: _publish(place, _sources(data)),
        "publish-one": lambda: _publish(place, [file for file in _sources(data) if "one-more" in file.path]),
        "fetch": lambda: _fetch(place, data),
    }
    begun, cpu = time.perf_counter(), time.process_time()
    objects, moved = actions[task]()
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return Spent(wall, cpu, _peak(), objects, moved)


def _peak() -> int:
    """Return the highest resident memory of this process; unlike that of ``getrusage``, not of its parent."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


class _Project:
    """A folder with an outbox and the manifest of the last version."""

    def __init__(self, folder: Path, store: ChunkStore) -> None:
        self.folder, self.store = folder, store
        folder.mkdir(parents=True, exist_ok=True)

    def manifest(self) -> Manifest:
        """Return the manifest of the last version; empty before the first."""
        text = self.folder / "manifest"
        return parse_manifest(text.read_bytes(), _no_parts) if text.exists() else Manifest.of([])

    def number(self) -> int:
        """Return the number of the last version; 0 before the first."""
        text = self.folder / "number"
        return int(text.read_text()) if text.exists() else 0


def _publish(project: _Project, sources: list[SourceFile]) -> tuple[int, int]:
    outbox = Outbox(project.folder / "outbox")
    packed = pack_files(outbox, sources, indexes=project.store.indexes, progress=Silent())
    assert not packed.failed
    files = dict(project.manifest().files)
    files |= {file.path: ManifestEntry(sha256=file.sha256, size=file.state.size) for file in packed.files}
    manifest = Manifest.of(files.items())
    documents = render_manifest(manifest)
    number = project.number() + 1
    ref = VersionRef("datasets", "bench", number, Oid(f"{number:040x}"))
    version = VersionDraft(ref, f"bench__{number}", "https://git.example.org/x.git", None, manifest, documents)
    counts = push_version(project.store, outbox, version, progress=Silent())
    outbox.keep_only(set())
    (project.folder / "manifest").write_bytes(documents["MANIFEST.yaml"])
    (project.folder / "number").write_text(str(number))
    return counts.objects, counts.bytes_sent


def _fetch(project: _Project, other: Path) -> tuple[int, int]:
    """Fetch the last version of another project into drafts, which are on the same disk as a workspace would be."""
    published = _Project(other, project.store)
    number = published.number()
    ref = VersionRef("datasets", "bench", number, Oid(f"{number:040x}"))
    manifest = published.manifest()
    drafts = project.folder / "drafts"
    counts = fetch_files(project.store, ref, manifest, manifest.files, drafts, progress=Silent())
    assert counts.bytes == manifest.size
    return 0, counts.bytes_received


def _sources(data: Path) -> list[SourceFile]:
    paths = sorted(path for path in data.rglob("*") if path.is_file())
    found = [SourceFile(RepoPath(path.relative_to(data).as_posix()), str(path)) for path in paths]
    return sorted(found, key=lambda file: file.path)


def _no_parts(path: str) -> bytes:
    raise FileNotFoundError(path)


def main() -> int:
    """Run everything and return the exit code: 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; the figures mean nothing")
    parser.add_argument("--out", type=Path, default=_ROOT / "benchmarks" / "results" / "workspace.json")
    parser.add_argument("--task", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        task, url, bucket, project, data = options.task
        print(msgspec.json.encode(perform(task, url, bucket, Path(project), Path(data))).decode())
        return 0
    machine, figures = this_machine(), list[Figure]()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "s3").mkdir()
        with running_s3_server(place / "s3") as server:
            bench = Bench(server, place, options.quick)
            for part in (measure_units(bench), measure_big(bench), measure_small(bench, 1), measure_small(bench, 256)):
                for figure in part:
                    figures.append(figure)
                    print(table([figure]).splitlines()[-1], flush=True)
    options.out.write_bytes(encode(Results(machine, options.quick, figures)))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
