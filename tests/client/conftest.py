"""Shared fixtures of the client tests: git with a separate configuration, and a remote in a folder."""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import itertools
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest

from entrepot.client.cache.caches import cache_root
from entrepot.client.calls import files, refs, repos, trees
from entrepot.client.git.git_commands import Git
from entrepot.client.git.worktrees import WorkTree
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.names import RepoId, RepoRef, RepoType, parse_repo_id
from entrepot.testing.hubs import RunningHub


class GitDesk:
    """A folder with clones of a bare repository ``remote.git`` that has one commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir(parents=True)
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "NO_PROXY": "*"}
        self.remote = folder / "remote.git"
        self.git("remote.git").run("init", "--quiet", "--bare", "-b", "main")
        first = WorkTree(self.git("first"))
        first.git.run("init", "--quiet", "-b", "main")
        self._introduce(first, "Ada")
        (first.folder / "README.md").write_text("# First\n")
        first.add()
        first.commit("first")
        first.git.run("push", "--quiet", str(self.remote), "main")

    def git(self, name: str) -> Git:
        """Return git for a subfolder, which is created if it does not exist."""
        (self.folder / name).mkdir(exist_ok=True)
        return Git(self.folder / name, self.environ)

    def clone(self, name: str = "clone", author: str = "Ada") -> WorkTree:
        """Create a clone whose commits have this author."""
        tree = WorkTree(self.git(name))
        tree.git.run("clone", "--quiet", str(self.remote), ".")
        self._introduce(tree, author)
        return tree

    def _introduce(self, tree: WorkTree, author: str) -> None:
        tree.configure("user.name", author)
        tree.configure("user.email", f"{author.lower()}@example.org")


@pytest.fixture
def git_desk(tmp_path: Path) -> GitDesk:
    return GitDesk(tmp_path / "desk")


@attrs.frozen
class Library:
    """Repositories of ``tester`` on a real hub, and a client with a separate home folder."""

    running: RunningHub
    hub: Hub

    @property
    def cache(self) -> Path:
        """Return the cache folder of this hub."""
        return cache_root(self.hub.paths.cache, self.hub.endpoint)

    def repo(self, files: Mapping[str, bytes] | None = None, kind: RepoType = RepoType.MODEL) -> RepoRef:
        """Create a repository with these files."""
        ref = RepoRef(kind, RepoId("tester", f"r{next(_NUMBERS)}"))
        body = {"name": ref.id.name, "organization": None, "type": kind.value}
        self._post("/api/repos/create", json=body)
        if files:
            self.commit(ref, files)
        return ref

    def commit(self, ref: RepoRef, files: Mapping[str, bytes | None]) -> str:
        """Commit these files, delete those that are None, and return the commit id."""
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "change"}}]
        for path, data in files.items():
            if data is None:
                lines.append({"key": "deletedFile", "value": {"path": path}})
            else:
                text = base64.b64encode(data).decode()
                lines.append({"key": "file", "value": {"path": path, "content": text, "encoding": "base64"}})
        return self._commit(ref, lines)

    def commit_large(self, ref: RepoRef, path: str, data: bytes) -> str:
        """Commit a large file and return the commit id."""
        oid = hashlib.sha256(data).hexdigest()
        wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(data)}]}
        answer = self._post(f"/{ref.path}.git/info/lfs/objects/batch", json=wanted)
        [item] = answer.json()["objects"]
        if "actions" in item:
            action = item["actions"]["upload"]
            assert httpx2.put(action["href"], content=data, headers=action.get("header", {})).status_code == 200
        value = {"path": path, "algo": "sha256", "oid": oid, "size": len(data)}
        return self._commit(ref, [{"key": "header", "value": {"summary": "large"}}, {"key": "lfsFile", "value": value}])

    def offline(self, **changes: Any) -> Hub:
        """Return the same client in offline mode."""
        return Hub(attrs.evolve(self.hub.paths, is_offline=True, **changes), token=self.running.token)

    def _commit(self, ref: RepoRef, lines: list[dict[str, Any]]) -> str:
        body = "\n".join(json.dumps(line) for line in lines)
        oid: str = self._post(f"/api/{ref.type.plural}/{ref.id}/commit/main", content=body).json()["commitOid"]
        return oid

    def _post(self, path: str, **body: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.running.token}"}
        answer = httpx2.post(self.running.url + path, headers=headers, timeout=30, **body)
        assert answer.status_code == 200, answer.text
        return answer


_NUMBERS = itertools.count(1)


@pytest.fixture
def library(entrepot_hub: RunningHub, tmp_path: Path) -> Iterator[Library]:
    settings = {"ENTREPOT_ENDPOINT": entrepot_hub.url, "ENTREPOT_HOME": str(tmp_path / "home")}
    hub = Hub(read_paths(settings), token=entrepot_hub.token)
    yield Library(entrepot_hub, hub)
    hub.close()


@attrs.define
class Stall:
    """A minimal hub with one file that it can be told to send incorrectly; it has only routes that every hub has."""

    url: str
    data: bytes
    etag: str
    knows_ranges: bool = True
    cut_after: list[int] = attrs.field(factory=list)  # bytes to send, one entry per connection
    sent: list[tuple[int, int]] = attrs.field(factory=list)  # status and length of each response to GET
    size: int | None = None  # announced instead of the real size

    @property
    def ref(self) -> RepoRef:
        return RepoRef(RepoType.MODEL, RepoId("ns", "name"))


@pytest.fixture
def stall() -> Iterator[Stall]:
    data = bytes(range(256)) * 4096
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StallHandler)
    server.daemon_threads = True
    stand = Stall(f"http://127.0.0.1:{server.server_port}", data, hashlib.sha256(data).hexdigest())
    server.stand = stand  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield stand
    server.shutdown()
    server.server_close()
    thread.join()


class _StallHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._head(200, len(self._stand.data))

    def do_GET(self) -> None:
        stand = self._stand
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(found[1]) if found and stand.knows_ranges else 0
        body = stand.data[start:]
        self._head(206 if start else 200, len(body), start)
        if stand.cut_after:
            body = body[: stand.cut_after.pop(0)]
            self.close_connection = True
        stand.sent.append((206 if start else 200, len(body)))
        self.wfile.write(body)

    def _head(self, status: int, length: int, start: int = 0) -> None:
        stand = self._stand
        self.send_response(status)
        self.send_header("ETag", f'"{stand.etag}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("X-Linked-Size", str(len(stand.data) if stand.size is None else stand.size))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(stand.data) - 1}/{len(stand.data)}")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    @property
    def _stand(self) -> Stall:
        stand: Stall = self.server.stand  # type: ignore[attr-defined]
        return stand

    def log_message(self, *_: object) -> None:
        pass


@attrs.define
class Tally:
    """A progress display that records its calls."""

    begun: list[tuple[str, int | None]] = attrs.field(factory=list)
    done: int = 0
    finished: int = 0

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Tally:
        self.begun.append((label, total))
        return self

    def advance(self, amount: int) -> None:
        self.done += amount

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def stall_hub(stall: Stall, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(read_paths({"ENTREPOT_ENDPOINT": stall.url, "ENTREPOT_HOME": str(tmp_path / "home")}), token=False)
    yield hub
    hub.close()


# --- uploads ---------------------------------------------------------------------


@attrs.define
class Asked:
    """A request that a relay has received; ``body`` can be replaced before it is forwarded."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@attrs.frozen
class Told:
    """A response; with ``is_lost``, the connection breaks instead."""

    status: int
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    is_lost: bool = False


PassOn = Callable[[Asked], Told]
Rule = Callable[[Asked, PassOn], Told]


class Relay:
    """A proxy between a client and a hub that records the traffic and can change it.

    ``rule`` receives each request and a function that forwards it.
    """

    def __init__(self, hub_url: str) -> None:
        self._upstream = hub_url.removeprefix("http://")
        self.seen: list[Asked] = []
        self.rule: Rule = lambda asked, go_on: go_on(asked)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._door())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def count(self, method: str, part: str) -> int:
        """Return the number of requests with this method whose path contains ``part``."""
        return sum(asked.method == method and part in asked.path for asked in self.seen)

    def forget(self) -> None:
        self.seen.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _pass_on(self, asked: Asked) -> Told:
        connection = http.client.HTTPConnection(self._upstream, timeout=30)
        headers = {**asked.headers, "content-length": str(len(asked.body))}
        try:
            connection.request(asked.method, asked.path, body=asked.body, headers=headers)
            answer = connection.getresponse()
            return Told(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _door(self) -> type[http.server.BaseHTTPRequestHandler]:
        relay = self

        class Door(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                hops = ("connection", "content-length", "transfer-encoding")
                headers = {name: value for name, value in self.headers.items() if name.lower() not in hops}
                asked = Asked(self.command, self.path, headers, body)
                relay.seen.append(asked)
                told = relay.rule(asked, relay._pass_on)
                if told.is_lost:
                    self.close_connection = True
                    return
                self.send_response(told.status)
                for name, value in told.headers.items():
                    if name.lower() not in hops:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(told.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(told.body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

            def log_message(self, *_arguments: object) -> None:
                pass

        return Door


@attrs.frozen
class Quay:
    """A running hub, a client of it, and a folder to upload from."""

    server: RunningHub
    hub: Hub
    folder: Path

    def repo(self, kind: RepoType = RepoType.MODEL) -> RepoRef:
        """Create a repository."""
        made = RepoRef(kind, parse_repo_id(f"tester/quay-{next(_QUAYS)}-{os.getpid()}"))
        self.hub.send(repos.create(made))
        return made

    def through(self, url: str, **variables: str) -> Hub:
        """Return a client that uses another address of the hub, with an empty cache."""
        home = self.folder.parent / f"home-{next(_QUAYS)}"
        given = {"ENTREPOT_ENDPOINT": url, "ENTREPOT_TOKEN": self.server.token, "ENTREPOT_HOME": str(home)}
        return Hub(read_paths(given | variables))

    def listing(self, ref: RepoRef, revision: str = "main") -> dict[str, int]:
        """Return paths and sizes of all files except ``.gitattributes``."""
        entries = self.hub.pages(trees.page(ref, revision, recursive=True))
        return {item.path: item.size for item in entries if item.type == "file" and item.path != ".gitattributes"}

    def content(self, ref: RepoRef, path: str, revision: str = "main") -> bytes:
        return self.hub.send(files.content(ref, revision, path))

    def commits(self, ref: RepoRef, revision: str = "main") -> list[str]:
        """Return the titles of all commits except the first, newest first."""
        return [entry.title for entry in self.hub.pages(refs.log(ref, revision))][:-1]

    def write(self, **contents: bytes | str) -> Path:
        """Write files to the folder and return it; ``__`` in a name stands for ``/``."""
        for name, content in contents.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.folder


_QUAYS = itertools.count(1)


@pytest.fixture
def quay(tmp_path: Path, entrepot_hub: RunningHub) -> Iterator[Quay]:
    (tmp_path / "files").mkdir()
    given = {
        "ENTREPOT_ENDPOINT": entrepot_hub.url,
        "ENTREPOT_TOKEN": entrepot_hub.token,
        "ENTREPOT_HOME": str(tmp_path / "home"),
    }
    hub = Hub(read_paths(given))
    yield Quay(entrepot_hub, hub, tmp_path / "files")
    hub.close()


@pytest.fixture
def relay(entrepot_hub: RunningHub) -> Iterator[Relay]:
    state = Relay(entrepot_hub.url)
    yield state
    state.close()
