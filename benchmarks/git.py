"""Run the benchmarks of git: ``python -m benchmarks.git [--quick] [--only NAME] [--out FILE]``.

The installed git and git-lfs run against a hub and, in the same run, git runs
against a native repository through ``file://``. The benchmark compares the CPU
time of both servers: the hub's process with the git processes it starts, and
git's own ``upload-pack`` or ``receive-pack`` with their children.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import clients
from benchmarks.benches import Bench, conduct
from benchmarks.git_workspaces import GitWorkspace, write_history
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure
from entrepot import testing

_TURNS = 3
_NO_BITMAP = ("-c", "repack.writeBitmaps=false")


class GitBench(Bench):
    """A bench with a folder for git."""

    @property
    def workspace(self) -> GitWorkspace:
        """Return the folder in which git runs."""
        return GitWorkspace(self.folder)

    def make_repo(self, repo: str) -> str:
        """Create a repository on the hub and return its URL with credentials."""
        clients.call(self.hub, "make_repo", repo)
        return f"{self.hub.url.replace('://', f'://any:{self.hub.token}@')}/{repo}"

    def clone_cpu_s(self, url: str) -> tuple[float, float]:
        """Return the server CPU of a clone without a work tree, and of the jobs after it."""
        with self.meter.measure() as cost:
            self.workspace.git("clone", "-q", "--no-checkout", url, "cloned")
        shutil.rmtree(self.folder / "cloned")
        return cost.server_cpu_s, cost.later_cpu_s

    def native_clone_cpu_s(self, source: Path) -> float:
        """Return the CPU of git's own server for the same clone."""
        with self.workspace.native("upload-pack") as (option, cost):
            self.workspace.git("clone", "-q", "--no-checkout", "--no-local", option, f"file://{source}", "cloned")
        shutil.rmtree(self.folder / "cloned")
        return cost.server_cpu_s

    def push_cpu_s(self, work: Path, remote: str, *refs: str) -> float:
        """Return the server CPU of a push, without the jobs after it."""
        with self.meter.measure() as cost:
            self.workspace.git("push", "-q", "--force", remote, *refs, cwd=work)
        return cost.server_cpu_s

    def native_push_cpu_s(self, work: Path, remote: Path, *refs: str) -> float:
        """Return the CPU of git's own server for the same push, with object checks like the hub's."""
        with self.workspace.native("receive-pack") as (option, cost):
            self.workspace.git("push", "-q", "--force", option, f"file://{remote}", *refs, cwd=work)
        return cost.server_cpu_s

    def native_repo(self, name: str) -> Path:
        """Create an empty bare repository that checks pushed objects."""
        folder = self.folder / name
        self.workspace.git("init", "-q", "--bare", "--initial-branch=main", folder)
        for key, value in (("receive.fsckObjects", "true"), ("receive.autogc", "false")):
            self.workspace.git("config", key, value, cwd=folder)
        return folder


def measure_clones(bench: GitBench) -> Iterator[Figure]:
    """Push a history of 100,000 objects; clone it from an existing mirror and from one that must be built."""
    workspace, source = bench.workspace, bench.folder / "source.git"
    count = write_history(workspace, source, bench.pick(500, 20))
    theme = "100,000 objects"
    yield Figure(theme, "objects", count, "")
    workspace.git(*_NO_BITMAP, "repack", "-a", "-d", "-f", "-q", cwd=source)
    plain = sum(bench.native_clone_cpu_s(source) for _ in range(_TURNS)) / _TURNS
    workspace.git("repack", "-a", "-d", "-b", "-q", cwd=source)
    mapped = sum(bench.native_clone_cpu_s(source) for _ in range(_TURNS)) / _TURNS
    yield Figure(theme, "clone, native git without a bitmap, CPU", plain, "s")
    yield Figure(theme, "clone, native git with a bitmap, CPU", mapped, "s")
    url, native = bench.make_repo("tester/history"), bench.native_repo("pushed.git")
    yield Figure(theme, "push of all, native git, CPU", bench.native_push_cpu_s(source, native, "main"), "s")
    with bench.meter.measure() as cost:
        workspace.git("push", "-q", "--force", url, "main", cwd=source)
    yield Figure(theme, "push of all, server CPU", cost.server_cpu_s, "s")
    yield Figure(theme, "push of all, server memory above idle", cost.grown / MIB, "MiB")
    yield Figure(theme, "push of all, CPU of follow-up jobs", cost.later_cpu_s, "s")
    first, later = bench.clone_cpu_s(url)
    yield Figure(theme, "first clone after the push, server CPU", first, "s")
    yield Figure(theme, "first clone after the push, CPU of the job that repacks", later, "s")
    yield from _warm(bench, theme, url, "warm clone", plain, mapped)
    shutil.rmtree(bench.hub.data / "cache" / "git")
    cold, later = bench.clone_cpu_s(url)
    yield Figure(theme, "cold clone (cache deleted), server CPU", cold, "s")
    yield Figure(theme, "cold clone, server CPU / native without a bitmap", cold / plain, "")
    yield Figure(theme, "cold clone, CPU of the job that repacks", later, "s")
    yield from _warm(bench, theme, url, "warm clone after the cold one", plain, mapped)
    yield from _single_files(bench, "one file into 100,000 objects", url, native)


def _warm(bench: GitBench, theme: str, url: str, name: str, plain: float, mapped: float) -> Iterator[Figure]:
    warm = sum(bench.clone_cpu_s(url)[0] for _ in range(_TURNS)) / _TURNS
    yield Figure(theme, f"{name}, server CPU", warm, "s")
    yield Figure(theme, f"{name}, server CPU / native with a bitmap", warm / mapped, "")
    yield Figure(theme, f"{name}, server CPU / native without a bitmap", warm / plain, "")


def measure_small_pushes(bench: GitBench) -> Iterator[Figure]:
    """Push one file at a time to a small repository."""
    url, native = bench.make_repo("tester/small"), bench.native_repo("small.git")
    work = bench.folder / "first"
    bench.workspace.git("clone", "-q", url, work)
    bench.workspace.git("push", "-q", f"file://{native}", "main", cwd=work)
    yield from _single_files(bench, "one file into a small repository", url, native)


def _single_files(bench: GitBench, theme: str, url: str, native: Path) -> Iterator[Figure]:
    work, times = bench.folder / f"work-{native.name}", bench.pick(20, 4)
    bench.workspace.git("clone", "-q", url, work)
    ours = theirs = 0.0
    for number in range(times):
        (work / "one.txt").write_text(f"{number}\n")
        bench.workspace.git("add", "-A", cwd=work)
        bench.workspace.git("commit", "-q", "-m", f"one file, {number}", cwd=work)
        ours += bench.push_cpu_s(work, "origin", "HEAD:main")
        theirs += bench.native_push_cpu_s(work, native, "HEAD:main")
    yield Figure(theme, "push, server CPU", 1000 * ours / times, "ms")
    yield Figure(theme, "push, native git, CPU", 1000 * theirs / times, "ms")


def measure_many_files(bench: GitBench) -> Iterator[Figure]:
    """Push 5,000 files in one push."""
    theme, count = "5,000 files in one push", bench.pick(5000, 300)
    url, native, work = bench.make_repo("tester/many"), bench.native_repo("many.git"), bench.folder / "many"
    bench.workspace.git("clone", "-q", url, work)
    for number in range(count):
        place = work / f"d{number % 50:02}" / f"f{number:05}.txt"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"file {number} with a few words\n" * 20)
    bench.workspace.git("add", "-A", cwd=work)
    bench.workspace.git("commit", "-q", "-m", "many files", cwd=work)
    with bench.meter.measure() as cost:
        bench.workspace.git("push", "-q", "origin", "HEAD", cwd=work)
    yield Figure(theme, "push, server CPU", 1000 * cost.server_cpu_s, "ms")
    yield Figure(theme, "push, native git, CPU", 1000 * bench.native_push_cpu_s(work, native, "HEAD:main"), "ms")
    yield Figure(theme, "push, CPU of follow-up jobs", 1000 * cost.later_cpu_s, "ms")
    yield Figure(theme, "push, server memory above idle", cost.grown / MIB, "MiB", 64)
    first, later = bench.clone_cpu_s(url)
    yield Figure(theme, "first clone, server CPU", 1000 * first, "ms")
    yield Figure(theme, "first clone, CPU of follow-up jobs", 1000 * later, "ms")


def measure_large_files(bench: GitBench) -> Iterator[Figure]:
    """Push and clone 251 files of 64 KiB through git-lfs."""
    theme, count = "251 git-lfs files of 64 KiB", bench.pick(251, 40)
    workspace, work, again = bench.workspace, bench.folder / "large", bench.folder / "again"
    url = bench.make_repo("tester/large")
    workspace.git("lfs", "install", "--skip-repo")
    workspace.git("clone", "-q", url, work)
    workspace.git("lfs", "track", "*.part", cwd=work)
    for number in range(count):
        (work / f"{number:03}.part").write_bytes(os.urandom(64 * 1024))
    workspace.git("add", "-A", cwd=work)
    workspace.git("commit", "-q", "-m", "large files", cwd=work)
    with bench.meter.measure() as cost:
        workspace.git("push", "-q", "origin", "HEAD", cwd=work)
    yield Figure(theme, "push, server CPU", 1000 * cost.server_cpu_s, "ms")
    yield Figure(theme, "push, server CPU a file", 1000 * cost.server_cpu_s / count, "ms")
    yield Figure(theme, "push, wall", cost.wall_s, "s")
    with bench.meter.measure() as cost:
        workspace.git("clone", "-q", url, again)
    assert (again / "000.part").read_bytes() == (work / "000.part").read_bytes()
    yield Figure(theme, "clone, server CPU", 1000 * cost.server_cpu_s, "ms")
    yield Figure(theme, "clone, server CPU a file", 1000 * cost.server_cpu_s / count, "ms")
    yield Figure(theme, "clone, wall", cost.wall_s, "s")


THEMES: dict[str, Callable[[GitBench], Iterator[Figure]]] = {
    "clones": measure_clones,
    "small-pushes": measure_small_pushes,
    "many-files": measure_many_files,
    "large-files": measure_large_files,
}
"""The themes in the order in which they run, each on a fresh hub."""


def measure(name: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme, measured on a separate hub."""
    # Jobs are off: chunking the large files for Xet would disturb the figures.
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub(chunk_delay_s="1d") as hub:
        hub.token  # noqa: B018 - creates the account
        yield from THEMES[name](GitBench(hub, Meter(hub.pid), Path(folder), is_quick))


if __name__ == "__main__":
    conduct("git", __doc__, list(THEMES), measure)
