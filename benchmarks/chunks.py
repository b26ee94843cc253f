"""Run the benchmarks of Xet: ``python -m benchmarks.chunks [--quick] [--only NAME] [--out FILE]``.

Each task runs in its own process, with the current huggingface_hub and
hf_xet at default settings; a *fresh* client has an empty cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.benches import Bench, conduct
from benchmarks.clients import Spent
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure
from entrepot import testing

GIB = 1024 * MIB
_ROOT = Path(__file__).resolve().parent.parent
_PIECE = 16 * MIB


class ChunkBench(Bench):
    """A bench whose clients use their default settings."""

    def call(self, home: str, task: str, *arguments: object) -> Spent:
        """Run a task with the caches of the client that ``home`` names."""
        environ = {**os.environ, **self.hub.environ(), "HF_HOME": str(self.folder / f"home-{home}")}
        environ.pop("HF_HUB_DISABLE_XET", None)
        words = [sys.executable, "-m", "benchmarks.clients", task, *map(str, arguments)]
        done = subprocess.run(words, env=environ, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Spent)

    def stored(self) -> int:
        """Return the total size of all xorbs on disk, in bytes."""
        folder = self.hub.data / "blobs" / "xorbs"
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


Theme = Callable[[ChunkBench], Iterator[Figure]]


def measure_random(bench: ChunkBench) -> Iterator[Figure]:
    """Upload and download 1 GiB that neither compresses nor repeats."""
    yield from _there_and_back(bench, "random", write_random, 3.0)


def measure_weights(bench: ChunkBench) -> Iterator[Figure]:
    """Upload and download 1 GiB of normally distributed bf16 weights."""
    yield from _there_and_back(bench, "bf16 weights", write_weights, 4.5)


def measure_changes(bench: ChunkBench) -> Iterator[Figure]:
    """Upload the same file again: unchanged, with a byte in front, and with 1 % changed in 64 runs."""
    theme, size = "changed files", bench.pick(GIB, 64 * MIB)
    old, new = bench.folder / "old.bin", bench.folder / "new.bin"
    write_random(old, size)
    bench.call("same", "make_repo", "tester/changed")
    bench.call("same", "upload", "tester/changed", "file.bin", old)
    for name, change, client in (
        ("nothing", _copy, "fresh-0"),
        ("one byte in front", _with_front_byte, "same"),
        ("two bytes in front, fresh client", _with_front_bytes, "fresh-1"),
        ("1 % in 64 runs", _with_runs, "same"),
        ("1 % in 64 other runs, fresh client", _with_other_runs, "fresh-2"),
    ):
        change(old, new)
        before = bench.stored()
        with bench.meter.measure() as cost:
            bench.call(client, "upload", "tester/changed", f"{name}.bin", new)
        grown = bench.stored() - before
        target = 0.97 if "front" in name or name == "nothing" else None
        yield Figure(theme, f"{name}: part deduplicated", 1 - grown / size, "", target, is_floor=True)
        yield Figure(theme, f"{name}: bytes stored", grown / MIB, "MiB")
        yield Figure(theme, f"{name}: server CPU", cost.server_cpu_s, "s")
    old.unlink()
    new.unlink()


def measure_versions(bench: ChunkBench) -> Iterator[Figure]:
    """Upload two versions of one file of 256 MiB that differ in 1 MiB."""
    theme, size = "two versions", bench.pick(256 * MIB, 32 * MIB)
    file = bench.folder / "version.bin"
    write_random(file, size)
    before = bench.stored()
    bench.call("versions", "make_repo", "tester/versions")
    bench.call("versions", "upload", "tester/versions", "file.bin", file)
    with file.open("r+b") as out:
        out.seek(size // 2)
        out.write(os.urandom(MIB))
    bench.call("versions", "upload", "tester/versions", "file.bin", file)
    grown = bench.stored() - before
    yield Figure(theme, "bytes stored / (one version + 1 MiB)", grown / (size + MIB), "", 1.02)
    file.unlink()


def measure_small(bench: ChunkBench) -> Iterator[Figure]:
    """Upload 2,000 small binary files in one folder."""
    theme, count = "small files", bench.pick(2000, 100)
    folder = bench.folder / "small"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}.bin").write_bytes(os.urandom(4096))
    bench.call("small", "make_repo", "tester/small")
    with bench.meter.measure() as up:
        spent = bench.call("small", "upload_tree", "tester/small", folder)
    yield Figure(theme, "upload, server CPU", up.server_cpu_s, "s")
    yield Figure(theme, "upload, client wall", spent.wall_s, "s")
    with bench.meter.measure() as down:
        spent = bench.call("small-fresh", "download_all", "tester/small")
    yield Figure(theme, "download, server CPU", down.server_cpu_s, "s")
    yield Figure(theme, "download, client wall", spent.wall_s, "s")


THEMES: dict[str, Theme] = {
    "random": measure_random,
    "weights": measure_weights,
    "changes": measure_changes,
    "versions": measure_versions,
    "small": measure_small,
}


def _there_and_back(bench: ChunkBench, name: str, make: Callable[[Path, int], None], target: float) -> Iterator[Figure]:
    size, repo = bench.pick(GIB, 64 * MIB), f"tester/{name.replace(' ', '-')}"
    gib, file = size / GIB, bench.folder / f"{name}.bin"
    make(file, size)
    before = bench.stored()
    bench.call(name, "make_repo", repo)
    with bench.meter.measure() as up:
        spent = bench.call(name, "upload", repo, "file.bin", file)
    yield Figure(name, "upload, server CPU", up.server_cpu_s / gib, "s/GiB", target)
    yield Figure(name, "upload, client CPU", spent.cpu_s / gib, "s/GiB")
    yield Figure(name, "upload, client wall", spent.wall_s / gib, "s/GiB")
    yield Figure(name, "upload, server memory above idle", up.grown / MIB, "MiB")
    yield Figure(name, "bytes stored / bytes of the file", (bench.stored() - before) / size, "")
    with bench.meter.measure() as down:
        spent = bench.call(f"{name}-fresh", "download", repo, "file.bin", bench.folder / "back")
    yield Figure(name, "download, server CPU", down.server_cpu_s / gib, "s/GiB", 0.9)
    yield Figure(name, "download, client CPU", spent.cpu_s / gib, "s/GiB")
    yield Figure(name, "download, client wall", spent.wall_s / gib, "s/GiB")
    assert (bench.folder / "back" / "file.bin").read_bytes() == file.read_bytes()
    (bench.folder / "back" / "file.bin").unlink()
    file.unlink()


def write_random(file: Path, size: int) -> None:
    """Write a file of bytes that neither compress nor repeat."""
    with file.open("wb") as out:
        for _ in range(size // _PIECE):
            out.write(os.urandom(_PIECE))


def write_weights(file: Path, size: int) -> None:
    """Write a file of normally distributed bf16 weights."""
    chance = np.random.default_rng(2026)
    with file.open("wb") as out:
        for _ in range(size // _PIECE):
            values = chance.normal(0, 0.02, _PIECE // 2).astype(np.float32)
            # bf16 is the upper half of a float32.
            out.write((values.view(np.uint32) >> 16).astype(np.uint16).tobytes())


def _copy(old: Path, new: Path) -> None:
    new.write_bytes(old.read_bytes())


def _with_front_byte(old: Path, new: Path) -> None:
    new.write_bytes(b"\x01" + old.read_bytes())


def _with_front_bytes(old: Path, new: Path) -> None:
    new.write_bytes(b"\x02\x03" + old.read_bytes())


def _with_runs(old: Path, new: Path) -> None:
    _change_runs(old, new, shift=0)


def _with_other_runs(old: Path, new: Path) -> None:
    _change_runs(old, new, shift=1)


def _change_runs(old: Path, new: Path, *, shift: int) -> None:
    data = bytearray(old.read_bytes())
    length, step = len(data) // 100 // 64, len(data) // 64
    for run in range(64):
        at = run * step + shift * (step // 2)
        data[at : at + length] = os.urandom(length)
    new.write_bytes(data)


def measure(name: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme, measured on a separate hub."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub() as hub:
        hub.token  # noqa: B018 - creates the account
        yield from THEMES[name](ChunkBench(hub, Meter(hub.pid), Path(folder), is_quick))


if __name__ == "__main__":
    conduct("chunks", __doc__, list(THEMES), measure)
