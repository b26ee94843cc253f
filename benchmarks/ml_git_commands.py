"""Run the benchmark of the commands of ``ml-git``: ``python -m benchmarks.ml_git_commands [--quick] [--out FILE]``.

Every command runs in a process of its own, as a user runs it, with an S3 server (SeaweedFS) and a bare git repository
on loopback. CPU time is that of the process and its children, git included.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.machines import this_machine
from benchmarks.results import Figure, Results, encode, table
from tests.support.s3_server import S3Server, running_s3_server

_ROOT = Path(__file__).resolve().parent.parent
_PROGRAM = "from entrepot.cli.main import run_ml_git; run_ml_git()"


@attrs.frozen
class Project:
    """A project in a folder, and the environment of its user."""

    folder: Path
    environ: dict[str, str]

    def run(self, *args: str) -> tuple[float, float]:
        """Run one command and return its wall and CPU time in seconds."""
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-c", _PROGRAM, *args]
        subprocess.run(command, cwd=self.folder, env=self.environ, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.perf_counter() - begun, spent


def prepare(place: Path, name: str, server: S3Server) -> Project:
    """Return a project that is configured and initialised."""
    folder, home = place / name, place / f"{name}-home"
    folder.mkdir()
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = bench\n\temail = bench@example.org\n")
    environ = {**os.environ, **server.environ(), "HOME": str(home), "PYTHONPATH": str(_ROOT / "src")}
    project = Project(folder, environ)
    project.run("repository", "init")
    project.run("repository", "storage", "add", "bench", f"--endpoint-url={server.url}")
    project.run("repository", "remote", "datasets", "add", str(place / "meta.git"))
    project.run("datasets", "init")
    return project


def measure(place: Path, server: S3Server, count: int) -> Iterator[Figure]:
    """Publish many small files and fetch them again, with every command timed."""
    subprocess.run(["git", "init", "-q", "--bare", place / "meta.git"], check=True)
    server.make_bucket("bench")
    writer = prepare(place, "writer", server)
    yield Figure("start", "ml-git --version, CPU", min(writer.run("--version")[1] for _ in range(5)), "s", 0.3)
    writer.run("datasets", "create", "small", "--categories=bench", "--mutability=strict", "--bucket-name=bench")
    data = writer.folder / "datasets/small/data"
    for number in range(count):
        target = data / f"{number % 256:03}" / f"{number:05}.bin"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(os.urandom(10_240))
    yield from _unit(data, place / "copy")
    theme, total = f"{count:,} x 10 KiB", 0.0
    for verb in ("add", "commit", "push"):
        wall, spent = writer.run("datasets", verb, "small")
        total += wall
        yield Figure(theme, verb, wall, "s")
        yield Figure(theme, f"{verb}, CPU", spent, "s")
    yield Figure(theme, "add, commit and push together", total, "s", 15)
    yield Figure(theme, "state of the project beside its data", _share(writer.folder), "%", 3)
    wall, cpu = writer.run("datasets", "status", "small")
    yield Figure(theme, "status, clean", wall, "s", 1)
    yield Figure(theme, "status, clean, CPU", cpu, "s")
    reader = prepare(place, "reader", server)
    wall, cpu = reader.run("datasets", "checkout", "small")
    yield Figure(theme, "fresh checkout", wall, "s", 10)
    yield Figure(theme, "fresh checkout, CPU", cpu, "s")
    (data / "one-more.bin").write_bytes(os.urandom(10_240))
    steps = (("add", "small", "--bumpversion"), ("commit", "small"), ("push", "small"))
    costs = [writer.run("datasets", *step) for step in steps]
    yield Figure(theme, "one more file published", sum(wall for wall, _ in costs), "s", 3)
    yield Figure(theme, "one more file published, CPU", sum(cpu for _, cpu in costs), "s")


def _unit(data: Path, copy: Path) -> Iterator[Figure]:
    begun = time.perf_counter()
    shutil.copytree(data, copy)
    for path in copy.rglob("*"):
        if path.is_file():
            hashlib.sha256(path.read_bytes()).digest()
    yield Figure("unit", "cp and sha256 of the same files", time.perf_counter() - begun, "s")


def _share(folder: Path) -> float:
    """Return the bytes of the state of a project as a percentage of those of its data."""
    sizes = [
        sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        for name in (".ml-git", "datasets")
    ]
    return 100 * sizes[0] / sizes[1]


def main() -> int:
    """Run everything and return the exit code: 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few files; the figures mean nothing")
    parser.add_argument("--out", type=Path, default=_ROOT / "benchmarks" / "results" / "ml_git_commands.json")
    options = parser.parse_args()
    machine, figures = this_machine(), list[Figure]()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "s3").mkdir()
        with running_s3_server(place / "s3") as server:
            for figure in measure(place, server, 100 if options.quick else 10_000):
                figures.append(figure)
                print(table([figure]).splitlines()[-1], flush=True)
    options.out.write_bytes(encode(Results(machine, options.quick, figures)))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
