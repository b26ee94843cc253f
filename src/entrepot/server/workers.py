"""Runs the server in one process or in several that share a port.

With one worker, the server runs in this process. With several, this process
supervises: each worker is a new interpreter that gets its configuration (the
name of the application factory, its settings, the address) as one line of JSON
on standard input. The pipe stays open as a lifeline: a worker stops when its
parent has died. Secrets in the settings never appear in an argument list or an
environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec

from entrepot.errors import EntrepotError, Refused
from entrepot.server.addresses import Address, reserved
from entrepot.server.certificates import Certificate
from entrepot.server.hosting import (
    Limits,
    StopSignal,
    first_of,
    load,
    run_app,
    run_in_new_loop,
    serve_here,
)
from entrepot.server.limits.allocations import prepare_memory
from entrepot.server.log_format import render
from entrepot.server.worker_metrics import WorkerGroup, join_group

_log = logging.getLogger("entrepot.server")

_CHILD = "from entrepot.server.workers import worker_main; worker_main()"
_RESTART_PAUSE_S = 1.0
_KILL_AFTER_S = 15.0


@attrs.frozen
class Hosting:
    """The application and its server options.

    ``factory``: ``module:name`` of a callable that takes ``settings`` (serialised
    as text) and the number of the worker, and returns the application. It is
    called once in each serving process.
    ``certificate``: for TLS; None means plain HTTP.
    """

    factory: str
    settings: str
    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 1
    limits: Limits = attrs.field(factory=Limits)
    certificate: Certificate | None = None


class _WorkerConfig(msgspec.Struct, frozen=True):
    """The configuration of a worker, as sent to its process."""

    factory: str
    settings: str
    worker: int
    ip: str
    port: int
    grace_s: float
    keep_alive_s: float
    drain_s: float
    cert: str
    key: str
    folder: str
    workers: int

    @property
    def certificate(self) -> Certificate | None:
        """The certificate for TLS, if any."""
        return Certificate(Path(self.cert), Path(self.key)) if self.cert else None


def serve(hosting: Hosting, announce: Callable[[Address], None]) -> None:
    """Serve until SIGTERM or SIGINT; in the main thread.

    Args:
        announce: called once with the actual address, when every worker accepts
            connections.

    Guarantees: a worker that dies is replaced. After a signal, everything is served for ``drain_s``
    longer, then running requests get ``grace_s`` to finish; a second signal cancels them. No process
    is left behind.

    Raises:
        ConfigError: the address or the certificate is unusable, or the
            factory does not exist.
            Any error of the application's startup (one worker); Refused with its
                message (several workers).
    """
    if hosting.certificate is not None:
        hosting.certificate.check()
    with reserved(hosting.host, hosting.port) as plain:
        address = attrs.evolve(plain, is_secure=hosting.certificate is not None)
        if hosting.workers == 1:
            app = load(hosting.factory)(hosting.settings, 0)
            serve_here(app, address, hosting.limits, lambda: announce(address), hosting.certificate)
            return

        async def watch() -> None:
            stop = StopSignal()
            stop.ask_on_signals()
            with tempfile.TemporaryDirectory(prefix="entrepot-", ignore_cleanup_errors=True) as folder:
                await _Supervisor(hosting, address, stop, folder).work(announce)

        run_in_new_loop(watch)


def worker_main() -> None:
    """Serve as one worker process: read the configuration from standard input, print ``ready`` or the failure."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # from here on, printed text goes to the log
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=_WorkerConfig)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("entrepot").setLevel(logging.INFO)
    limits = Limits(job.grace_s, job.keep_alive_s, job.drain_s)

    async def main() -> None:
        stop = StopSignal()
        stop.ask_on_signals()
        _hold_lifeline(stop)
        address = Address(job.ip, job.port)
        ready = functools.partial(print, "ready", file=report, flush=True)
        await run_app(app, address, limits, stop, ready, job.certificate)

    join_group(WorkerGroup(Path(job.folder), job.worker, job.workers))
    try:
        app = load(job.factory)(job.settings, job.worker)
        prepare_memory()
        run_in_new_loop(main)
    except EntrepotError as error:
        print(" ".join(str(error).split()), file=report, flush=True)
        sys.exit(1)


class _Supervisor:
    """The worker processes of one hub."""

    def __init__(self, hosting: Hosting, address: Address, stop: StopSignal, folder: str) -> None:
        self._hosting = hosting
        self._address = address
        self._stop = stop
        self._folder = folder

    async def work(self, announce: Callable[[Address], None]) -> None:
        """Start all workers, restart those that die until the stop, then end all."""
        numbers = range(self._hosting.workers)
        up = [asyncio.Event() for _ in numbers]
        keepers = [asyncio.create_task(self._keep(number, up[number])) for number in numbers]
        try:
            await first_of(*keepers, self._stop.asked.wait(), _all_set(up))
            if not self._stop.asked.is_set() and not any(keeper.done() for keeper in keepers):
                announce(self._address)
                await first_of(*keepers, self._stop.asked.wait())
        finally:
            self._stop.asked.set()
            results = await asyncio.gather(*keepers, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _keep(self, number: int, up: asyncio.Event) -> None:
        """Run one worker and restart it until the stop; raise Refused if it does not start the first time."""
        while not self._stop.asked.is_set():
            process = await self._start(number)
            try:
                assert process.stdout is not None
                line = (await process.stdout.readline()).decode("utf-8", "replace").strip()
                if line == "ready":
                    up.set()
                    await first_of(process.wait(), self._stop.asked.wait())
            finally:
                await self._end(process)
            if self._stop.asked.is_set():
                return
            if not up.is_set():
                raise Refused(f"a worker process did not start: {line or 'see the log above'}")
            _log.error(render("worker.died", worker=number, code=process.returncode))
            await first_of(self._stop.asked.wait(), timeout_s=_RESTART_PAUSE_S)

    async def _start(self, number: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # this process forwards Ctrl-C, once
        )
        certificate = self._hosting.certificate
        job = _WorkerConfig(
            factory=self._hosting.factory,
            settings=self._hosting.settings,
            worker=number,
            ip=self._address.ip,
            port=self._address.port,
            grace_s=self._hosting.limits.grace_s,
            keep_alive_s=self._hosting.limits.keep_alive_s,
            drain_s=self._hosting.limits.drain_s,
            cert=str(certificate.cert) if certificate else "",
            key=str(certificate.key) if certificate else "",
            folder=self._folder,
            workers=self._hosting.workers,
        )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        ended = asyncio.create_task(process.wait())
        _terminate(process)
        limits = self._hosting.limits
        patience_s = limits.drain_s + limits.grace_s + _KILL_AFTER_S
        await first_of(ended, self._stop.hurried.wait(), timeout_s=patience_s)
        if not ended.done():
            _terminate(process)  # the second signal ends the worker's grace period
            await first_of(ended, timeout_s=_KILL_AFTER_S)
        if not ended.done():
            process.kill()
        await ended


def _terminate(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        process.terminate()


async def _all_set(events: list[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def _hold_lifeline(stop: StopSignal) -> None:
    """Request the stop when standard input ends, that is, when the parent exits."""
    if sys.platform == "win32":  # its event loops do not support pipes; rely on the parent's signal
        return

    def ended() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            stop.ask()

    loop = asyncio.get_running_loop()
    loop.add_reader(0, ended)
