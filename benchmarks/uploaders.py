"""Run one upload of one client in its own process: ``python -m benchmarks.uploaders CLIENT TASK REPO PATH``.

The process prints wall and CPU seconds of the call, and its peak memory,
including imports.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from entrepot.testing.hubs import RunningHub

CLIENTS = ("entrepot", "huggingface_hub")
_ROOT = Path(__file__).resolve().parent.parent


class Spent(msgspec.Struct, frozen=True):
    """Time and memory that the client used; ``whole_s`` counts from the start of Python, ``peak`` is in bytes."""

    wall_s: float
    cpu_s: float
    peak: int
    whole_s: float = 0.0


def call(hub: RunningHub, home: Path, client: str, task: str, repo: str, path: Path) -> Spent:
    """Run a task with the caches of one client.

    Raises:
        subprocess.CalledProcessError: the client failed; the reason is on standard error.
    """
    environ = {**os.environ, **hub.environ(), "HF_HOME": str(home / "hf"), "ENTREPOT_HOME": str(home / "entrepot")}
    environ.pop("HF_HUB_DISABLE_XET", None)
    words = [sys.executable, "-m", "benchmarks.uploaders", client, task, repo, str(path)]
    started = time.perf_counter()
    done = subprocess.run(words, env=environ, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    whole_s = time.perf_counter() - started
    return msgspec.structs.replace(msgspec.json.decode(done.stdout.splitlines()[-1], type=Spent), whole_s=whole_s)


def main() -> None:
    """Run the task that the arguments name."""
    client, task, repo, path = sys.argv[1:]
    api = _api(client)
    if task == "make":
        api.create_repo(repo)
    cpu, started = _cpu_s(), time.perf_counter()
    if task == "folder":
        api.upload_folder(repo_id=repo, folder_path=path)
    elif task == "file":
        api.upload_file(path_or_fileobj=path, path_in_repo=Path(path).name, repo_id=repo)
    wall_s, cpu_s = time.perf_counter() - started, _cpu_s() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(msgspec.json.encode(Spent(wall_s, cpu_s, peak)).decode())


def _api(client: str) -> Any:  # noqa: ANN401 - two classes with the same methods
    if client == "entrepot":
        import entrepot

        return entrepot.HubApi()
    import huggingface_hub

    return huggingface_hub.HfApi()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
