"""A webhook for a repository that does not exist yet: the stock client creates it, then the repository."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from huggingface_hub import HfApi

from entrepot import testing

Received = queue.SimpleQueue[dict[str, Any]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    received: Received = queue.SimpleQueue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()
        thread.join()


def test_a_repository_is_watched_before_it_is_created(receiver: tuple[str, Received]) -> None:
    url, received = receiver
    with testing.hub(webhook_private_targets=True) as hub:
        owner, stranger = (HfApi(endpoint=hub.url, token=token) for token in (hub.token, hub.user("stranger").token))
        watched: list[Any] = [{"type": "dataset", "name": "tester/Hidden"}, {"type": "dataset", "name": "tester/Later"}]
        hook = stranger.create_webhook(url=url, watched=watched, domains=["repo"])
        assert [(item.type, item.name) for item in hook.watched] == [(it["type"], it["name"]) for it in watched]
        owner.create_repo("tester/hidden", repo_type="dataset", private=True)
        owner.create_repo("tester/later", repo_type="dataset")
        commit = owner.upload_file(
            path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="tester/later", repo_type="dataset"
        )
        seen = [received.get(timeout=240) for _ in range(3)]
        assert stranger.get_webhook(hook.id) == hook
    assert [(it["repo"]["name"], it["event"]["action"], it["event"]["scope"]) for it in seen] == [
        ("tester/later", "create", "repo"),
        ("tester/later", "update", "repo.content"),
        ("tester/later", "update", "repo.content"),
    ]
    assert seen[2]["updatedRefs"][0]["newSha"] == commit.oid
    assert received.empty()
