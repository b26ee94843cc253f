"""Run the race campaign: ``python -m benchmarks.races [--quick] [--only NAME] [--out FILE]``.

Three servers with folders of their own work on one PostgreSQL database and one bucket of SeaweedFS. Writers
compete through a load balancer while servers are killed, the bucket is away, and the database restarts. The
figures count what must not happen; the script ends with 1 if anything of it did.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import httpx2

from benchmarks.backends import running_backends
from benchmarks.benches import conduct
from benchmarks.results import Figure
from tests.support.balancers import Balancer
from tests.support.postgres import PostgresServer
from tests.support.races import (
    Cluster,
    Journal,
    Receiver,
    commit,
    done_jobs,
    faults_of,
    history_of,
    running_cluster,
)
from tests.support.relay import Relay, RelayedResponse
from tests.support.warm_servers import start_servers_warm

_WRITERS, _REPOS = 8, ("alice/a", "alice/b")


@attrs.frozen
class _Stage:
    cluster: Cluster
    database: PostgresServer
    relay: Relay
    folder: Path
    seconds: float


def main() -> None:
    """Run the campaign and exit."""
    start_servers_warm()  # or a server is hardly ever up again after two seconds, and few can be killed
    conduct("races", __doc__, ["kills", "bucket", "database", "names", "git"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one kind of trouble."""
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(running_backends("races"))
        relay = Relay(found.s3.url)
        stack.callback(relay.close)
        store, url = f"s3://shared/races?endpoint={relay.url}", found.database.url(found.database.create())
        cluster = stack.enter_context(
            running_cluster(found.folder, 3, url, store, webhook_private_targets=True, drain_s=2)
        )
        stage = _Stage(cluster, found.database, relay, found.folder, 6 if is_quick else 45)
        for name, value, unit, target in _THEMES[theme](stage):
            yield Figure(theme, name, value, unit, target)


Row = tuple[str, float, str, float | None]


def _kills(stage: _Stage) -> Iterator[Row]:
    """Kill a server with SIGKILL every two seconds, in turn."""
    receiver = Receiver()
    with stage.cluster.client() as client:
        watched = [{"type": "model", "name": repo} for repo in _REPOS]
        hook = {"url": receiver.url, "watched": watched, "domains": ["repo"]}
        client.post("/api/settings/webhooks", json=hook).raise_for_status()
    kills = 0

    def trouble(is_over: threading.Event) -> None:
        nonlocal kills
        while not is_over.wait(2):
            server = stage.cluster.servers[kills % len(stage.cluster.servers)]
            server.kill()
            kills += 1
            server.start()

    journals = _write(stage, trouble)
    yield "servers killed", kills, "", None
    yield from _checked(stage, journals)
    with stage.cluster.client() as client:
        histories = {repo: history_of(client, repo) for repo in _REPOS}
    deadline = time.monotonic() + 300
    while any(receiver.missing(repo, found) for repo, found in histories.items()) and time.monotonic() < deadline:
        time.sleep(0.5)
    missing = sum(len(receiver.missing(repo, found)) for repo, found in histories.items())
    yield "webhooks that never came", missing, "", 0
    yield "webhooks out of order", sum(len(receiver.disorder(repo, found)) for repo, found in histories.items()), "", 0
    receiver.close()
    done = done_jobs(stage.cluster.servers)
    yield "jobs done", len(done), "", None
    yield "jobs done twice", sum(count > 1 for count in done.values()), "", 0


def _bucket(stage: _Stage) -> Iterator[Row]:
    """Let the bucket answer 503 for two thirds of the time."""

    def trouble(is_over: threading.Event) -> None:
        is_over.wait(stage.seconds / 6)
        stage.relay.rule = lambda _asked, _go_on: RelayedResponse(503)
        is_over.wait(stage.seconds * 2 / 3)
        stage.relay.rule = lambda asked, go_on: go_on(asked)

    yield from _checked(stage, _write(stage, trouble))


def _database(stage: _Stage) -> Iterator[Row]:
    """Crash and restart PostgreSQL every few seconds: answers to COMMIT are lost too."""
    crashes = 0

    def trouble(is_over: threading.Event) -> None:
        nonlocal crashes
        while not is_over.wait(5):
            stage.database.stop()
            crashes += 1
            stage.database.start()

    yield from _checked(stage, _write(stage, trouble))
    yield "crashes of the database", crashes, "", None


def _names(stage: _Stage) -> Iterator[Row]:
    """Create each repository twelve times at once."""
    rounds = 20

    def create(number: int) -> int:
        with stage.cluster.client() as client:
            return client.post("/api/repos/create", json={"name": f"n{number // 12}", "type": "model"}).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = Counter(pool.map(create, range(12 * rounds)))
    yield "created", statuses[200], "repositories", None
    yield "created twice", abs(statuses[200] - rounds), "", 0
    yield "answers other than 200 and 409", 12 * rounds - statuses[200] - statuses[409], "", 0


def _git(stage: _Stage) -> Iterator[Row]:
    """Push with git beside writers over HTTP; a push that lost is rebased and sent again."""
    tries: list[int] = []

    def trouble(is_over: threading.Event) -> None:
        home, token = stage.folder, stage.cluster.token
        url = f"http://alice:{token}@{stage.cluster.balancer.url.removeprefix('http://')}/{_REPOS[0]}"
        git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_TERMINAL_PROMPT": "0", "NO_PROXY": "*"}

        def run(*words: str) -> bool:
            done = subprocess.run([*git, *words], cwd=home, env=environ, capture_output=True, check=False)
            return done.returncode == 0

        run("clone", "-q", url, "work")
        home /= "work"
        while not is_over.is_set():
            (home / f"git{len(tries)}.txt").write_text("git")
            run("add", ".")
            run("commit", "-qm", f"git{len(tries)}")
            count = 1
            while not run("push", "-q") and count < 100:
                run("pull", "-q", "--rebase")
                count += 1
            tries.append(count)

    journals = _write(attrs.evolve(stage, seconds=3 * stage.seconds), trouble)
    yield "pushes", len(tries), "", None
    yield "pushes at the first try", sum(count == 1 for count in tries), "", None
    yield "tries of the unluckiest push", max(tries, default=0), "", None
    acknowledged = sum(len(journal.acknowledged) for found in journals.values() for journal in found)
    yield "commits acknowledged", acknowledged, "", None


def _write(stage: _Stage, trouble: Callable[[threading.Event], None]) -> dict[str, list[Journal]]:
    """Commit to two repositories from eight threads while there is trouble; return what the writers know."""
    journals: dict[str, list[Journal]] = {repo: [] for repo in _REPOS}
    is_over = threading.Event()

    def work(number: int) -> None:
        repo, journal, turn = _REPOS[number % len(_REPOS)], Journal(), 0
        journals[repo].append(journal)
        while not is_over.is_set():
            with stage.cluster.client() as client:  # a connection each time: another server, perhaps
                commit(client, repo, f"w{number}-{turn}", journal)
            turn += 1

    with stage.cluster.client() as client:
        for repo in _REPOS:
            client.post("/api/repos/create", json={"name": repo.partition("/")[2], "type": "model"}).raise_for_status()
    timer = threading.Timer(stage.seconds, is_over.set)
    with ThreadPoolExecutor(_WRITERS) as pool:
        working = [pool.submit(work, number) for number in range(_WRITERS)]
        timer.start()
        trouble(is_over)  # in this thread: a database ends with the thread that has started it
        is_over.wait()
        for future in working:
            future.result()
    _await_ready(stage.cluster.balancer)
    return journals


def _await_ready(balancer: Balancer) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{balancer.url}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.2)


def _checked(stage: _Stage, journals: dict[str, list[Journal]]) -> Iterator[Row]:
    every = [journal for found in journals.values() for journal in found]
    yield "commits acknowledged", sum(len(journal.acknowledged) for journal in every), "", None
    yield "commits without an answer", sum(len(journal.doubtful) for journal in every), "", None
    statuses = sum((journal.statuses for journal in every), Counter[int]())
    yield "answers 500", statuses[500], "", 0
    with stage.cluster.client() as client:
        faults = [fault for repo, found in journals.items() for fault in faults_of(client, repo, found)]
    for fault in faults[:20]:
        print("   ", fault)
    yield "faults of the history", len(faults), "", 0


_THEMES = {"kills": _kills, "bucket": _bucket, "database": _database, "names": _names, "git": _git}

if __name__ == "__main__":
    main()
