"""Measure the start-up time of two clients: ``python -m benchmarks.client_startup [--quick] [--out FILE]``.

A fresh Python process imports each client, and each command line prints its
help, in alternation. The figures are medians of the wall time and of the CPU
time, minus that of a Python process that does nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.benches import conduct
from benchmarks.results import Figure

_PYTHON = sys.executable
_BIN = Path(_PYTHON).parent

_NOTHING = (_PYTHON, "-c", "pass")
TASKS: dict[str, tuple[Sequence[str], Sequence[str] | None, float | None]] = {
    "import of the package": ((_PYTHON, "-c", "import entrepot"), (_PYTHON, "-c", "import huggingface_hub"), 60),
    "import of the class": (
        (_PYTHON, "-c", "from entrepot import HubApi"),
        (_PYTHON, "-c", "from huggingface_hub import HfApi"),
        None,
    ),
    "--help": ((str(_BIN / "entrepot"), "--help"), (str(_BIN / "hf"), "--help"), 150),
    "upload --help": ((str(_BIN / "entrepot"), "upload", "--help"), (str(_BIN / "hf"), "upload", "--help"), None),
}
"""By name: the command of this client, that of the other one, and the limit in milliseconds."""


def main() -> None:
    """Run the benchmark and exit."""
    conduct("client_startup", __doc__, ["start"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures, each a median of several rounds with both clients in alternation."""
    turns = 3 if is_quick else 15
    bare = statistics.median(_start(_NOTHING)[1] for _ in range(turns))
    yield Figure(theme, "Python that does nothing, CPU", bare, "ms")
    for name, (ours, theirs, most_ms) in TASKS.items():
        own: list[tuple[float, float]] = []
        other: list[tuple[float, float]] = []
        for _ in range(turns):
            own.append(_start(ours))
            other.append(_start(theirs or _NOTHING))
        yield Figure(theme, f"{name}, wall", statistics.median(wall for wall, _ in own), "ms")
        cpu = statistics.median(cpu for _, cpu in own)
        yield Figure(theme, f"{name}, CPU", cpu, "ms", None if most_ms is None else most_ms + bare)
        there = statistics.median(cpu for _, cpu in other)
        yield Figure(theme, f"{name}, CPU / huggingface_hub", cpu / there, "", 1.0)


def _start(command: Sequence[str]) -> tuple[float, float]:
    """Return wall time and CPU time of a process, in milliseconds."""
    before, began = os.times(), time.perf_counter()
    environ = os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environ)
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall * 1000, cpu * 1000


if __name__ == "__main__":
    main()
