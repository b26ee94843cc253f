"""Processes that do one piece of work each: where possible, copies of a process that has done the imports.

The process that is copied (``hub/tables/fork_servers.py``) is started by the first use, and ends after some minutes
without one. On other platforms, each piece of work starts a process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from typing import IO

from entrepot.errors import StoreUnavailable
from entrepot.hub.tables.exchanges import ChildProcess, end_process, start_process, start_with_input, widen
from entrepot.hub.tables.fork_servers import COPY

_ANSWER_S, _END_S = 20.0, 2.0
_ATTEMPTS = 2  # a server may end, having waited long enough, while it is asked


class ForkedProcess:
    """A copy of the server of forks, used like a :class:`subprocess.Popen`. Thread-safe."""

    def __init__(self, handle: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        """Take over a handle of the process (a pidfd), and the hub's ends of its pipes."""
        self.stdin, self.stdout = stdin, stdout
        self._handle: int | None = handle
        self._guard = threading.Lock()

    def kill(self) -> None:
        """End the process immediately, if it still runs."""
        with self._guard:
            if self._handle is not None and sys.platform == "linux":
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self) -> None:
        """Return when the process has ended."""
        if self._handle is None:
            return
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        poll.poll()
        with self._guard:
            handle, self._handle = self._handle, None
            if handle is not None:
                os.close(handle)


class ForkedProcesses:
    """Starts processes for one piece of work each. Thread-safe."""

    def __init__(self, server: str, alone: str) -> None:
        """Start none yet.

        Args:
            server: the module whose ``main`` serves forks.
            alone: the module whose ``main`` does one piece of work over standard input and output, where processes
                cannot be copied.
        """
        self._server_module, self._alone = server, alone
        self._guard = threading.Lock()
        self._server: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._is_closed = False

    def start(self) -> ChildProcess:
        """Return a new process; the caller ends it.

        Raises:
            StoreUnavailable: none can be started.
        """
        if not _has_handles():
            return start_process(self._alone)
        with self._guard:
            for _ in range(_ATTEMPTS):
                if self._is_closed:
                    raise StoreUnavailable("the query engine", "the server is stopping")
                self._server = self._server or _start_server(self._server_module)
                with contextlib.suppress(OSError):
                    copied = _copy(self._server[1])
                    if copied is not None:
                        return copied
                self._end()
        raise StoreUnavailable("the query engine", "its process does not start")

    def close(self) -> None:
        """End the server of forks and the processes that it has started; no further one starts."""
        with self._guard:
            self._is_closed = True
            self._end()

    def _end(self) -> None:
        if self._server is not None:
            process, control = self._server
            self._server = None
            control.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)  # it kills its copies first
            end_process(process)


def _has_handles() -> bool:
    """Return whether processes have handles (pidfds) here: Linux since 5.3, unless a container forbids them."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _start_server(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(_ANSWER_S)
    with theirs:
        return start_with_input(module, theirs), ours


def _copy(control: socket.socket) -> ForkedProcess | None:
    """Return a copy; None if the server of forks has ended."""
    to_read, to_write = os.pipe()
    try:
        from_read, from_write = os.pipe()
    except OSError:
        os.close(to_read)
        os.close(to_write)
        raise
    stdin, stdout = os.fdopen(to_write, "wb"), os.fdopen(from_read, "rb")
    handles: list[int] = []
    try:
        widen(stdin)
        socket.send_fds(control, [COPY], [to_read, from_write])
        handles = socket.recv_fds(control, len(COPY), 1)[1]
    finally:
        os.close(to_read)
        os.close(from_write)
        if not handles:
            stdin.close()
            stdout.close()
    return ForkedProcess(handles[0], stdin, stdout) if handles else None
