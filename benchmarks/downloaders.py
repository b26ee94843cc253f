"""Run one download of one client in its own process: ``python -m benchmarks.downloaders CLIENT TASK ARGUMENTS``.

The process prints one line of JSON: wall and CPU seconds of the call, without
starting Python and importing the client, and its peak memory.
"""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from entrepot.testing.hubs import RunningHub

CLIENTS = ("entrepot", "huggingface_hub")
_ROOT = Path(__file__).resolve().parent.parent


class Spent(msgspec.Struct, frozen=True):
    """Time and memory that the client used; ``peak_mib`` includes the interpreter and all imports."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def call(hub: RunningHub, client: str, home: Path, task: str, *arguments: object) -> Spent:
    """Run a task of a client at default settings.

    Args:
        home: the folder of the client's cache; pass the same one again to measure a warm cache.

    Raises:
        subprocess.CalledProcessError: the client failed; the reason is on standard error.
    """
    homes = {"ENTREPOT_HOME": str(home / "entrepot"), "HF_HOME": str(home / "hf")}
    words = [sys.executable, "-m", "benchmarks.downloaders", client, task, *map(str, arguments)]
    environ = {**os.environ, **hub.environ(), **homes}
    done = subprocess.run(words, env=environ, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Spent)


def fetch_file(client: str, repo: str, name: str) -> Iterator[None]:
    """Download one file."""
    fetch = importlib.import_module(client).hf_hub_download
    yield
    fetch(repo, name)


def fetch_all(client: str, repo: str) -> Iterator[None]:
    """Download every file of a repository."""
    fetch = importlib.import_module(client).snapshot_download
    yield
    fetch(repo)


TASKS: dict[str, Callable[..., Iterator[None]]] = {"fetch_file": fetch_file, "fetch_all": fetch_all}
"""Each task prepares, yields once, and then runs the part that is measured."""


def main() -> None:
    """Run the task that the arguments name."""
    client, task, *arguments = sys.argv[1:]
    steps = TASKS[task](client, *arguments)
    next(steps)
    cpu, started = _cpu_s(), time.perf_counter()
    next(steps, None)
    wall_s, cpu_s = time.perf_counter() - started, _cpu_s() - cpu
    # Not ru_maxrss: it includes the memory of the process before exec.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(msgspec.json.encode(Spent(wall_s, cpu_s, peak)).decode())


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
