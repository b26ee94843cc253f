"""Real servers on loopback ports, for whatever application a test brings."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.types import ASGIApp

from entrepot.server.addresses import reserved
from entrepot.server.hosting import running
from entrepot.server.threads import Threads

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
