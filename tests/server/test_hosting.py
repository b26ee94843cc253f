from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from entrepot.errors import ConfigError, DataFolderError
from entrepot.server import hosting
from entrepot.server.addresses import Address
from entrepot.server.hosting import Limits, first_of, load
from entrepot.server.limits import allocations
from entrepot.server.metrics import Metrics
from entrepot.server.middleware import Middleware
from tests.support.running_apps import running


class App:
    """Responds with its events; ``/wait`` responds when it is released."""

    def __init__(self, *, fails: BaseException | None = None) -> None:
        self.events: list[str] = []
        self.waiting = threading.Event()
        self.release = threading.Event()
        self._fails = fails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["path"] == "/wait":
            self.waiting.set()
            await asyncio.to_thread(self.release.wait, 20)
            self.events.append("answered")
        await PlainTextResponse("hello")(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._fails:
            raise self._fails
        self.events.append("started")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.events.append("stopped")
        await send({"type": "lifespan.shutdown.complete"})


def until_refused(address: Address) -> None:
    """Return when the server has begun to stop."""
    with contextlib.suppress(ConnectionError):
        while True:
            socket.create_connection((address.ip, address.port), timeout=240).close()


def test_an_app_starts_answers_and_stops() -> None:
    app = App()
    with running(app) as address:
        assert httpx2.get(address.url).text == "hello"
    assert app.events == ["started", "stopped"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address.ip, address.port))


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::1"])
def test_any_kind_of_host_is_listened_on(host: str) -> None:
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with running(App(), host=host) as address:
        assert httpx2.get(address.url).text == "hello"


def test_an_error_of_the_app_at_start_is_raised() -> None:
    broken = App(fails=DataFolderError("d", "made by a newer version"))
    with pytest.raises(DataFolderError, match="newer version"), running(broken):
        raise AssertionError


def test_idle_connections_do_not_hold_up_the_stop() -> None:
    with running(App(), limits=Limits(grace_s=60)) as address:
        idle = httpx2.Client()
        idle.get(address.url)
        silent = socket.create_connection((address.ip, address.port))
    idle.close()
    silent.close()


def test_a_request_under_way_is_finished_before_the_app_stops() -> None:
    app = App()
    answers: list[str] = []
    with running(app, limits=Limits(grace_s=20)) as address:
        asking = threading.Thread(target=lambda: answers.append(httpx2.get(f"{address.url}/wait").text))
        asking.start()
        assert app.waiting.wait(60)
        stopping = threading.Thread(target=lambda: (until_refused(address), app.release.set()))
        stopping.start()
    asking.join(60)
    stopping.join(60)
    assert answers == ["hello"]
    assert app.events == ["started", "answered", "stopped"]


def test_a_request_that_outlasts_the_grace_period_gets_a_503() -> None:
    async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            begun.set()
            await asyncio.Event().wait()

    begun = threading.Event()
    answers: list[int] = []
    with running(Middleware(stuck, metrics=Metrics()), limits=Limits(grace_s=0.1)) as address:
        asking = threading.Thread(target=lambda: answers.append(httpx2.get(address.url).status_code))
        asking.start()
        assert begun.wait(60)
    asking.join(60)
    assert answers == [503]


def test_an_idle_connection_stays_open_as_long_as_the_limits_say() -> None:
    with running(App(), limits=Limits(keep_alive_s=0.3)) as address:
        peer = socket.create_connection((address.ip, address.port), timeout=240)
        peer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        received = b""
        while piece := peer.recv(1000):
            received += piece
        assert received.endswith(b"hello")
        peer.close()


def test_a_factory_is_found_by_name_or_refused() -> None:
    assert load("entrepot.server.hosting:load") is load
    for target in ("no_such_module:x", "entrepot.server.hosting:nothing", "entrepot.server.hosting"):
        with pytest.raises(ConfigError, match="cannot import"):
            load(target)


def test_the_first_of_several_waits_ends_all_but_tasks() -> None:
    async def main() -> tuple[bool, bool]:
        task = asyncio.create_task(asyncio.Event().wait())
        event = asyncio.Event()
        event.set()
        await first_of(task, event.wait())
        await first_of(task, timeout_s=0.001)
        alive = not task.done()
        task.cancel()
        return alive, event.is_set()

    assert asyncio.run(main()) == (True, True)


def test_a_server_exempts_what_it_has_loaded_from_garbage_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(allocations, "keep_freed_memory", lambda: None)  # that of this process stays as it is
    monkeypatch.setattr(allocations, "exempt_loaded_objects", lambda: steps.append("exempt"))
    monkeypatch.setattr(hosting, "run_in_new_loop", lambda _main: steps.append("run"))
    hosting.serve_here(App(), Address("127.0.0.1", 0), Limits(), lambda: None)
    assert steps == ["exempt", "run"]
