"""Kill a hub at random moments of its work: ``python -m benchmarks.kills [--quick] [--out FILE]``.

While clients commit files, send large files through LFS and Xet, push with git, have tables converted and delete
repositories, and while ``entrepot gc`` runs, the server is killed (SIGKILL) 60 times with SQLite and a folder, and 20
times with PostgreSQL and a bucket of SeaweedFS, at random moments. After every start, ``entrepot fsck`` must find no
damage (after each tenth it hashes every byte), and every change that was acknowledged must be there, whole: both of
its files, and no change with only one of them. Contents are read byte for byte: the newest ones after every start, all
of them at the end. Then two runs of ``gc`` must leave nothing that a third one, or ``fsck``, would call unreferenced,
no temporary file, and no job that failed for good. The seed of the random moments is fixed; the moments are not the
same on another machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx2

from benchmarks.backends import running_backends
from benchmarks.benches import conduct
from benchmarks.kill_writers import HALVES, REPO, TABLES, WRITERS, Sweeper, Writer
from benchmarks.results import Figure
from entrepot import testing
from entrepot.testing.hubs import RunningHub

_KILLS = {"kills": 60, "kills, PostgreSQL and a bucket": 20}
_QUICK = 6
_BETWEEN_S = (0.05, 2.0)
_NEWEST = 5
_BRANCHES = {"git": "pushed"}


@attrs.define
class Findings:
    """What was found after the starts; every number but ``checks`` should be 0."""

    checks: int = 0
    damage: int = 0
    lost: int = 0
    halves: int = 0
    wrong: int = 0
    leftovers: int = 0
    slowest_start_s: float = 0.0
    notes: list[str] = attrs.Factory(list)

    def note(self, text: str) -> None:
        """Print what was found, when it is found."""
        print(f"  !! {text}", file=sys.stderr, flush=True)
        self.notes.append(text)


def main() -> None:
    """Run the kills and exit."""
    conduct("kills", __doc__, list(_KILLS), measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of all kills on one kind of store."""
    kills, found = _QUICK if is_quick else _KILLS[theme], Findings()
    with contextlib.ExitStack() as stack:
        places: dict[str, object] = {}
        if theme != "kills":
            backends = stack.enter_context(running_backends("kills"))
            places = {
                "database": backends.database.url(backends.database.create()),
                "store": f"s3://shared/kills?endpoint={backends.s3.url}",
                "scratch": str(backends.folder / "scratch"),
            }
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="entrepot-kills-", ignore_cleanup_errors=True))
        hub = stack.enter_context(testing.hub(chunk_delay_s=0, gc_grace_s=86_400, **places))
        environ = {f"ENTREPOT_{name.upper()}": str(value) for name, value in places.items()}
        stack.enter_context(variables({**environ, "ENTREPOT_DATA": str(hub.data)}))
        _make_places(hub)
        allowed = threading.Event()
        writers = [kind(hub, Path(folder), allowed) for kind in WRITERS]
        sweeper = Sweeper(allowed)
        for thread in (*writers, sweeper):
            thread.start()
        _run_through(hub, writers, sweeper, kills, found)
        allowed.set()
        for stopping in (*(writer.stopping for writer in writers), sweeper.stopping):
            stopping.set()
        for thread in (*writers, sweeper):
            thread.join(120)
        known = {writer: dict(writer.acknowledged) for writer in writers}
        _check(hub, known, found, is_last=True)
        sweep_all(hub, found)
    yield Figure(theme, "kills", kills, "")
    for writer in writers:
        yield Figure(theme, f"acknowledged changes, {writer.kind}", len(writer.acknowledged), "", 1, is_floor=True)
    yield Figure(theme, "runs of gc", sweeper.runs, "")
    yield Figure(theme, "of them killed", sweeper.killed, "")
    yield Figure(theme, "findings of damage by fsck", found.damage, "", 0)
    yield Figure(theme, "acknowledged changes that were lost", found.lost, "", 0)
    yield Figure(theme, "changes with one of two files", found.halves, "", 0)
    yield Figure(theme, "files with other bytes", found.wrong, "", 0)
    yield Figure(theme, "leftovers after gc", found.leftovers, "", 0)
    yield Figure(theme, "files read byte for byte", found.checks, "")
    yield Figure(theme, "slowest start", found.slowest_start_s, "s")


def _make_places(hub: RunningHub) -> None:
    with _client(hub) as client:
        client.post("/api/repos/create", json={"name": "target"}).raise_for_status()
        client.post("/api/repos/create", json={"name": "tables", "type": "dataset"}).raise_for_status()


def _run_through(hub: RunningHub, writers: list[Writer], sweeper: Sweeper, kills: int, found: Findings) -> None:
    dice = random.Random(2026)
    for number in range(kills):
        sweeper.allowed.set()
        time.sleep(dice.uniform(*_BETWEEN_S))
        hub.kill()
        if dice.random() < 0.5:
            sweeper.kill()
        known = {writer: dict(writer.acknowledged) for writer in writers}
        started = time.monotonic()
        hub.start()
        sweeper.allowed.clear()  # no new changes while this is checked; those under way go on
        found.slowest_start_s = max(found.slowest_start_s, time.monotonic() - started)
        _check(hub, known, found, is_quick=number % 10 != 9)
        said = ", ".join(f"{len(changes)} {writer.kind}" for writer, changes in known.items())
        print(f"  {number + 1} kills: {said}; {sweeper.runs} sweeps", file=sys.stderr, flush=True)


def _check(
    hub: RunningHub,
    known: Mapping[Writer, Mapping[str, str]],
    found: Findings,
    *,
    is_quick: bool = False,
    is_last: bool = False,
) -> None:
    """Look for damage, lost and half changes, and read contents."""
    command = [sys.executable, "-m", "entrepot", "fsck", "--json"]
    depth = ["--deep"] if is_last else ["--quick"] if is_quick else []
    checked = subprocess.run([*command, *depth], capture_output=True, text=True, timeout=900)
    if checked.returncode != 0:
        found.damage += 1
        found.note(f"fsck: {checked.stdout[:2000]} {checked.stderr[:2000]}")
    with _client(hub) as client:
        for writer, changes in known.items():
            if writer.kind != "passing":
                _check_changes(client, writer, changes, found, is_last=is_last)


def _check_changes(
    client: httpx2.Client, writer: Writer, changes: Mapping[str, str], found: Findings, *, is_last: bool
) -> None:
    branch = _BRANCHES.get(writer.kind, "main")
    present = _paths(client, writer.place, branch, writer.kind)
    for change in {path.rpartition("/")[0] for path in present}:
        if not all(f"{change}/{half}" in present for half in HALVES):
            found.halves += 1
            found.note(f"half a change: {change}")
    for change in changes:
        if f"{change}/{HALVES[0]}" not in present:
            found.lost += 1
            found.note(f"lost: {change}")
    for change in list(changes) if is_last else list(changes)[-_NEWEST:]:
        for half in HALVES if is_last else HALVES[:1]:
            content = client.get(f"/{writer.place}/resolve/{branch}/{change}/{half}").raise_for_status().content
            found.checks += 1
            if hashlib.sha256(content).hexdigest() != changes[change]:
                found.wrong += 1
                found.note(f"other bytes: {change}/{half}")


def sweep_all(hub: RunningHub, found: Findings) -> None:
    """Delete what is unreferenced, and count what stays of it."""
    await_jobs(found)
    hub.stop()
    time.sleep(1.5)  # the shortest grace period that can be given is a second
    gc = ("admin", "gc", "--grace", "1s", "--bump-epoch", "--json")
    for _ in range(2):
        _run(*gc)
    left = [f"gc: {item}" for item in json.loads(_run(*gc, "--dry-run"))["items"]]
    left += [f"fsck: {finding}" for finding in json.loads(_run("fsck", "--deep", "--json"))["findings"]]
    scratch = Path(hub.settings.scratch) if hub.settings.scratch else hub.data / "blobs" / "incoming"
    files = [path for path in scratch.rglob("*") if path.is_file()]
    left += [f"file: {path}" for path in files if "blocks" not in path.parts]  # but for the cache of a bucket
    for text in left:
        found.note(text)
    found.leftovers += len(left)


def await_jobs(found: Findings) -> None:
    """Wait until no job of a change is left; count those that failed for good."""
    deadline = time.monotonic() + 300
    while (waiting := [job for job in _jobs("ready", "running") if job["namespace"]]) and time.monotonic() < deadline:
        time.sleep(1)
    for job in waiting + _jobs("dead"):
        found.leftovers += 1
        found.note(f"job: {job}")


def _jobs(*states: str) -> list[dict[str, Any]]:
    chosen = [word for state in states for word in ("--state", state)]
    found: list[dict[str, Any]] = json.loads(_run("admin", "jobs", "list", *chosen, "--limit", "10000", "--json"))
    return found


def _run(*words: str) -> bytes:
    """Run a command of an operator on the hub that the environment names, and return what it prints."""
    return subprocess.run([sys.executable, "-m", "entrepot", *words], stdout=subprocess.PIPE, timeout=900).stdout


@contextlib.contextmanager
def variables(added: Mapping[str, str]) -> Iterator[None]:
    """Add variables to the environment for the duration of the block."""
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _paths(client: httpx2.Client, place: str, branch: str, folder: str) -> set[str]:
    """Return the paths of the files below a folder; none if the branch or the folder does not exist yet."""
    api = f"/api/{place}" if place == TABLES else f"/api/models/{REPO}"
    url: str | None = f"{api}/tree/{branch}/{folder}?recursive=true"
    found: set[str] = set()
    while url is not None:
        answer = client.get(url)
        if answer.status_code == 404:
            return found
        found |= {item["path"] for item in json.loads(answer.raise_for_status().content) if item["type"] == "file"}
        url = answer.links.get("next", {}).get("url")
    return found


def _client(hub: RunningHub) -> httpx2.Client:
    return httpx2.Client(base_url=hub.url, headers={"authorization": f"Bearer {hub.token}"}, timeout=120)


if __name__ == "__main__":
    main()
