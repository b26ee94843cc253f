"""Measure the Asset Hub dialect: ``python -m benchmarks.asset_hub [--quick] [--only THEME] [--out FILE]``.

``commits`` compares ``ah.commit`` with ``HubApi.upload_folder`` for the same files, in
alternation, each into a new repository of one hub. ``folders`` lists, renames and shares
a folder with 1,000 assets. ``reads`` counts the requests of single calls. ``start``
compares the time of ``import entrepot.ah`` with that of ``import entrepot``.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.benches import conduct
from benchmarks.meters import MIB
from benchmarks.results import Figure
from entrepot import HubApi, ah, testing
from entrepot.client.calls import Call
from entrepot.client.transport import Transport
from entrepot.testing.hubs import RunningHub

THEMES = ("commits", "folders", "reads", "start")


def main() -> None:
    """Run the benchmark and exit."""
    conduct("asset_hub", __doc__, THEMES, measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme."""
    if theme == "start":
        yield from _start(theme, 5 if is_quick else 25)
        return
    with testing.hub() as hub, _client(hub) as folder:
        if theme == "commits":
            yield from _commits(theme, hub, folder, rounds=2 if is_quick else 7)
        elif theme == "folders":
            yield from _folders(theme, assets=50 if is_quick else 1000)
        else:
            yield from _reads(theme, folder)


@contextlib.contextmanager
def _client(hub: RunningHub) -> Iterator[Path]:
    """Point this process at the hub, with a cache of its own; yield an empty folder."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmark-") as folder:
        os.environ |= {
            **hub.environ(),
            "ENTREPOT_HOME": f"{folder}/home",
            "HOME": folder,
            "ENTREPOT_DISABLE_PROGRESS": "1",
        }
        try:
            ah.login()
            work = Path(folder) / "work"
            work.mkdir()
            yield work
        finally:
            ah.logout()
            os.environ.clear()
            os.environ |= before


@contextlib.contextmanager
def _counted() -> Iterator[list[str]]:
    """Yield the list of requests of this process that are sent in the block."""
    seen: list[str] = []
    once = Transport._once

    def watched(self: Transport, call: Call[Any], url: str, *rest: Any) -> Any:  # noqa: ANN401 - passed on as they are
        seen.append(url)
        return once(self, call, url, *rest)

    Transport._once = watched  # type: ignore[method-assign, assignment]
    try:
        yield seen
    finally:
        Transport._once = once  # type: ignore[method-assign]


def _timed(call: Callable[[], object]) -> tuple[float, int]:
    """Return the seconds and the requests of a call."""
    with _counted() as seen:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began, len(seen)


def _commits(theme: str, hub: RunningHub, folder: Path, rounds: int) -> Iterator[Figure]:
    api = HubApi(hub.url, hub.token)
    for name, texts, larges in (("100 texts and 3 files of 4 MiB", 100, 3), ("1,000 texts", 1000, 0)):
        own: list[tuple[float, int]] = []
        other: list[tuple[float, int]] = []
        for turn in range(rounds + 1):
            for spent, kind in ((own, "ah"), (other, "hf")) if turn % 2 else ((other, "hf"), (own, "ah")):
                source = folder / f"{texts}-{kind}-{turn}"
                _fill(source, texts, larges)
                asset = f"x{texts}-{kind}-{turn}"
                ah.create(f"model/bench/{asset}")
                repo = f"tester.bench/{asset}"
                if kind == "ah":
                    took = _timed(lambda: ah.commit(f"model/bench/{asset}", "m", add=[f"{source}/*"]))  # noqa: B023
                else:
                    took = _timed(lambda: api.upload_folder(folder_path=source, repo_id=repo, commit_message="m"))  # noqa: B023
                if turn:  # the first round warms up both
                    spent.append(took)
        mine, theirs = (statistics.median(seconds for seconds, _ in spent) for spent in (own, other))
        yield Figure(theme, f"ah.commit, {name}", mine, "s")
        yield Figure(theme, f"upload_folder, {name}", theirs, "s")
        yield Figure(theme, f"ah.commit / upload_folder, {name}", mine / theirs, "", 1.1)
        requests = max(number for _, number in own)
        yield Figure(theme, f"requests of ah.commit, {name}", requests, "", max(number for _, number in other))


def _fill(folder: Path, texts: int, larges: int) -> None:
    folder.mkdir()
    for number in range(texts):
        (folder / f"{number}.txt").write_text(os.urandom(1024).hex())
    for number in range(larges):
        (folder / f"{number}.bin").write_bytes(os.urandom(4 * MIB))


def _folders(theme: str, assets: int) -> Iterator[Figure]:
    folder = ah.create("model/many")
    for number in range(assets):
        folder.create_asset(f"a{number}")  # type: ignore[union-attr]
    seconds, requests = _timed(lambda: ah.list("model/many"))
    yield Figure(theme, f"list of {assets:,} assets", seconds, "s")
    yield Figure(theme, f"requests for a list of {assets:,} assets", requests, "", 3)
    seconds, _ = _timed(lambda: ah.share("model/many", public=True))
    yield Figure(theme, f"sharing {assets:,} assets with everyone", seconds, "s", 1.0)
    seconds, _ = _timed(lambda: ah.unshare("model/many", public=True))
    yield Figure(theme, f"sharing {assets:,} assets no longer", seconds, "s", 1.0)
    seconds, _ = _timed(lambda: ah.update("model/many", name="renamed"))
    yield Figure(theme, f"renaming a folder of {assets:,} assets", seconds, "s", 1.0)
    seconds, requests = _timed(lambda: ah.get("model/many/a7"))
    yield Figure(theme, "asset under the old name of its folder", seconds, "s")
    seconds, _ = _timed(lambda: ah.delete("model/renamed"))
    yield Figure(theme, f"deleting a folder of {assets:,} assets", seconds, "s")


def _reads(theme: str, folder: Path) -> Iterator[Figure]:
    ah.create("model/reads/x")
    _fill(folder / "files", 50, 2)
    ah.commit("model/reads/x", "m", add=[f"{folder / 'files'}/*"])
    for name, call, most in (
        ("get of an asset", lambda: ah.get("model/reads/x"), 1),
        ("get of a branch", lambda: ah.get("model/reads/x:main"), 2),
        ("list of a folder", lambda: ah.list("model/reads"), 1),
        ("commit that changes nothing", lambda: ah.commit("model/reads/x", "m", add=[f"{folder / 'files'}/*"]), None),
    ):
        yield Figure(theme, f"requests: {name}", _timed(call)[1], "", most)
    ah.download("model/reads/x", save_dir=str(folder / "out"))
    with _counted() as seen:
        ah.download("model/reads/x", save_dir=str(folder / "out"))
    contents = [url for url in seen if "/resolve/" in url or "/contents/" in url]
    yield Figure(theme, "requests: download of an unchanged folder", len(seen), "")
    yield Figure(theme, "contents received by a download of an unchanged folder", len(contents), "", 0)


def _start(theme: str, rounds: int) -> Iterator[Figure]:
    spent: dict[str, list[float]] = {"import entrepot": [], "import entrepot.ah": []}
    for _ in range(rounds):
        for statement, seconds in spent.items():
            before = os.times()
            subprocess.run([sys.executable, "-c", statement], check=True)
            after = os.times()
            used = after.children_user + after.children_system - before.children_user - before.children_system
            seconds.append(used)
    medians = {statement: statistics.fmean(seconds) for statement, seconds in spent.items()}
    for statement, seconds_used in medians.items():
        yield Figure(theme, f"{statement}, CPU", seconds_used * 1000, "ms")
    yield Figure(
        theme,
        "import entrepot.ah / import entrepot",
        medians["import entrepot.ah"] / medians["import entrepot"],
        "",
        1.2,
    )


if __name__ == "__main__":
    main()
