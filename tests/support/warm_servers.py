"""Hubs of tests as copies of a process that has imported the server, which takes as much time as everything else."""

from __future__ import annotations

import atexit
import contextlib
import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, BinaryIO

import attrs

from entrepot.testing import hubs

start_as_users_do = hubs._launch

UMASK = 0o022
"""The modes that most systems give new files, for tests and the programs that they start."""

_IMPORTED = (
    *("entrepot.server.app", "entrepot.server.workers", "entrepot.cli.main", "entrepot.cli.serving"),
    *("entrepot.worker.loop", "entrepot.hub.accounts.first_accounts", "entrepot.hub.sso.browser_sign_ins"),
    "tests.support.warm_imports",
)


def start_servers_warm() -> None:
    """Let the hubs of :mod:`entrepot.testing` in this process skip the start of an interpreter and the imports.

    Each is forked from a process that has imported the server, made an application that it does not run
    (tests/support/warm_imports.py) and started no thread. Several workers, which the server starts itself, start as
    always; :func:`cold_servers` is for tests of the start.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(_IMPORTED))
    hubs._launch = _launch


@contextlib.contextmanager
def cold_servers() -> Iterator[None]:
    """Start hubs as users do."""
    before, hubs._launch = hubs._launch, start_as_users_do
    try:
        yield
    finally:
        hubs._launch = before


@attrs.frozen
class _Start:
    """What a process gets from the one that starts it."""

    environ: Mapping[str, str]
    folder: str
    log: str


@attrs.frozen
class _WarmServer:
    """A forked server, used like the :class:`subprocess.Popen` of a started one."""

    stdin: Connection
    _process: BaseProcess

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("entrepot serve", timeout or 0.0)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _launch(environ: Mapping[str, str], log: BinaryIO) -> Any:
    reader, writer = multiprocessing.Pipe(duplex=False)
    start = _Start(dict(environ), os.getcwd(), log.name)
    process = multiprocessing.get_context("forkserver").Process(target=_serve, args=(start, reader))
    process.start()
    reader.close()
    return _WarmServer(writer, process)


def _serve(start: _Start, lifeline: Connection) -> None:
    """Be ``entrepot serve --lifeline`` in this process, a copy of the one that has imported it."""
    gc.freeze()  # what was imported is shared with other processes as long as nobody writes to it
    os.setsid()
    os.environ.clear()
    os.environ.update(start.environ)
    time.tzset()
    os.umask(UMASK)
    os.chdir(start.folder)
    tempfile.tempdir = None
    log = os.open(start.log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    for source, target in ((lifeline.fileno(), 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    lifeline.close()
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for the life of the process
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["entrepot", "serve", "--lifeline"]

    from entrepot.cli.main import run

    try:
        run()
    finally:
        atexit._run_exitfuncs()
