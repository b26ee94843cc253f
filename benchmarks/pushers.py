"""Run the benchmark of pushes beside writers: ``python -m benchmarks.pushers [--quick] [--only NAME] [--out FILE]``.

Eight writers commit over HTTP to one branch, each as soon as its last commit was answered, while people push to the
same branch with git: first one person, then four at once. After a lost race they fetch, rebase and push again at
once, as people and scripts do. No push may lose four races in a row. On one server with SQLite, and on two with
PostgreSQL behind a load balancer.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import httpx2

from benchmarks.backends import running_backends
from benchmarks.benches import conduct
from benchmarks.results import Figure
from entrepot import testing
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from tests.support.races import Journal, commit, faults_of, running_cluster

_WRITERS, _PUSHERS, _PUSHES, _QUICK = 8, 4, 24, 4
_ORG, _REPO = "team", "team/shared"
_LOST_IN_A_ROW = 4
_MAX_TRIES = 40


@attrs.frozen
class _Stage:
    """A hub with the organisation of the writers and pushers, and the secrets of their tokens."""

    url: str
    folder: Path
    writer: str
    pushers: Sequence[str]
    pushes: int


@attrs.frozen
class _Push:
    """How often a push was tried, and how long it took from the first try to the end of the last one."""

    tries: int
    seconds: float


def main() -> None:
    """Run the benchmark and exit."""
    conduct("pushers", __doc__, ["sqlite", "postgresql"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one database."""
    pushes = _QUICK if is_quick else _PUSHES
    with contextlib.ExitStack() as stack:
        if theme == "sqlite":
            hub = stack.enter_context(testing.hub())
            url, settings = hub.url, hub.settings
        else:
            found = stack.enter_context(running_backends("pushers"))
            store, database = (
                f"s3://shared/pushers?endpoint={found.s3.url}",
                found.database.url(found.database.create()),
            )
            cluster = stack.enter_context(running_cluster(found.folder, 2, database, store))
            url, settings = cluster.balancer.url, cluster.settings
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="entrepot-pushers-")))
        secrets = _people(settings)
        stage = _Stage(url, folder, secrets[0], secrets[1:], pushes)
        with _client(stage) as client:
            made = client.post("/api/repos/create", json={"name": "shared", "organization": _ORG, "type": "model"})
            made.raise_for_status()
        for number in (1, _PUSHERS):
            yield from _beside_writers(theme, stage, number)


def _people(settings: Settings) -> list[str]:
    """Create an organisation with members; return the secrets of a writer over HTTP and of the pushers."""
    hub = open_hub(settings)
    names = ["writer", *(f"pusher{number}" for number in range(_PUSHERS))]
    for name in names:
        accounts.create_user(hub, name)
    accounts.create_org(hub, _ORG, admin="writer")
    for name in names[1:]:
        accounts.set_member(hub, _ORG, name, Role.WRITE)
    secrets = [accounts.create_token(hub, name, role="write").secret for name in names]
    hub.close()
    return secrets


def _client(stage: _Stage) -> httpx2.Client:
    return httpx2.Client(
        base_url=stage.url, headers={"authorization": f"Bearer {stage.writer}"}, timeout=100, trust_env=False
    )


def _beside_writers(theme: str, stage: _Stage, number: int) -> Iterator[Figure]:
    """Push with this many people at the same time while writers commit."""
    journals, waits_s, is_over = [Journal() for _ in range(_WRITERS)], list[float](), threading.Event()

    def write(at: int) -> None:
        turn = 0
        while not is_over.is_set():
            with _client(stage) as client:
                began = time.monotonic()
                commit(client, _REPO, f"of{number}-w{at}-{turn}", journals[at])
                waits_s.append(time.monotonic() - began)
            turn += 1

    with ThreadPoolExecutor(_WRITERS + number) as pool:
        writing = [pool.submit(write, at) for at in range(_WRITERS)]
        pushing = [pool.submit(_push_all, stage, number, at) for at in range(number)]
        try:
            pushes = [push for future in pushing for push in future.result()]
        finally:
            is_over.set()
        for future in writing:
            future.result()
    with _client(stage) as client:
        faults = faults_of(client, _REPO, journals)
        faults = [fault for fault in faults if not fault.startswith("unknown")]  # those of pushers and earlier writers
    name = f"{number} who push{'es' * (number == 1)}"
    yield Figure(theme, f"{name}: pushes", len(pushes), "")
    lost = sum(push.tries > _LOST_IN_A_ROW for push in pushes)
    yield Figure(theme, f"{name}: pushes that lost four races in a row", lost, "", 0)
    yield Figure(theme, f"{name}: pushes at the first try", sum(push.tries == 1 for push in pushes), "")
    yield Figure(theme, f"{name}: tries of the unluckiest push", max(push.tries for push in pushes), "")
    taken = sorted(push.seconds for push in pushes)
    yield Figure(theme, f"{name}: duration of a push with its tries, median", taken[len(taken) // 2], "s")
    yield Figure(theme, f"{name}: duration of a push with its tries, longest", taken[-1], "s")
    yield Figure(theme, f"{name}: commits over HTTP", sum(len(journal.acknowledged) for journal in journals), "")
    failed = sum(len(journal.refused) + len(journal.doubtful) for journal in journals)
    yield Figure(theme, f"{name}: commits over HTTP that failed", failed, "", 0)
    yield Figure(theme, f"{name}: duration of a commit, median", sorted(waits_s)[len(waits_s) // 2], "s")
    yield Figure(theme, f"{name}: duration of a commit, longest", max(waits_s), "s")
    yield Figure(theme, f"{name}: faults of the history", len(faults), "", 0)


def _push_all(stage: _Stage, number: int, at: int) -> list[_Push]:
    """Clone, then commit and push as often as is this one's share."""
    home = stage.folder / f"{number}-{at}"
    home.mkdir()
    url = f"http://pusher{at}:{stage.pushers[at]}@{stage.url.removeprefix('http://')}/{_REPO}"
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_TERMINAL_PROMPT": "0", "NO_PROXY": "*"}

    def run(*words: str) -> bool:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words]
        return subprocess.run(command, cwd=home, env=environ, capture_output=True, check=False).returncode == 0

    assert run("clone", "-q", url, "work")
    home /= "work"
    pushes: list[_Push] = []
    for turn in range(stage.pushes // number):
        name = f"git-of{number}-{at}-{turn}"
        (home / name).write_text("git")
        run("add", ".")
        run("commit", "-qm", name)
        began, tries = time.monotonic(), 1
        while not run("push", "-q"):
            assert tries < _MAX_TRIES, f"{name} was pushed in vain {tries} times"
            run("pull", "-q", "--rebase")
            tries += 1
        pushes.append(_Push(tries, time.monotonic() - began))
    return pushes


if __name__ == "__main__":
    main()
