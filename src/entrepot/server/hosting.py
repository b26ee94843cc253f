"""Runs an ASGI application on granian inside this process.

granian's embedded server shares the process with the application: it needs 61 MB
resident memory where granian's process manager needs 83 for one worker. It
drains well (idle connections are closed immediately, running requests finish)
but without a time limit; this module implements the grace period.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import signal
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import attrs
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.errors import ConfigError, EntrepotError, Refused
from entrepot.server.addresses import Address, reserved
from entrepot.server.log_format import render
from entrepot.server.open_files import connection_limit, raise_open_file_limit

_log = logging.getLogger("entrepot.server")

_BACKLOG = 4096
_AFTER_CANCEL_S = 10.0
_PROBE_PAUSE_S = 0.005


@attrs.frozen
class Limits:
    """Time limits of a server.

    ``grace_s``: seconds that running requests get to finish after the stop;
    then they are cancelled (503, or a closed connection).
    ``keep_alive_s``: seconds an idle connection stays open, also the time a
    client may take to send its request head.
    """

    grace_s: float = 25.0
    keep_alive_s: float = 90.0


@attrs.frozen
class Certificate:
    """Two PEM files: a certificate with its chain, and its private key without a password."""

    cert: Path
    key: Path

    def check(self) -> None:
        """Check that a server can use them for TLS.

        Raises:
            ConfigError: a file cannot be read, is not PEM, or the two do not match.
        """
        try:
            # OpenSSL would prompt on the terminal for the password of an encrypted key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key, password=lambda: b"")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = f"cannot speak TLS with {self.cert} and {self.key}: {error}"
            raise ConfigError("tls_cert/tls_key", "files named there", reason) from error


class StopSignal:
    """A request to stop: the first call drains, the second cancels running requests.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """Request the stop; a second call ends the grace period."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()

    def ask_on_signals(self) -> None:
        """Request the stop on SIGTERM and SIGINT; only in the main thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.ask)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.ask))


def load(target: str) -> Callable[[str, int], ASGIApp]:
    """Import the application factory named ``module:name``.

    A factory takes the serialised settings and the number of its worker
    process (0 if there is only one).

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
    """Serve until the stop is requested, then drain.

    Args:
        address: from :func:`~entrepot.server.addresses.reserved`.
        ready: called once when connections are accepted.
        certificate: for TLS (1.2 and 1.3); None means plain HTTP.

    Guarantees: when this returns, every request has ended or was cancelled,
    and the application's shutdown has run after the last request.

    Raises:
        Any error that the application raised during startup.
        Refused: the application or the server did not start for another reason.
    """
    flight = _InFlight(app)
    server = Server(
        flight,
        address=address.ip,
        port=address.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=connection_limit(raise_open_file_limit()),
        http1_settings=HTTP1Settings(header_read_timeout=int(limits.keep_alive_s * 1000)),
        log_enabled=False,
        ssl_cert=certificate.cert if certificate else None,
        ssl_key=certificate.key if certificate else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    serving: asyncio.Task[None] = asyncio.create_task(server.serve())
    try:
        await first_of(serving, flight.started.wait())
        if flight.failure is None and not serving.done():
            await first_of(serving, _until_listening(address))
        if flight.failure is None and not serving.done():
            ready()
            await first_of(serving, stop.asked.wait())
        crashed = serving.done() and not stop.asked.is_set()
        server.stop()
        await _drain(serving, flight, limits.grace_s, stop)
    finally:
        flight.cancel()
        serving.cancel()
        await asyncio.wait((serving,))
    if flight.failure is not None:
        raise flight.failure
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

    run_in_new_loop(main)


def run_in_new_loop(main: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function in a new event loop, of the fastest available implementation."""

    async def run() -> None:
        await main()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run())


async def first_of(*waits: Awaitable[object], timeout_s: float | None = None) -> None:
    """Wait until one awaitable is done or the time is up; tasks continue, other awaitables are cancelled."""
    futures = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future, wait in zip(futures, waits, strict=True):
            if future is not wait:
                future.cancel()


@contextlib.contextmanager
def running(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None) -> Iterator[Address]:
    """Run a server in a thread of this process, for tests and notebooks; stop it on exit.

    Raises:
        ConfigError: the server cannot listen on the address.
        Any error that the application raised during startup.
    """
    with reserved(host, port) as address:
        patience = limits or Limits(grace_s=5.0)
        up: Future[tuple[asyncio.AbstractEventLoop, StopSignal]] = Future()

        async def main() -> None:
            stop = StopSignal()
            here = (asyncio.get_running_loop(), stop)
            await run_app(app, address, patience, stop, lambda: up.set_result(here))

        def live() -> None:
            try:
                run_in_new_loop(main)
            except BaseException as error:  # raised again in the waiting thread
                if up.done():
                    raise
                up.set_exception(error)

        thread = threading.Thread(target=live, name="entrepot-server", daemon=True)
        thread.start()
        try:
            loop, stop = up.result()
            try:
                yield address
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has already ended
                    loop.call_soon_threadsafe(stop.ask)
        finally:
            thread.join(patience.grace_s + _AFTER_CANCEL_S)


class _InFlight:
    """ASGI wrapper that tracks every running request."""

    def __init__(self, app: ASGIApp) -> None:
        self.started = asyncio.Event()
        self.failure: Exception | None = None
        self._app = app
        self._tasks: set[asyncio.Task[object]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._app(scope, receive, send)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        """Cancel every running request."""
        for task in self._tasks:
            task.cancel()

    @property
    def count(self) -> int:
        """Number of running requests."""
        return len(self._tasks)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_last() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._tasks:
                # A request whose client has disconnected has no connection any more, but still runs.
                await asyncio.wait(self._tasks)
            return message

        async def watch(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self.failure is None:
                self.failure = Refused(f"the application did not start: {message.get('message', '')}")
            await send(message)
            self.started.set()

        try:
            await self._app(scope, receive_last, watch)
        except Exception as error:  # outermost handler of startup and shutdown
            if self.started.is_set():
                _log.error(render("shutdown.failed"), exc_info=error)
                raise
            self.failure = error
            await send({"type": "lifespan.startup.failed"})
            if not isinstance(error, EntrepotError):
                _log.error(render("startup.failed"), exc_info=error)
        finally:
            self.started.set()


async def _drain(serving: asyncio.Task[None], flight: _InFlight, grace_s: float, stop: StopSignal) -> None:
    await first_of(serving, stop.hurried.wait(), timeout_s=grace_s)
    if serving.done():
        return
    _log.warning(render("shutdown.cancels", requests=flight.count))
    flight.cancel()
    await asyncio.wait((serving,), timeout=_AFTER_CANCEL_S)


async def _until_listening(address: Address) -> None:
    """Connect until it works: granian binds in its own thread and does not report it."""
    place = Address(address.ip, address.port).url.removeprefix("http://").rpartition(":")[0].strip("[]")
    while True:
        try:
            _, writer = await asyncio.open_connection(place, address.port)
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
