"""Real servers on loopback ports, for any application of a test."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import attrs
import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files import lfs
from entrepot.hub.files.operations import AddFile, AddLarge
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoRef, RepoType, Sha256, parse_path
from entrepot.server.addresses import reserved
from entrepot.server.app import make_app
from entrepot.server.hosting import running
from entrepot.server.threads import Threads
from entrepot.settings import Settings

Serve = Callable[[ASGIApp], tuple[str, int]]


@contextlib.contextmanager
def on_granian(app: ASGIApp) -> Iterator[tuple[str, int]]:
    with running(app) as address:
        yield address.ip, address.port


@contextlib.contextmanager
def on_uvicorn(app: ASGIApp) -> Iterator[tuple[str, int]]:
    with reserved("127.0.0.1", 0) as address:
        port = address.port
    up = threading.Event()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            up.set()

    server = Announcing(
        uvicorn.Config(app, port=port, log_level="warning", lifespan="off", timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert up.wait(10)
    try:
        yield "127.0.0.1", port
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(params=[on_granian, on_uvicorn], ids=["granian", "uvicorn"])
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(request.param(app))


@pytest.fixture
def threads() -> Iterator[Threads]:
    pools = Threads(short=2, transfers=2)
    yield pools
    pools.close()


@attrs.frozen
class World:
    """A hub behind a real server: ``alice`` has a write token, ``alice_reads`` a read token, ``bob`` is a stranger."""

    hub: HubContext
    url: str
    alice: str
    alice_reads: str
    bob: str

    def client(self, token: str | None = None, **headers: str) -> httpx2.Client:
        auth = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=auth | headers, trust_env=False, timeout=30)

    def caller(self) -> Caller:
        found = self.hub.identify(self.alice)
        assert found is not None
        return found

    def repo(self, name: str, kind: str = "model", **options: Any) -> RepoRef:
        """Create a repository of alice."""
        new = NewRepo(RepoType(kind), name, "alice", **options)
        return repositories.create(self.hub, self.caller(), new).ref

    def commit(self, ref: RepoRef, files: dict[str, bytes], revision: str = "main") -> str:
        """Commit regular files; return the commit id."""
        operations = [AddFile(parse_path(path), data) for path, data in files.items()]
        return commits.create(self.hub, self.caller(), ref, revision, CommitDraft("add", operations)).oid

    def store(self, ref: RepoRef, data: bytes) -> str:
        """Store the bytes of a large file through the hub layer; return their sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        wanted = [lfs.RequestedObject(Sha256(sha256), len(data))]
        [answer] = lfs.plan_uploads(self.hub, self.caller(), ref, wanted, takes_parts=False)
        if answer.link is not None:
            receiving = lfs.receive(self.hub, sha256, answer.link.query)
            receiving.write(data)
            receiving.finish()
        return sha256

    def commit_large(self, ref: RepoRef, path: str, data: bytes) -> str:
        """Commit a large file; return the commit id."""
        operation = AddLarge(parse_path(path), Sha256(self.store(ref, data)), len(data))
        return commits.create(self.hub, self.caller(), ref, "main", CommitDraft("add", [operation])).oid

    def blobs(self) -> list[str]:
        """Return every file below the folder of blobs, including unfinished ones, without the store's own metadata."""
        return sorted(str(path) for path in (self.hub.settings.data / "blobs").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = Settings(
        data=tmp_path_factory.mktemp("hub") / "data",
        multipart_threshold=6 << 20,
        part_size=5 << 20,
        max_file=64 << 20,
        trusted_proxies=("127.0.0.1",),
        allowed_hosts=("hub.example",),
    )
    hub = open_hub(settings, fsync=False)
    for name in ("alice", "bob"):
        accounts.create_user(hub, name)
    secrets = [
        accounts.create_token(hub, name, role=role).secret
        for name, role in (("alice", "write"), ("alice", "read"), ("bob", "write"))
    ]
    try:
        with running(make_app(hub)) as address:
            yield World(hub, address.url, *secrets)
    finally:
        hub.close()
