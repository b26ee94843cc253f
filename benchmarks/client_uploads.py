"""Compare the uploads of two clients: ``python -m benchmarks.client_uploads [--quick] [--ten-gib] [--out FILE]``.

entrepot and huggingface_hub run in alternation on one hub, each call in its own
process. Each client has its own caches and its own files, because a hub does not
ask for content again that it already has.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from benchmarks.machines import this_machine
from benchmarks.meters import MIB
from benchmarks.results import Figure, Results, encode, table
from benchmarks.uploaders import CLIENTS, Spent, call
from entrepot import testing
from entrepot.testing.hubs import RunningHub

GIB = 1024 * MIB
_RESULTS = Path(__file__).resolve().parent / "results"
_PIECE = 16 * MIB
_FLAT = 300.0
"""Memory limit of an upload of any size, in MiB."""


@attrs.frozen
class Bench:
    """A running hub, a folder for files, and the size of the run."""

    hub: RunningHub
    folder: Path
    is_quick: bool

    def rounds(self) -> int:
        """Return how often the small themes are run."""
        return 1 if self.is_quick else 3

    def run(self, client: str, task: str, name: str, path: Path) -> Spent:
        """Run one call; ``name`` is the name of the repository and of the caches."""
        return call(self.hub, self.folder / f"home-{client}-{name}", client, task, f"tester/{client[:8]}-{name}", path)


Theme = Callable[[Bench], Iterator[Figure]]


def measure_texts(bench: Bench) -> Iterator[Figure]:
    """Upload 2,000 text files of 4 KiB, then again without changes."""
    yield from _small(bench, "texts", lambda: os.urandom(2048).hex().encode(), "txt")


def measure_binaries(bench: Bench) -> Iterator[Figure]:
    """Upload 2,000 binary files of 4 KiB, then again without changes."""
    yield from _small(bench, "binaries", lambda: os.urandom(4096), "bin")


def measure_gib(bench: Bench) -> Iterator[Figure]:
    """Upload 1 GiB of random bytes, which neither compress nor repeat."""
    yield from _large(bench, "1 GiB", 64 * MIB if bench.is_quick else GIB, 1 if bench.is_quick else 3)


def measure_ten_gib(bench: Bench) -> Iterator[Figure]:
    """Upload 10 GiB of random bytes, to measure the memory."""
    yield from _large(bench, "10 GiB", 10 * GIB, 1)


THEMES: dict[str, Theme] = {"texts": measure_texts, "binaries": measure_binaries, "gib": measure_gib}


def _small(bench: Bench, theme: str, content: Callable[[], bytes], suffix: str) -> Iterator[Figure]:
    count = 100 if bench.is_quick else 2000
    first: dict[str, list[Spent]] = {client: [] for client in CLIENTS}
    again: dict[str, list[Spent]] = {client: [] for client in CLIENTS}
    for turn in range(bench.rounds()):
        for client in CLIENTS if turn % 2 else reversed(CLIENTS):
            folder, name = bench.folder / f"{theme}-{client}-{turn}", f"{theme}-{turn}"
            for number in range(count):
                path = folder / f"part-{number % 20:02}" / f"{number:05}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content())
            bench.run(client, "make", name, folder)
            first[client].append(bench.run(client, "folder", name, folder))
            again[client].append(bench.run(client, "folder", name, folder))
            shutil.rmtree(folder)
    yield from _compared(theme, f"{count:,} small files", first, 2.0)
    yield from _compared(theme, "the same again, unchanged", again, 2.0)


def _large(bench: Bench, theme: str, size: int, rounds: int) -> Iterator[Figure]:
    spent: dict[str, list[Spent]] = {client: [] for client in CLIENTS}
    again: dict[str, list[Spent]] = {client: [] for client in CLIENTS}
    for turn in range(rounds):
        for client in CLIENTS if turn % 2 else reversed(CLIENTS):
            file, name = bench.folder / f"{client}-{turn}.bin", f"{theme.replace(' ', '')}-{turn}"
            _random(file, size)
            bench.run(client, "make", name, file)
            spent[client].append(bench.run(client, "file", name, file))
            again[client].append(bench.run(client, "file", name, file))
            file.unlink()
    yield from _compared(theme, "one file", spent, 1.0)
    yield from _compared(theme, "the same again, unchanged", again, 2.0)
    for client in CLIENTS:
        peak = max(item.peak for item in spent[client]) / MIB
        yield Figure(theme, f"peak memory, {client}", peak, "MiB", _FLAT if client == "entrepot" else None)


def _compared(theme: str, what: str, spent: dict[str, list[Spent]], target: float) -> Iterator[Figure]:
    kinds: tuple[tuple[str, Callable[[Spent], float]], ...] = (
        ("wall", lambda item: item.wall_s),
        ("CPU", lambda item: item.cpu_s),
        ("wall from the start of Python", lambda item: item.whole_s),
    )
    for unit, of in kinds:
        middle = {client: statistics.median(map(of, spent[client])) for client in CLIENTS}
        for client in CLIENTS:
            yield Figure(theme, f"{what}: {unit}, {client}", middle[client], "s")
        ratio = middle["huggingface_hub"] / middle["entrepot"]
        floor = target if unit == "wall" else None
        yield Figure(theme, f"{what}: {unit}, times faster", ratio, "x", floor, is_floor=True)


def _random(file: Path, size: int) -> None:
    with file.open("wb") as out:
        for _ in range(size // _PIECE):
            out.write(os.urandom(_PIECE))


def main() -> None:
    """Measure, print a table and write the JSON; exit with 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client_uploads", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use small sizes, to check the benchmark itself")
    parser.add_argument("--only", action="append", choices=list(THEMES), help="run only this theme; may be repeated")
    parser.add_argument("--ten-gib", action="store_true", help="also upload 10 GiB; needs 25 GB of temporary disk")
    parser.add_argument("--out", type=Path, help="file for the results as JSON")
    asked = parser.parse_args()
    themes = [THEMES[name] for name in asked.only or THEMES]
    if asked.ten_gib:
        themes.append(measure_ten_gib)
    figures: list[Figure] = []
    machine = this_machine()
    for measure in themes:
        with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub() as hub:
            for figure in measure(Bench(hub, Path(folder), asked.quick)):
                mark = "" if figure.is_met else "   <-- missed"
                print(f"  {figure.theme}: {figure.name} {figure.value:.4g} {figure.unit}{mark}", file=sys.stderr)
                figures.append(figure)
    out = asked.out or _RESULTS / ("quick.json" if asked.quick else "client_uploads.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode(Results(machine, asked.quick, figures)))
    print(table(figures))
    print(f"\nwritten to {out}", file=sys.stderr)
    sys.exit(0 if asked.quick or all(figure.is_met for figure in figures) else 1)


if __name__ == "__main__":
    main()
