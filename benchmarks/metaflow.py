"""Measure the Metaflow decorator: ``python -m benchmarks.metaflow [--quick] [--only THEME] [--out FILE]``.

``task``: a flow whose steps do nothing, with and without ``@hub`` with one item that the cache has; the time of a
task is that between its first and its last line in the output of Metaflow. ``copy``: the copy of a cached file of 1 GB
into the folder of a task, beside ``cp``. ``import``: ``import metaflow`` with and without the extension.
All compare in alternation.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.benches import conduct
from benchmarks.results import Figure
from entrepot import CommitOperationAdd, HubApi, testing
from entrepot.metaflow.placement import PlacedFile, place_new
from tests.support.metaflow_flows import FlowRun, MetaflowEnvironment, make_environment

_FLOW = """
from metaflow import FlowSpec, current, hub, step

class {name}(FlowSpec):
    {plain}@hub(load="tester/warm")
    @step
    def start(self):
        {plain}assert current.hub.loaded["tester/warm"]
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    {name}()
"""
_LINE = re.compile(r"^(\S+ \S+) \[\d+/start/1 \(pid \d+\)\] Task (is starting|finished)", re.MULTILINE)


def main() -> None:
    """Run the benchmark and exit."""
    conduct("metaflow", __doc__, ["task", "copy", "import"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of a theme."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as name:
        folder = Path(name)
        match theme:
            case "task":
                yield from _tasks(folder, 3 if is_quick else 15)
            case "copy":
                yield from _copies(folder, (20 if is_quick else 1000) * 1_000_000, 3 if is_quick else 7)
            case _:
                yield from _imports(folder, 3 if is_quick else 25)


def _tasks(folder: Path, turns: int) -> Iterator[Figure]:
    with testing.hub() as hub:
        api = HubApi(hub.url, hub.token)
        api.create_repo("warm")
        files = [CommitOperationAdd(f"{number}.json", b"{}" * number) for number in range(10)]
        api.create_commit("tester/warm", files, commit_message="files")
        environment = make_environment(folder).with_hub(hub)
        work = folder / "work"
        work.mkdir()
        _run(environment, work, is_plain=False)
        before = _requests(hub.log())
        plain: list[float] = []
        ours: list[float] = []
        for _ in range(turns):
            plain.append(_seconds(_run(environment, work, is_plain=True)))
            ours.append(_seconds(_run(environment, work, is_plain=False)))
        requests = (_requests(hub.log()) - before) / turns
    theme = "a warm task"
    yield Figure(theme, "plain task", statistics.median(plain), "s")
    yield Figure(theme, "task with @hub and one item", statistics.median(ours), "s")
    overhead = statistics.median(one - other for one, other in zip(ours, plain, strict=True))
    yield Figure(theme, "overhead of @hub", overhead, "s", 1.0)
    yield Figure(theme, "requests to the hub", requests, "", 2.0)


def _run(environment: MetaflowEnvironment, folder: Path, *, is_plain: bool) -> FlowRun:
    source = _FLOW.format(name="Plain" if is_plain else "Ours", plain="# " if is_plain else "")
    run = environment.run(source, folder=folder)
    if run.code != 0:
        raise RuntimeError(run.text)
    return run


def _seconds(run: FlowRun) -> float:
    start, end = (datetime.fromisoformat(found[0]) for found in _LINE.findall(run.text))
    return (end - start).total_seconds()


def _requests(log: str) -> int:
    return sum("/api/" in line or "/resolve/" in line for line in log.splitlines())


def _copies(folder: Path, size: int, turns: int) -> Iterator[Figure]:
    source = folder / "blob"
    with source.open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write(b"0123456789" * 100_000)
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(turns):
        began = time.perf_counter()
        subprocess.run(["cp", source, folder / f"cp-{turn}"], check=True)
        theirs.append(time.perf_counter() - began)
        (folder / f"cp-{turn}").unlink()
        target = folder / f"ours-{turn}"
        began = time.perf_counter()
        place_new([PlacedFile("model.bin", source, size)], target)
        ours.append(time.perf_counter() - began)
        (target / "model.bin").unlink()
    theme = f"a copy of {size / 1e9:g} GB"
    yield Figure(theme, "cp", statistics.median(theirs), "s")
    yield Figure(theme, "into the folder of a task", statistics.median(ours), "s")
    yield Figure(theme, "into the folder of a task / cp", statistics.median(ours) / statistics.median(theirs), "", 1.2)


def _imports(folder: Path, turns: int) -> Iterator[Figure]:
    environments = []
    for name, extension in (("without", None), ("with", "wheel")):
        (folder / name).mkdir()
        environments.append(make_environment(folder / name, extension=extension))
        environments[-1].start("-c", "import metaflow", folder=folder)
    spent: list[list[float]] = [[], []]
    for _ in range(turns):
        for at, environment in enumerate(environments):
            began = time.perf_counter()
            environment.start("-c", "import metaflow", folder=folder)
            spent[at].append(time.perf_counter() - began)
    without, with_it = (statistics.median(times) for times in spent)
    yield Figure("import metaflow", "without the extension", without, "s")
    yield Figure("import metaflow", "with the extension", with_it, "s")
    yield Figure("import metaflow", "with / without", with_it / without, "", 1.05)


if __name__ == "__main__":
    main()
