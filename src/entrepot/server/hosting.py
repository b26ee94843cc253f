"""Run an ASGI application on granian, inside this process.

granian's embedded server shares the process with the application: 61 MB
resident where its process manager takes 83 for one worker. It drains well
(idle connections are closed immediately, requests under way are finished) but
waits for ever, so the grace period is kept here.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable

import attrs
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.errors import ConfigError, EntrepotError, Refused, unexpected
from entrepot.server.addresses import Address
from entrepot.server.certificates import Certificate, renewals, until_shown
from entrepot.server.limits.allocations import prepare_memory
from entrepot.server.limits.open_files import connection_limit, raise_open_file_limit
from entrepot.server.log_format import render
from entrepot.server.threads import settle

_log = logging.getLogger("entrepot.server")

_BACKLOG = 4096
_AFTER_CANCEL_S = 10.0
_PROBE_PAUSE_S = 0.005


@attrs.frozen
class Limits:
    """The time limits of a server.

    ``grace_s``: seconds that requests under way get to finish after the stop;
    then they are cancelled (503, or a connection cut short).
    ``drain_s``: seconds after the stop in which everything is still served but connections are
    closed after each response, and the application knows that it is about to stop
    (``scope["state"]["is_draining"]``), so that load balancers send their requests elsewhere.
    ``keep_alive_s``: seconds an idle connection stays open, also the time a
    client may take to send its request head.
    ``retire_s``: seconds in which a server with an old certificate still answers on its
    connections, closing each after its response; then it closes those that are idle.
    """

    grace_s: float = 25.0
    keep_alive_s: float = 90.0
    drain_s: float = 0.0
    retire_s: float = 5.0


class StopSignal:
    """A request to stop: the first call shuts the server down gracefully, the second cancels running requests.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """Ask for the stop; a second call ends the grace period."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()

    def ask_on_signals(self) -> None:
        """Ask on SIGTERM and SIGINT; only in the main thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.ask)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.ask))


def load(target: str) -> Callable[[str, int], ASGIApp]:
    """Return the application factory that ``module:name`` refers to.

    A factory takes the serialised settings and the number of its worker
    process (0 where there is one only).

    Raises:
        ConfigError: the module or name does not exist.
    """
    module, _, name = target.partition(":")
    try:
        factory: Callable[[str, int], ASGIApp] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError("factory", "hosting", f"cannot import {target}: {error}") from error
    return factory


async def run_app(
    app: ASGIApp,
    address: Address,
    limits: Limits,
    stop: StopSignal,
    ready: Callable[[], None],
    certificate: Certificate | None = None,
) -> None:
    """Serve until ``stop`` is asked, and ``limits.drain_s`` longer; then finish the requests under way.

    Args:
        address: from :func:`~entrepot.server.addresses.reserved`.
        ready: called once when connections are accepted.
        certificate: for TLS (1.2 and 1.3), read again when its files change; None is plain HTTP.

    Guarantees: when this returns, every request has ended or was cancelled,
    and the application's shutdown has run after the last request.

    Raises:
        Any error that the application raised during startup.
        Refused: the application or the server did not start for another reason.
    """
    application = _Application(app)
    await application.start()
    servers = _Servers(application, address, limits)
    ending: asyncio.Task[None] | None = None
    try:
        serving = servers.open(certificate)
        await first_of(serving, _until_listening(address))
        if not servers.crashed.is_set():
            ready()
            await _until_stopped(servers, stop, certificate)
            if stop.asked.is_set() and limits.drain_s:
                _log.info(render("shutdown.drains", seconds=limits.drain_s))
                application.is_draining = True
                await first_of(servers.crashed.wait(), stop.hurried.wait(), timeout_s=limits.drain_s)
        crashed = servers.crashed.is_set() and not stop.asked.is_set()
        ending = asyncio.create_task(_end(servers, application))
        await first_of(ending, stop.hurried.wait(), timeout_s=limits.grace_s)
        if not ending.done():
            _log.warning(render("shutdown.cancels", requests=application.count))
            application.cancel()
            await asyncio.wait((ending,), timeout=_AFTER_CANCEL_S)
    finally:
        application.cancel()
        await servers.cancel()
        if ending is not None:
            ending.cancel()
            await asyncio.wait((ending,))
    if crashed:
        raise Refused("the HTTP server stopped unexpectedly; see the log above")


def serve_here(
    app: ASGIApp,
    address: Address,
    limits: Limits,
    ready: Callable[[], None],
    certificate: Certificate | None = None,
) -> None:
    """Serve in the main thread until SIGTERM or SIGINT; otherwise as :func:`run_app`."""

    async def main() -> None:
        stop = StopSignal()
        stop.ask_on_signals()
        await run_app(app, address, limits, stop, ready, certificate)

    prepare_memory()
    run_in_new_loop(main)


def run_in_new_loop(main: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function to its end in a fresh event loop, the fastest one there is."""

    async def run() -> None:
        await main()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run())


async def first_of(*waits: Awaitable[object], timeout_s: float | None = None) -> None:
    """Wait until one of them is done or the time is up; tasks are left alone, anything else is cancelled then."""
    futures = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future, wait in zip(futures, waits, strict=True):
            if future is not wait:
                future.cancel()


class _Application:
    """An ASGI application that is started once, called by any number of servers, and stopped after its last request."""

    def __init__(self, app: ASGIApp) -> None:
        self.is_draining = False
        self._app = app
        self._requests: set[asyncio.Task[object]] = set()
        self._orders: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._failure: Exception | None = None
        self._life: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._requests.add(task)
        if self.is_draining:
            scope.setdefault("state", {})["is_draining"] = True
            send = _closing(send)
        try:
            await self._app(scope, receive, send)
        finally:
            self._requests.discard(task)

    async def start(self) -> None:
        """Start the application; raise what it raises, or Refused with its message."""
        self._orders.put_nowait({"type": "lifespan.startup"})
        self._life = asyncio.create_task(self._live())
        try:
            await self._started.wait()
        except asyncio.CancelledError:
            self._life.cancel()
            raise
        if self._failure is not None:
            await asyncio.wait((self._life,))
            raise self._failure

    async def end(self) -> None:
        """Stop the application after its last request."""
        # A request whose client has gone has no connection, but its work goes on.
        while self._requests:
            await asyncio.wait(self._requests)
        assert self._life is not None
        self._orders.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait((self._life,))

    def cancel(self) -> None:
        """Cancel every running request."""
        for task in self._requests:
            task.cancel()

    @property
    def count(self) -> int:
        """Number of running requests."""
        return len(self._requests)

    async def _live(self) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self._failure is None:
                self._failure = Refused(f"the application did not start: {message.get('message', '')}")
            self._started.set()

        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.3"}, "state": {}}
        try:
            await self._app(scope, self._orders.get, watch)
        except Exception as error:  # noqa: BLE001 - the edge of the application at start and shutdown
            if self._started.is_set():
                _log.error(render("shutdown.failed", error=str(error)), exc_info=unexpected(error))
                return
            self._failure = error
            if not isinstance(error, EntrepotError):
                _log.error(render("startup.failed"), exc_info=error)
        finally:
            self._started.set()


def _closing(send: Send) -> Send:
    """Return a ``send`` that makes the server close the connection after the response."""

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [item for item in message.get("headers", ()) if item[0].lower() != b"connection"]
            message = {**message, "headers": [*others, (b"connection", b"close")]}
        await send(message)

    return send_closing


class _Servers:
    """The servers of one process on one address: the one that accepts, and those before it that finish requests.

    A server reads its certificate once. A renewed one therefore gets a server
    of its own beside the old one (``SO_REUSEPORT``). Once it answers, the old one
    retires: it closes each connection with the response to its next request, and
    after ``retire_s`` it accepts no more, closes connections that have stayed idle
    and ends when its last request has.
    """

    def __init__(self, application: _Application, address: Address, limits: Limits) -> None:
        self.crashed = asyncio.Event()
        self._application = application
        self._address = address
        self._limits = limits
        self._running: dict[asyncio.Task[None], Server] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._stopped: set[Server] = set()
        self._most = connection_limit(raise_open_file_limit())

    def open(self, certificate: Certificate | None) -> asyncio.Task[None]:
        """Start one more server and return its task."""
        task: asyncio.Task[None]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await self._application(scope, receive, _closing(send) if task in self._retiring else send)

        server = Server(
            answer,
            address=self._address.ip,
            port=self._address.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=self._most,
            http1_settings=HTTP1Settings(header_read_timeout=int(self._limits.keep_alive_s * 1000)),
            log_enabled=False,
            ssl_cert=certificate.cert if certificate else None,
            ssl_key=certificate.key if certificate else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        task = asyncio.create_task(server.serve())
        self._running[task] = server
        task.add_done_callback(self._ended)
        return task

    async def renew(self, certificate: Certificate | None) -> None:
        """Follow the files of the certificate, for ever."""
        if certificate is None or not hasattr(socket, "SO_REUSEPORT"):
            await asyncio.Event().wait()
            return
        async for _ in renewals(certificate, certificate.stamp()):
            try:
                await self._replace(certificate)
            except Exception as error:  # noqa: BLE001 - the old certificate is better than no server
                _log.error(render("certificate.unusable", error=str(error)), exc_info=error)

    async def _replace(self, certificate: Certificate) -> None:
        before = list(self._running)
        leaf = certificate.leaf()
        fresh = self.open(certificate)
        await first_of(fresh, until_shown(_reachable(self._address), self._address.port, leaf, _PROBE_PAUSE_S))
        if not fresh.done():
            _log.info(render("certificate.renewed", file=str(certificate.cert)))
            self._retiring.update(before)
            await asyncio.sleep(self._limits.retire_s)
            self._stop(before)

    async def end(self) -> None:
        """Accept no more, and return when every request has ended."""
        self._stop(list(self._running))
        while self._running:
            await asyncio.wait(list(self._running))

    async def cancel(self) -> None:
        """End what is left of the servers."""
        left = list(self._running)
        self._stopped.update(self._running.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            server = self._running.get(task)
            if server is not None:
                self._stopped.add(server)
                server.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        server = self._running.pop(task)
        self._retiring.discard(task)
        if server in self._stopped:
            self._stopped.discard(server)
        elif not self._running:
            self.crashed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error(render("server.failed"), exc_info=error)


async def _until_stopped(servers: _Servers, stop: StopSignal, certificate: Certificate | None) -> None:
    renewing = asyncio.create_task(servers.renew(certificate))
    try:
        await first_of(servers.crashed.wait(), stop.asked.wait())
    finally:
        renewing.cancel()
        await settle(renewing)


async def _end(servers: _Servers, application: _Application) -> None:
    await servers.end()
    await application.end()


def _reachable(address: Address) -> str:
    """Return the host name or IP address at which this process can reach its own servers."""
    return Address(address.ip, address.port).url.removeprefix("http://").rpartition(":")[0].strip("[]")


async def _until_listening(address: Address) -> None:
    """Try to connect until it succeeds: granian binds in its own thread and does not report when it has."""
    while True:
        try:
            _, writer = await asyncio.open_connection(_reachable(address), address.port)
        except OSError:
            await asyncio.sleep(_PROBE_PAUSE_S)
        else:
            writer.close()
            return


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # no wheel for this platform
        return None
    return new_event_loop
