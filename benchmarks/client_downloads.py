"""Compare the downloads of two clients: ``python -m benchmarks.client_downloads [--quick] [--turns N]``."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from huggingface_hub import CommitOperationAdd, HfApi

from benchmarks.downloaders import CLIENTS, Spent, call
from benchmarks.machines import this_machine
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure, Results, encode, table
from entrepot import testing
from entrepot.testing.hubs import RunningHub

_RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure, print a table and write the JSON; exit with 1 if a target was missed."""
    asked = _arguments()
    machine = this_machine()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub() as hub:
        for figure in _measure(hub, Path(folder), asked.turns, is_quick=asked.quick):
            print(f"  {figure.theme}: {figure.name} {figure.value:.4g} {figure.unit}", file=sys.stderr, flush=True)
            figures.append(figure)
    out = asked.out or _RESULTS / ("quick.json" if asked.quick else "client_downloads.json")
    out.write_bytes(encode(Results(machine, asked.quick, figures)))
    print(table(figures))
    sys.exit(0 if asked.quick or all(figure.is_met for figure in figures) else 1)


def _measure(hub: RunningHub, folder: Path, turns: int, *, is_quick: bool) -> Iterator[Figure]:
    size, count = (16 * MIB, 200) if is_quick else (1024 * MIB, 2_000)
    api = HfApi(endpoint=hub.url, token=hub.token)
    _store_large(api, folder, "random", _random, size)
    _store_large(api, folder, "weights", _weights, size)
    _store_small(api, count)
    meter = Meter(hub.pid)
    small = ("fetch_all", "tester/small")
    title = "1 GiB of" if not is_quick else "16 MiB of"
    for kind, name in (("random bytes", "random"), ("bfloat16 weights", "weights")):
        large = ("fetch_file", f"tester/{name}", "large.bin")
        place = folder / f"a-{name}"
        yield from _compared(hub, meter, place, f"{title} {kind} down", large, turns, wall=1.0, cpu=1.0)
    yield from _compared(hub, meter, folder / "b", f"{count:,} small files down", small, turns, wall=0.5, cpu=0.5)
    yield from _compared(
        hub, meter, folder / "c", f"{count:,} small files, all here", small, turns, wall=1.0, cpu=1.0, is_repeated=True
    )


def _compared(
    hub: RunningHub,
    meter: Meter,
    folder: Path,
    theme: str,
    task: tuple[str, ...],
    turns: int,
    *,
    wall: float,
    cpu: float,
    is_repeated: bool = False,
) -> Iterator[Figure]:
    """Run both clients in alternation, so that other load on the machine affects both."""
    spent: dict[str, list[tuple[Spent, float]]] = {client: [] for client in CLIENTS}
    for turn in range(turns):
        for client in CLIENTS if turn % 2 == 0 else CLIENTS[::-1]:
            home = folder / (client if is_repeated else f"{client}-{turn}")
            if is_repeated and turn == 0:
                call(hub, client, home, *task)
            with meter.measure() as cost:
                mine = call(hub, client, home, *task)
            spent[client].append((mine, cost.server_cpu_s))
    ours, theirs = (_middle(spent[client]) for client in CLIENTS)
    for client, (found, server_cpu_s) in zip(CLIENTS, (ours, theirs), strict=True):
        yield Figure(theme, f"{client}: wall", found.wall_s, "s")
        yield Figure(theme, f"{client}: CPU of the client", found.cpu_s, "s")
        yield Figure(theme, f"{client}: CPU of the hub", server_cpu_s, "s")
        yield Figure(theme, f"{client}: peak memory", found.peak_mib, "MiB")
    yield Figure(theme, "wall, ours to theirs", ours[0].wall_s / theirs[0].wall_s, "", wall)
    yield Figure(theme, "CPU of the client, ours to theirs", ours[0].cpu_s / theirs[0].cpu_s, "", cpu)
    both, theirs_both = ours[0].cpu_s + ours[1], theirs[0].cpu_s + theirs[1]
    yield Figure(theme, "CPU of client and hub, ours to theirs", both / theirs_both, "", 1.0)


def _middle(found: list[tuple[Spent, float]]) -> tuple[Spent, float]:
    """Return the median of each quantity."""
    return (
        Spent(
            statistics.median(spent.wall_s for spent, _ in found),
            statistics.median(spent.cpu_s for spent, _ in found),
            statistics.median(spent.peak_mib for spent, _ in found),
        ),
        statistics.median(server for _, server in found),
    )


def _store_large(api: HfApi, folder: Path, name: str, draw: Callable[[int], bytes], size: int) -> None:
    """Create a repository with one large file, uploaded in chunks as the current client does."""
    file = folder / "large.bin"
    with file.open("wb") as target:
        for number in range(size // MIB):
            target.write(draw(number))
    api.create_repo(f"tester/{name}")
    api.upload_file(path_or_fileobj=file, path_in_repo="large.bin", repo_id=f"tester/{name}")
    file.unlink()


def _random(number: int) -> bytes:
    """Return a megabyte that cannot be compressed, so the hub stores its chunks unchanged."""
    return np.random.default_rng(number).bytes(MIB)


def _weights(number: int) -> bytes:
    """Return a megabyte of small bfloat16 numbers; the hub groups and compresses their chunks, which saves 14 %."""
    numbers = np.random.default_rng(number).standard_normal(MIB // 2, dtype=np.float32) * np.float32(0.02)
    return (numbers.view(np.uint32) >> 16).astype(np.uint16).tobytes()


def _store_small(api: HfApi, count: int) -> None:
    """Create a repository with many files of 4 KiB in 20 folders."""
    api.create_repo("tester/small")
    texts = [f"{number:08}".encode() * 512 for number in range(count)]
    operations = [CommitOperationAdd(f"part-{i % 20:02}/{i:05}.txt", text) for i, text in enumerate(texts)]
    api.create_commit("tester/small", operations, commit_message="many small files")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client_downloads", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use small sizes, to check the benchmark itself")
    parser.add_argument(
        "--turns", type=int, default=3, help="how often each client runs each task; the result is the median"
    )
    parser.add_argument("--out", type=Path, help="file for the results as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
