"""Run the long race campaign: ``python -m benchmarks.endurance [--quick] [--out FILE]``.

Three servers on one PostgreSQL database and one bucket of SeaweedFS, behind a load balancer. Every two
seconds the next one that runs is killed with SIGKILL and started again, while eight writers commit,
create repositories of the same names, and open discussions, 10,000 operations in all. Then what the hub
has is compared with what the writers were told. ``webhooks``: two servers, and commits alone, of which each
makes an event for one receiver; it must get those of each repository in order, and each one at least once.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
import httpx2

from benchmarks.backends import running_backends
from benchmarks.benches import conduct
from benchmarks.results import Figure
from entrepot.testing.hubs import RunningHub
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
from tests.support.warm_servers import start_servers_warm

_WRITERS = 8
_REPOS = [f"alice/r{number}" for number in range(20)]
_WATCHED = _REPOS[:8]
_SERVERS = {"kills": 3, "webhooks": 2}
_EVENTS = 4_000
_SAME_NAME = 4
_PAUSE_S = 2.0
_LONGEST_S = 2_700.0
_WEBHOOKS_S = 300.0


def main() -> None:
    """Run the campaigns and exit."""
    start_servers_warm()  # or a server is hardly ever up again after two seconds, and few can be killed
    conduct("endurance", __doc__, list(_SERVERS), measure)


@attrs.define
class _Told:
    """What the writers were told."""

    commits: dict[str, list[Journal]] = attrs.field(factory=lambda: defaultdict(list))
    created: dict[str, Counter[int]] = attrs.field(factory=lambda: defaultdict(Counter))
    numbers: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict(list))
    statuses: Counter[int] = attrs.field(factory=Counter)
    """Statuses of everything but commits; 0: no answer."""


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of a campaign."""
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(running_backends("endurance"))
        store, url = f"s3://shared/endurance?endpoint={found.s3.url}", found.database.url(found.database.create())
        cluster = stack.enter_context(
            running_cluster(found.folder, _SERVERS[theme], url, store, webhook_private_targets=True, drain_s=2)
        )
        receiver = Receiver()
        stack.callback(receiver.close)
        if theme == "kills":
            rows = _campaign(cluster, receiver, 200 if is_quick else 10_000)
        else:
            rows = _deliveries(cluster, receiver, 200 if is_quick else _EVENTS)
        for name, value, target in rows:
            yield Figure(theme, name, value, "", target)


def _campaign(cluster: Cluster, receiver: Receiver, operations: int) -> Iterator[tuple[str, float, float | None]]:
    _watch(cluster, receiver, _REPOS)
    began = time.monotonic()
    told, kills = _work(cluster, operations)
    yield "seconds", time.monotonic() - began, None
    yield "servers killed", kills, None
    commits = [journal for found in told.commits.values() for journal in found]
    statuses = sum((journal.statuses for journal in commits), told.statuses)
    yield "answers", sum(count for status, count in statuses.items() if status), None
    yield "commits acknowledged", sum(len(journal.acknowledged) for journal in commits), None
    yield "commits without an answer, or answered 503", sum(len(journal.doubtful) for journal in commits), None
    print("   ", dict(statuses))
    yield "answers 500", statuses[500], 0
    yield "answers 4xx other than 409", sum(n for s, n in statuses.items() if 400 <= s < 500 and s != 409), 0
    for server in cluster.servers:
        server.start()
    yield from _compared(cluster, told)
    yield from _followed(cluster, receiver, _REPOS)


def _watch(cluster: Cluster, receiver: Receiver, repos: Sequence[str]) -> None:
    """Create repositories and a webhook that watches them."""
    with cluster.client() as client:
        for repo in repos:
            client.post("/api/repos/create", json={"name": repo.partition("/")[2], "type": "model"}).raise_for_status()
        watched = [{"type": "model", "name": repo} for repo in repos]
        hook = {"url": receiver.url, "watched": watched, "domains": ["repo"]}
        client.post("/api/settings/webhooks", json=hook).raise_for_status()


def _deliveries(cluster: Cluster, receiver: Receiver, events: int) -> Iterator[tuple[str, float, float | None]]:
    """Commit to several repositories until there are that many events, while servers are killed."""
    _watch(cluster, receiver, _WATCHED)
    is_over, turns, until = threading.Event(), itertools.count(), time.monotonic() + _LONGEST_S
    journals = {repo: Journal() for repo in _WATCHED}

    def work(repo: str) -> None:
        while (turn := next(turns)) < events and time.monotonic() < until:
            with cluster.client() as client:
                commit(client, repo, f"{repo.replace('/', '-')}-{turn}", journals[repo])

    with ThreadPoolExecutor(len(_WATCHED)) as pool, ThreadPoolExecutor(len(cluster.servers) + 1) as killing:
        kills = killing.submit(_kill, cluster, is_over, killing)
        for future in [pool.submit(work, repo) for repo in _WATCHED]:
            future.result()
        is_over.set()
    for server in cluster.servers:
        server.start()
    yield "servers killed", kills.result(), None
    yield "commits acknowledged", sum(len(journal.acknowledged) for journal in journals.values()), None
    with cluster.client() as client:
        faults = [fault for repo in _WATCHED for fault in faults_of(client, repo, [journals[repo]])]
    yield "faults of the histories", len(faults), 0
    yield from _followed(cluster, receiver, _WATCHED)
    yield "events delivered", len(set(receiver.heads)), None
    yield "deliveries repeated", len(receiver.heads) - len(set(receiver.heads)), None


def _work(cluster: Cluster, operations: int) -> tuple[_Told, int]:
    """Run the operations while servers are killed; return what the writers know and the number of kills."""
    told, is_over, turns = _Told(), threading.Event(), itertools.count()
    until = time.monotonic() + _LONGEST_S

    def work(number: int) -> None:
        chance = random.Random(number)
        journals = {repo: Journal() for repo in _REPOS}
        for repo, journal in journals.items():
            told.commits[repo].append(journal)
        while (turn := next(turns)) < operations and time.monotonic() < until:
            with cluster.client() as client:  # a connection each time: another server, perhaps
                repo = chance.choice(_REPOS)
                if turn % 20 < 2 * _SAME_NAME:
                    _create(client, f"n{turn // 20}-{turn % 20 // _SAME_NAME}", told)
                elif turn % 20 < 2 * _SAME_NAME + 2:
                    _discuss(client, repo, f"discussion {turn}", told)
                else:
                    commit(client, repo, f"w{number}-{turn}", journals[repo])

    with ThreadPoolExecutor(_WRITERS) as pool, ThreadPoolExecutor(len(cluster.servers) + 1) as killing:
        kills = killing.submit(_kill, cluster, is_over, killing)
        for future in [pool.submit(work, number) for number in range(_WRITERS)]:
            future.result()
        is_over.set()
        return told, kills.result()


def _kill(cluster: Cluster, is_over: threading.Event, starting: ThreadPoolExecutor) -> int:
    """Kill the next server that runs every two seconds, and let another thread start it again."""
    kills = 0
    ready: list[RunningHub] = list(cluster.servers)

    def start(server: RunningHub) -> None:
        server.start()
        ready.append(server)

    while not is_over.wait(_PAUSE_S):
        if len(ready) > 1:  # at least one server goes on, or there would be no writes to race
            server = ready.pop(0)
            server.kill()
            kills += 1
            starting.submit(start, server)
    return kills


def _create(client: httpx2.Client, name: str, told: _Told) -> None:
    status = _post(client, "/api/repos/create", {"name": name, "type": "model"}, told)[0]
    told.created[name][status] += 1


def _discuss(client: httpx2.Client, repo: str, title: str, told: _Told) -> None:
    sent = {"title": title, "description": "x", "pullRequest": False}
    status, answer = _post(client, f"/api/models/{repo}/discussions", sent, told)
    if status == 200 and answer is not None:
        told.numbers[repo].append(answer["num"])


def _post(client: httpx2.Client, url: str, sent: dict[str, object], told: _Told) -> tuple[int, dict[str, int] | None]:
    """Return the status of a response, 0 if there was none, and its JSON if it was a success."""
    try:
        answer = client.post(url, json=sent)
    except httpx2.TransportError:
        told.statuses[0] += 1
        return 0, None
    told.statuses[answer.status_code] += 1
    if not answer.is_success and answer.status_code not in (409, 503):
        print("   ", url, answer.status_code, answer.text[:200])
    return answer.status_code, answer.json() if answer.is_success else None


def _compared(cluster: Cluster, told: _Told) -> Iterator[tuple[str, float, float | None]]:
    """Compare what the hub has with what the writers were told."""
    with cluster.client() as client:
        faults = [fault for repo in _REPOS for fault in faults_of(client, repo, told.commits[repo])]
        absent = [name for name in told.created if not client.get(f"/api/models/alice/{name}").is_success]
    for fault in faults[:20]:
        print("   ", fault)
    yield "faults of the histories", len(faults), 0
    yield "names created", len(told.created), None
    yield "names created twice", sum(found[200] > 1 for found in told.created.values()), 0
    yield "names acknowledged and absent", sum(told.created[name][200] > 0 for name in absent), 0
    refused = sum(not found[200] and not found[0] and not found[503] for found in told.created.values())
    yield "names refused to everyone", refused, 0
    yield "discussions opened", sum(map(len, told.numbers.values())), None
    yield "numbers given twice", sum(len(found) - len(set(found)) for found in told.numbers.values()), 0


def _followed(cluster: Cluster, receiver: Receiver, repos: Sequence[str]) -> Iterator[tuple[str, float, float | None]]:
    """Wait for the webhooks, and count those that are missing or out of order, and jobs that were done twice."""
    with cluster.client() as client:
        histories = {repo: history_of(client, repo) for repo in repos}
    until = time.monotonic() + _WEBHOOKS_S
    while any(receiver.missing(repo, found) for repo, found in histories.items()) and time.monotonic() < until:
        time.sleep(0.5)
    yield "webhooks that never came", sum(len(receiver.missing(*found)) for found in histories.items()), 0
    yield "webhooks out of order", sum(len(receiver.disorder(*found)) for found in histories.items()), 0
    done = done_jobs(cluster.servers)
    yield "jobs done", len(done), None
    yield "jobs done twice", sum(count > 1 for count in done.values()), 0


if __name__ == "__main__":
    main()
