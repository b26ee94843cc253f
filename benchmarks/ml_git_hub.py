"""Run the benchmark of ``ml-git`` with a hub as remote: ``python -m benchmarks.ml_git_hub [--quick] [--out FILE]``.

The commands run in this process, so their start is not measured; the hub is a process on loopback.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machines import this_machine
from benchmarks.results import Figure, Results, encode, table
from entrepot import testing
from tests.support.machines import Machine

_ROOT = Path(__file__).resolve().parent.parent
_OPTIONS = ("--categories=bench", "--mutability=mutable")


def measure(place: Path, count: int) -> Iterator[Figure]:
    """Yield the figures for a dataset of small files."""
    with testing.hub() as hub:
        writer, reader = (_machine(place, name, hub.url, hub.user("bench").token) for name in ("writer", "reader"))
        writer.ok("datasets", "create", "small", *_OPTIONS)
        data = writer.folder / "datasets/small/data"
        for number in range(count):
            (data / f"{number:05}.bin").write_bytes(os.urandom(10_240))
        theme = f"{count:,} x 10 KiB"
        first = [_timed(writer, verb, "small") for verb in ("add", "commit", "push")]
        for verb, wall in zip(("add", "commit", "push"), first, strict=True):
            yield Figure(theme, verb, wall, "s")
        yield Figure(theme, "add, commit and push together", sum(first), "s", 15)
        yield Figure(theme, "status, clean", _timed(writer, "status", "small"), "s", 1)
        (data / "one-more.bin").write_bytes(os.urandom(10_240))
        steps = (("add", "small", "--bumpversion"), ("commit", "small"), ("push", "small"))
        yield Figure(theme, "one more file published", sum(_timed(writer, *step) for step in steps), "s", 3)
        yield Figure(theme, "update of another machine", _timed(reader, "update"), "s")
        yield Figure(theme, "fresh checkout", _timed(reader, "checkout", "small"), "s", 10)


def _machine(place: Path, name: str, url: str, token: str) -> Machine:
    machine = Machine.create(place, name, ENTREPOT_ENDPOINT=url, ENTREPOT_TOKEN=token)
    machine.ok("repository", "init")
    machine.ok("repository", "remote", "datasets", "add", f"hub+{url}/bench")
    machine.ok("datasets", "init")
    return machine


def _timed(machine: Machine, *args: str) -> float:
    begun = time.perf_counter()
    machine.ok("datasets", *args)
    return time.perf_counter() - begun


def main() -> int:
    """Run everything and return the exit code: 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few files; the figures mean nothing")
    parser.add_argument("--out", type=Path, default=_ROOT / "benchmarks" / "results" / "ml_git_hub.json")
    options = parser.parse_args()
    figures = list[Figure]()
    with tempfile.TemporaryDirectory() as name:
        for figure in measure(Path(name), 100 if options.quick else 10_000):
            figures.append(figure)
            print(table([figure]).splitlines()[-1], flush=True)
    options.out.write_bytes(encode(Results(this_machine(), options.quick, figures)))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
