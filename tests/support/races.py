"""Several servers of one hub, writers that compete for branches, and a check of the history that they leave."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import httpx2

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.settings import SETTINGS, Settings
from entrepot.testing.hubs import RunningHub
from tests.support.balancers import Balancer

_FIRST = "initial commit"
_TRIES = 30
_DONE = re.compile(r"job\.done id=(\d+) ")

DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=300")
"""Settings of PostgreSQL for campaigns: what it has confirmed survives a crash."""


@attrs.frozen
class Cluster:
    """Servers with data folders of their own on one database and one bucket, behind a load balancer."""

    servers: list[RunningHub]
    balancer: Balancer
    token: str
    settings: Settings
    """Those of the first server, to open the hub in this process too."""

    def client(self, server: RunningHub | None = None) -> httpx2.Client:
        """Return a client of the balancer, or of one server."""
        url = self.balancer.url if server is None else server.url
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=url, headers=headers, timeout=240, trust_env=False, verify=False)  # plain HTTP


@contextlib.contextmanager
def running_cluster(folder: Path, number: int, database: str, store: str, **options: Any) -> Iterator[Cluster]:
    """Run servers of a new hub, with the user ``alice``; credentials of the bucket are in the environment."""
    servers: list[RunningHub] = []
    first = token = None
    try:
        for name in range(number):
            home = folder / f"server{name}"
            home.mkdir()
            found = Settings(
                data=home / "data", port=0, database=database, database_connections=12, store=store, **options
            )
            if first is None or token is None:
                first, hub = found, open_hub(found)
                accounts.create_user(hub, "alice")
                token = accounts.create_token(hub, "alice", role="write").secret
                hub.close()
            names = {"database", "database_connections", "store", *options}
            environ = {row.variable: str(getattr(found, row.name)) for row in SETTINGS if row.name in names}
            servers.append(RunningHub(home, found, environ))
            servers[-1].start()
        assert first is not None
        assert token is not None
        balancer = Balancer([server.url for server in servers])
        yield Cluster(servers, balancer, token, first)
        balancer.close()
    finally:
        for server in servers:
            server.kill()


@attrs.define
class Journal:
    """What writers know of their commits, by title: acknowledged, refused, or sent without an answer."""

    acknowledged: list[str] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)
    doubtful: list[str] = attrs.field(factory=list)
    statuses: Counter[int] = attrs.field(factory=Counter)


def commit(client: httpx2.Client, repo: str, title: str, journal: Journal) -> None:
    """Send a commit that adds a file with its title as name and content, and note what is known of it."""
    content = base64.b64encode(title.encode()).decode()
    lines = [
        {"key": "header", "value": {"summary": title}},
        {"key": "file", "value": {"path": f"{title}.txt", "content": content, "encoding": "base64"}},
    ]
    body = "\n".join(map(json.dumps, lines))
    headers = {"content-type": "application/x-ndjson"}
    try:
        answer = client.post(f"/api/models/{repo}/commit/main", content=body, headers=headers)
    except httpx2.TransportError:
        journal.doubtful.append(title)
        return
    journal.statuses[answer.status_code] += 1
    if answer.is_success:
        journal.acknowledged.append(title)
    elif answer.status_code >= 500:
        journal.doubtful.append(title)
    else:
        print("   ", title, answer.status_code, answer.text[:200])
        journal.refused.append(title)


def history_of(client: httpx2.Client, repo: str) -> list[tuple[str, str]]:
    """Return ids and titles of all commits of the branch ``main``, oldest first."""
    found: list[tuple[str, str]] = []
    page = 0
    while True:
        answer = _get(client, f"/api/models/{repo}/commits/main?limit=1000&p={page}")
        rows = answer.json()
        found += [(row["id"], row["title"]) for row in rows]
        if len(rows) < 1000:
            return found[::-1]
        page += 1


def _get(client: httpx2.Client, url: str) -> httpx2.Response:
    """Return an answer; as clients do, ask again after a 503."""
    for _ in range(_TRIES):
        answer = client.get(url)
        if answer.status_code != 503:
            break
        time.sleep(1)
    assert answer.is_success, f"{url}: {answer.status_code} {answer.text}"
    return answer


def faults_of(client: httpx2.Client, repo: str, journals: Sequence[Journal]) -> list[str]:
    """Return how the history and the files of a branch contradict what its writers were told; none is right."""
    titles = Counter(title for _, title in history_of(client, repo))
    acknowledged = [title for journal in journals for title in journal.acknowledged]
    doubtful = {title for journal in journals for title in journal.doubtful}
    faults = [f"lost: {title}" for title in acknowledged if not titles[title]]
    faults += [f"twice: {title}" for title, count in titles.items() if count > 1]
    written = {*acknowledged, *doubtful}
    faults += [f"unknown: {title}" for title in titles if title not in {*written, _FIRST}]
    files: set[str] = set()
    url: str | None = f"/api/models/{repo}/tree/main?limit=1000"
    while url is not None:
        answer = _get(client, url)
        files |= {row["path"] for row in answer.json()}
        url = answer.links.get("next", {}).get("url")
    return faults + [f"file lost: {title}" for title in titles if title in written and f"{title}.txt" not in files]


def done_jobs(servers: Sequence[RunningHub]) -> Counter[str]:
    """Return how often each job was finished, according to the logs of the servers."""
    return Counter(found for server in servers for found in _DONE.findall(server.log()))


class Receiver:
    """A receiver of webhooks, which keeps the new heads of branches in the order in which they arrive."""

    def __init__(self) -> None:
        """Start to listen."""
        self.heads: list[tuple[str, str]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for ref in told.get("updatedRefs", []):
                    receiver.heads.append((told["repo"]["name"], ref["newSha"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def disorder(self, repo: str, history: Sequence[tuple[str, str]]) -> list[str]:
        """Return the heads of a repository that arrived after a later one; repetitions of earlier ones are allowed."""
        places = {oid: place for place, (oid, _) in enumerate(history)}
        seen: set[str] = set()
        last, found = -1, []
        for name, sha in self.heads:
            if name != repo or sha in seen:
                continue
            seen.add(sha)
            if places.get(sha, -1) < last:
                found.append(sha)
            last = max(last, places.get(sha, -1))
        return found

    def missing(self, repo: str, history: Sequence[tuple[str, str]]) -> set[str]:
        """Return the commits of which nothing was told yet."""
        told = {sha for name, sha in self.heads if name == repo}
        return {oid for oid, title in history if title != _FIRST} - told
