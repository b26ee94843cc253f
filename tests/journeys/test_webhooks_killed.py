"""An unreachable receiver, and a hub that is killed while it delivers: everything arrives, in order."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from huggingface_hub import HfApi

from entrepot import testing

_REPOS, _COMMITS = 2, 6


@attrs.define
class Receiver:
    """Accepts deliveries while it is open; while it is closed, it does not respond."""

    server: http.server.ThreadingHTTPServer
    is_open: threading.Event = attrs.field(factory=threading.Event)
    called: threading.Event = attrs.field(factory=threading.Event)
    taken: list[tuple[str, str]] = attrs.field(factory=list)
    all_there: threading.Event = attrs.field(factory=threading.Event)

    def take(self, body: bytes) -> None:
        news = json.loads(body)
        self.taken.append((news["repo"]["name"], news["updatedRefs"][0]["newSha"]))
        if len(set(self.taken)) == _REPOS * _COMMITS:
            self.all_there.set()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.called.set()
            if not found.is_open.is_set():
                found.is_open.wait(60)
                return  # the sender is dead by now
            found.take(body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.is_open.set()
        server.shutdown()
        thread.join()


def test_every_commit_is_reported_at_least_once_and_in_order(receiver: Receiver) -> None:
    with testing.hub(webhook_private_targets=True) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        names = [f"tester/m{number}" for number in range(_REPOS)]
        for name in names:
            api.create_repo(name)
        watched: list[Any] = [{"type": "model", "name": name} for name in names]
        api.create_webhook(url=f"http://127.0.0.1:{receiver.server.server_port}/", watched=watched, domains=["repo"])
        told: dict[str, list[str]] = {name: [] for name in names}
        for number in range(_COMMITS):
            for name in names:
                commit = api.upload_file(path_or_fileobj=b"%d" % number, path_in_repo=f"{number}.txt", repo_id=name)
                told[name].append(commit.oid)
        assert receiver.called.wait(60)
        hub.kill()
        receiver.is_open.set()
        hub.restart()
        assert receiver.all_there.wait(60), receiver.taken
    for name, commits in told.items():
        assert list(dict.fromkeys(oid for repo, oid in receiver.taken if repo == name)) == commits
