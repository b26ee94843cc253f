"""Run the benchmark of ``ml-git`` with a hub as remote: ``python -m benchmarks.ml_git_hub [--quick] [--out FILE]``.

The commands run in this process, so their start is not measured; the hub is a process on loopback. CPU seconds, which
other work on the machine hardly changes, are those of this process with its git, and those of the hub.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import attrs

from benchmarks.machines import this_machine
from benchmarks.meters import Meter
from benchmarks.results import Figure, Results, encode, table
from entrepot import testing
from tests.support.machines import Machine

_ROOT = Path(__file__).resolve().parent.parent
_OPTIONS = ("--categories=bench", "--mutability=mutable")


def measure(place: Path, count: int) -> Iterator[Figure]:
    """Yield the figures for a dataset of small files."""
    with testing.hub() as hub:
        writer, reader = (_machine(place, name, hub.url, hub.user("bench").token) for name in ("writer", "reader"))
        bench = _Bench(f"{count:,} x 10 KiB", Meter(hub.pid))
        writer.ok("datasets", "create", "small", *_OPTIONS)
        data = writer.folder / "datasets/small/data"
        for number in range(count):
            (data / f"{number:05}.bin").write_bytes(os.urandom(10_240))
        yield from bench.run(
            writer, ("add", "small"), ("commit", "small"), ("push", "small"), name="add, commit and push", target=15
        )
        yield from bench.run(writer, ("status", "small"), name="status, clean", target=1)
        (data / "one-more.bin").write_bytes(os.urandom(10_240))
        steps = (("add", "small", "--bumpversion"), ("commit", "small"), ("push", "small"))
        yield from bench.run(writer, *steps, name="one more file published", target=3)
        yield from bench.run(reader, ("update",), name="update of another machine")
        yield from bench.run(reader, ("checkout", "small"), name="fresh checkout", target=10)


def measure_large(place: Path, size: int) -> Iterator[Figure]:
    """Yield the figures for a dataset of one large file that does not compress."""
    with testing.hub() as hub:
        writer = _machine(place, "large", hub.url, hub.user("bench").token)
        bench = _Bench(f"one file of {size >> 20:,} MiB", Meter(hub.pid))
        writer.ok("datasets", "create", "large", *_OPTIONS)
        with (writer.folder / "datasets/large/data/large.bin").open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        steps = (("add", "large"), ("commit", "large"), ("push", "large"))
        yield from bench.run(writer, *steps, name="add, commit and push", target=20)


@attrs.frozen
class _Bench:
    """Measures commands and the hub that they use."""

    theme: str
    hub: Meter

    def run(
        self, machine: Machine, *steps: tuple[str, ...], name: str, target: float | None = None
    ) -> Iterator[Figure]:
        """Run commands one after the other and yield what they took together."""
        self.hub.rest()
        begun, own, hub = time.perf_counter(), _own_cpu_s(), self.hub.cpu_s()
        for step in steps:
            machine.ok("datasets", *step)
        yield Figure(self.theme, name, time.perf_counter() - begun, "s", target)
        yield Figure(self.theme, f"{name}: CPU of client and git", _own_cpu_s() - own, "s")
        yield Figure(self.theme, f"{name}: CPU of the hub", self.hub.cpu_s() - hub, "s")


def _own_cpu_s() -> float:
    return sum(os.times()[:4])


def _machine(place: Path, name: str, url: str, token: str) -> Machine:
    machine = Machine.create(place, name, ENTREPOT_ENDPOINT=url, ENTREPOT_TOKEN=token)
    machine.ok("repository", "init")
    machine.ok("repository", "remote", "datasets", "add", f"hub+{url}/bench")
    machine.ok("datasets", "init")
    return machine


def main() -> int:
    """Run everything and return the exit code: 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few files; the figures mean nothing")
    parser.add_argument("--out", type=Path, default=_ROOT / "benchmarks" / "results" / "ml_git_hub.json")
    options = parser.parse_args()
    figures = list[Figure]()
    with tempfile.TemporaryDirectory() as name:
        small = measure(Path(name), 100 if options.quick else 10_000)
        for figure in chain(small, measure_large(Path(name), (8 if options.quick else 1024) << 20)):
            figures.append(figure)
            print(table([figure]).splitlines()[-1], flush=True)
    options.out.write_bytes(encode(Results(this_machine(), options.quick, figures)))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
