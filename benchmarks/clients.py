"""Run one task of the real client in its own process: ``python -m benchmarks.clients TASK ARGUMENTS``.

The process prints one line of JSON: wall and CPU seconds of the calls, without
starting Python and importing the client.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from entrepot.testing.hubs import RunningHub

_ROOT = Path(__file__).resolve().parent.parent


class Spent(msgspec.Struct, frozen=True):
    """Time that the client itself spent."""

    wall_s: float
    cpu_s: float


def call(hub: RunningHub, task: str, *arguments: object) -> Spent:
    """Run a task against a hub, with LFS instead of Xet.

    Raises:
        subprocess.CalledProcessError: the client failed; the reason is on standard error.
    """
    environ = {**os.environ, **hub.environ(), "HF_HUB_DISABLE_XET": "1"}
    words = [sys.executable, "-m", "benchmarks.clients", task, *map(str, arguments)]
    done = subprocess.run(words, env=environ, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Spent)


def make_repo(repo: str) -> Iterator[None]:
    """Create a model repository."""
    from huggingface_hub import HfApi

    api = HfApi()
    yield
    api.create_repo(repo)


def upload(repo: str, name: str, file: str) -> Iterator[None]:
    """Commit one local file; the time includes hashing it."""
    from huggingface_hub import HfApi

    api = HfApi()
    yield
    api.upload_file(path_or_fileobj=file, path_in_repo=name, repo_id=repo)


def download(repo: str, name: str, folder: str) -> Iterator[None]:
    """Download one file into a folder."""
    from huggingface_hub import hf_hub_download

    yield
    hf_hub_download(repo, name, local_dir=folder)


def commit_small(repo: str, count: str, size: str) -> Iterator[None]:
    """Commit many small random files in one commit."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    # Hexadecimal digits, because random bytes would go through LFS one by one.
    texts = [os.urandom(int(size) // 2).hex().encode() for _ in range(int(count))]
    operations = [CommitOperationAdd(f"part-{i % 20:02}/{i:05}.txt", text) for i, text in enumerate(texts)]
    yield
    api.create_commit(repo, operations, commit_message="many small files")


def commit_ten(repo: str, times: str, pattern: str) -> Iterator[None]:
    """Commit ten files, several times; ``pattern`` gives the path for the number ``i``."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    yield
    for turn in range(int(times)):
        operations = [
            CommitOperationAdd(pattern.format(folder=(turn * 10 + i) % 100, i=i), f"{turn} {i}\n".encode())
            for i in range(10)
        ]
        api.create_commit(repo, operations, commit_message=f"ten files, {turn}")


def list_all(repo: str, expected: str) -> Iterator[None]:
    """List every file of a repository."""
    from huggingface_hub import HfApi

    api = HfApi()
    yield
    found = sum(1 for _ in api.list_repo_tree(repo, recursive=True))
    assert found >= int(expected), found


def upload_tree(repo: str, folder: str) -> Iterator[None]:
    """Upload a folder."""
    from huggingface_hub import HfApi

    api = HfApi()
    yield
    api.upload_folder(repo_id=repo, folder_path=folder)


def upload_objects(repo: str, folder: str, connections: str) -> Iterator[None]:
    """Commit the files of a folder, which all go through LFS, over some connections at a time."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    operations = [CommitOperationAdd(path.name, path) for path in sorted(Path(folder).iterdir())]
    yield
    api.create_commit(repo, operations, commit_message="many small objects", num_threads=int(connections))


def download_all(repo: str) -> Iterator[None]:
    """Download every file of a repository."""
    from huggingface_hub import snapshot_download

    yield
    snapshot_download(repo)


def write_together(repo: str, writers: str, commits: str) -> Iterator[None]:
    """Commit to one branch from several threads at the same time."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    threads = int(writers)

    def write(writer: int) -> None:
        for turn in range(int(commits)):
            add = CommitOperationAdd(f"w{writer:02}/{turn:03}.txt", f"{writer} {turn}".encode())
            api.create_commit(repo, [add], commit_message=f"{writer} {turn}")

    yield
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(threads)))


TASKS: dict[str, Callable[..., Iterator[None]]] = {
    task.__name__: task
    for task in (
        make_repo,
        upload,
        download,
        commit_small,
        commit_ten,
        list_all,
        upload_tree,
        upload_objects,
        download_all,
        write_together,
    )
}
"""Each task prepares, yields once, and then runs the part that is measured."""


def main() -> None:
    """Run the task that the arguments name."""
    task, *arguments = sys.argv[1:]
    steps = TASKS[task](*arguments)
    next(steps)
    cpu, started = _cpu_s(), time.perf_counter()
    next(steps, None)
    spent = Spent(time.perf_counter() - started, _cpu_s() - cpu)
    print(msgspec.json.encode(spent).decode())


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
