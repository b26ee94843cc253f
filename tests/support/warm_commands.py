"""Commands as copies of a process that has imported them, for tests that start many of them."""

from __future__ import annotations

import atexit
import gc
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any

import attrs

UMASK = 0o022
"""The modes that most systems give new files, for tests and the programs that they start."""


@attrs.frozen
class Command:
    """A command of this project: a function without arguments, as of a console script, that reads ``sys.argv``."""

    function: str
    args: Sequence[str]
    environ: Mapping[str, str]
    folder: str | Path = attrs.field(factory=os.getcwd)

    @property
    def words(self) -> list[str]:
        """What ``sys.argv`` is."""
        return ["entrepot", *self.args]


@attrs.frozen
class WarmProcess:
    """A forked command, used like a :class:`subprocess.Popen`."""

    stdin: IO[str] | None
    stdout: IO[str] | None
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
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self.stdin, self.stdout):
            if file is not None:
                file.close()
        self.wait()


def start(command: Command, *, stdin: Any = subprocess.DEVNULL, stdout: Any = subprocess.PIPE, stderr: Any) -> Any:
    """Start a command; its input is empty, a file or a pipe, its output a file or a pipe, its errors a file."""
    to_it: IO[str] | None = None
    from_it: IO[str] | None = None
    if stdin == subprocess.PIPE:
        given, end = os.pipe()
        to_it = os.fdopen(end, "w")
    elif stdin != subprocess.DEVNULL:
        given = os.dup(stdin.fileno())
    else:
        given = os.open(os.devnull, os.O_RDONLY)
    if stdout == subprocess.PIPE:
        end, taken = os.pipe()
        from_it = os.fdopen(end, "r")
    else:
        taken = os.dup(stdout.fileno())
    files = [Connection(given), Connection(taken), Connection(os.dup(stderr.fileno()))]
    process = multiprocessing.get_context("forkserver").Process(target=_become, args=(command, files))
    process.start()
    for file in files:
        file.close()
    return WarmProcess(to_it, from_it, process)


def run(command: Command, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return its exit code and what it printed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = start(command, stdout=out, stderr=errors)
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command.words, code, out.read(), errors.read())


def _become(command: Command, files: Sequence[Connection]) -> None:
    """Run the command in this process, a copy of the one that has imported it."""
    gc.freeze()  # what was imported is shared with other processes as long as nobody writes to it
    os.setsid()
    os.environ.clear()
    os.environ.update(command.environ)
    time.tzset()
    os.umask(UMASK)
    os.chdir(command.folder)
    tempfile.tempdir = None
    for target, source in enumerate(files):
        os.dup2(source.fileno(), target)
        source.close()
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for the life of the process
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = command.words
    module, _, name = command.function.partition(":")
    try:
        getattr(importlib.import_module(module), name)()
    finally:
        atexit._run_exitfuncs()
