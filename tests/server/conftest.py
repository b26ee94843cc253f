"""Real servers on loopback ports for the application of a test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.types import ASGIApp

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.addresses import reserved
from entrepot.server.app import make_app
from entrepot.server.threads import Threads
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

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
    assert up.wait(60)
    try:
        yield "127.0.0.1", port
    finally:
        server.should_exit = True
        thread.join(60)


@pytest.fixture(params=[on_granian, on_uvicorn], ids=["granian", "uvicorn"])
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(request.param(app))


@pytest.fixture
def threads() -> Iterator[Threads]:
    pools = Threads(short=2, transfers=4)  # of which one address has at most three
    yield pools
    pools.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
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
            yield ServedHub(hub, address.url, *secrets)
    finally:
        hub.close()
