"""The hub's side of a process that reads uploaded files: it sends one request, serves ranges, and gets a result."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import entrepot
from entrepot.errors import EntrepotError
from entrepot.hub.tables.child_pipes import FAILED, LENGTH, NUMBER, PIECE, READ
from entrepot.previews.tables.footer_indexes import MAX_INDEX

_START = "import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; main()"
ENVIRON: Mapping[str, str] = {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_PIPE_BYTES = 1 << 20

ReadRange = Callable[[int, int, int], bytes]
"""Returns a range of a file: its number, offset and length."""

KeepIndex = Callable[[int, bytes], object]
"""Keeps an index that the process has made of a file, whose number is given first."""


class ChildProcess(Protocol):
    """A process that works for the hub over two pipes."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """What the process reads."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """What the process writes."""

    def kill(self) -> None:
        """End the process immediately, if it still runs."""

    def wait(self) -> object:
        """Return when the process has ended."""


class ProcessEnded(Exception):
    """The process ended without a result; ``is_idle``: before it took the request."""

    def __init__(self, *, is_idle: bool) -> None:
        """Record whether the process had taken the request."""
        super().__init__("the process ended")
        self.is_idle = is_idle


def command_of(module: str) -> list[str]:
    """Return the command of a process that runs the function ``main`` of a module of this installation."""
    root = str(Path(entrepot.__file__).resolve().parents[1])
    return [sys.executable, "-I", "-c", _START.format(module=module), root]


def start_process(module: str) -> subprocess.Popen[bytes]:
    """Start the function ``main`` of a module in a process that inherits nothing but three pipes."""
    process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        command_of(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=ENVIRON,
    )
    assert process.stdin is not None
    widen(process.stdin)
    return process


def start_with_input(module: str, given: socket.socket) -> subprocess.Popen[bytes]:
    """Start the function ``main`` of a module in a process that inherits nothing but a socket as standard input."""
    return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        command_of(module),
        stdin=given.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=ENVIRON,
    )


def widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more bytes, where the platform can do that: it is faster, but not needed."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def end_process(process: ChildProcess) -> None:
    """Kill a process, wait for its end, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@contextlib.contextmanager
def killed_after(process: ChildProcess, seconds: float) -> Iterator[None]:
    """Kill a process if the block takes longer."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Exchange:
    """One request to a process, and its result."""

    def __init__(
        self,
        process: ChildProcess,
        read: ReadRange,
        most: int,
        keep: KeepIndex = lambda _number, _index: None,
    ) -> None:
        """Set up the exchange; nothing is sent yet.

        Args:
            read: serves the ranges that the process asks for. An error of it is kept in :attr:`failure`, and the
                process is told that there is nothing.
            most: bytes of a result.
            keep: is given the indexes that the process makes.
        """
        assert process.stdin is not None
        assert process.stdout is not None
        self.failure: EntrepotError | None = None
        self._read, self._most, self._keep = read, most, keep
        self._to: IO[bytes] = process.stdin
        self._from: IO[bytes] = process.stdout

    def run(self, request: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Return the type (one letter) and the bytes of the result.

        Raises:
            ProcessEnded: there is none.
        """
        is_idle = True
        try:
            self._send(json.dumps(request).encode())
            while (kind := self._exactly(1)) in (b"R", b"S", b"I"):
                is_idle = False
                if kind == b"R":
                    self._serve()
                elif kind == b"I":
                    self._take_index()
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if length > self._most:
                raise EOFError
            return kind, self._exactly(length)
        except (EOFError, BrokenPipeError, ValueError):  # ValueError: the pipes were closed meanwhile
            raise ProcessEnded(is_idle=is_idle) from None

    def _serve(self) -> None:
        number, offset, length = READ.unpack(self._exactly(READ.size))
        data = self._range(number, offset, length)
        if data is None:
            self._to.write(LENGTH.pack(FAILED))
            self._to.flush()
        else:
            self._send(data)

    def _take_index(self) -> None:
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        if not NUMBER.size <= length <= NUMBER.size + MAX_INDEX:
            raise EOFError
        data = self._exactly(length)
        (number,) = NUMBER.unpack(data[: NUMBER.size])
        self._keep(number, data[NUMBER.size :])

    def _range(self, number: int, offset: int, length: int) -> bytes | None:
        if length > PIECE or self.failure is not None:
            return None
        try:
            return self._read(number, offset, length)
        except EntrepotError as error:
            self.failure = error
            return None

    def _send(self, data: bytes) -> None:
        self._to.write(LENGTH.pack(len(data)))
        self._to.write(data)
        self._to.flush()

    def _exactly(self, length: int) -> bytes:
        data = self._from.read(length)
        if len(data) < length:
            raise EOFError
        return data
