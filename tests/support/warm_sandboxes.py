"""Processes that read tables as copies of one that has imported pyarrow, which takes longer than reading a table."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from entrepot.hub.scanning import scanners
from entrepot.hub.tables import exchanges

MODULES = {
    "entrepot.hub.tables.sandbox": ("pyarrow.parquet", "pyarrow.ipc", "entrepot.previews.row_diffs"),
    "entrepot.hub.conversions.sandbox": ("pyarrow.parquet", "pyarrow.json", "pyarrow.csv"),
    "entrepot.hub.datasets.sandbox": ("duckdb", "pyarrow.dataset", "entrepot.previews.row_pages"),
    "entrepot.hub.datasets.sandbox_server": ("duckdb", "pyarrow.dataset", "entrepot.previews.row_pages"),
}
"""The modules whose processes are copied, and what each of them imports late."""

_PREVIEWS = ("entrepot.previews.tables.table_files", "entrepot.previews.conversions", "entrepot.previews.folders")
_START = "import sys; sys.path.extend(sys.argv[3:]); from tests.support.warm_sandboxes import serve; serve()"
_REAP = b"w"
_COPY = b"f"


def start_sandboxes_warm() -> None:
    """Let this process copy the processes of :data:`MODULES` instead of starting an interpreter for each.

    What runs in them is the same: the rights that they give up, and the limits that they set, are their own.
    Hubs that tests start as processes start them as users' hubs do; :func:`cold_sandboxes` is for tests of the start.
    """
    if hasattr(os, "pidfd_open"):
        for module in (exchanges, scanners):
            _replace_programs(module, _start)


@contextlib.contextmanager
def cold_sandboxes() -> Iterator[None]:
    """Start these processes as users' hubs do."""
    before = [(module, module.subprocess) for module in (exchanges, scanners)]
    for module, _ in before:
        _replace_programs(module, subprocess.Popen)
    try:
        yield
    finally:
        for module, programs in before:
            setattr(module, "subprocess", programs)  # noqa: B010 - no attribute that a type checker knows


def _replace_programs(module: types.ModuleType, start: Any) -> None:
    words = {name: getattr(subprocess, name) for name in ("PIPE", "DEVNULL", "TimeoutExpired")}
    setattr(module, "subprocess", types.SimpleNamespace(Popen=start, **words))  # noqa: B010


def _start(argv: Sequence[str], **options: Any) -> Any:
    """Return the process of a command, which is a copy if there is something to copy."""
    module = next((name for name in MODULES if list(argv) == exchanges.command_of(name)), None)
    if module is None:
        return subprocess.Popen(argv, **options)
    given = options["stdin"]
    return _original(module, options["env"]).copy(given if given >= 0 else None)


class _Original:
    """A process that has imported a module, and makes copies of itself that run its ``main``."""

    def __init__(self, module: str, environ: Mapping[str, str]) -> None:
        self._guard = threading.Lock()
        self._control, given = socket.socketpair()
        with given:
            command = [sys.executable, "-I", "-c", _START, module, str(given.fileno()), *sys.path]
            self._process = subprocess.Popen(command, env=environ, cwd="/", pass_fds=[given.fileno()])
        atexit.register(self._end)

    def copy(self, given: int | None = None) -> _Copy:
        """Return a new copy, with pipes to its input and from its output; with nothing but its input if it is given."""
        if given is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                return _Copy(self._copied(given, nowhere), None, None, self)
            finally:
                os.close(nowhere)
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        pid = self._copied(to_read, from_write)
        os.close(to_read)
        os.close(from_write)
        return _Copy(pid, os.fdopen(to_write, "wb"), os.fdopen(from_read, "rb"), self)

    def _copied(self, to_read: int, to_write: int) -> int:
        with self._guard:
            socket.send_fds(self._control, [_COPY], [to_read, to_write])
            return int.from_bytes(self._control.recv(8), "big")

    def reap(self, pid: int) -> int:
        """Return the exit code of a copy that has ended."""
        with self._guard:
            self._control.sendall(_REAP + pid.to_bytes(8, "big"))
            return int.from_bytes(self._control.recv(8), "big", signed=True)

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


class _Copy:
    """A copied process, used like a :class:`subprocess.Popen`."""

    def __init__(self, pid: int, stdin: IO[bytes] | None, stdout: IO[bytes] | None, original: _Original) -> None:
        self.pid, self.stdin, self.stdout, self.stderr = pid, stdin, stdout, None
        self.returncode: int | None = None
        self._original = original
        self._handle = os.pidfd_open(pid)  # it is waited for below only, so the id is still its own
        self._guard = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, once it has ended."""
        if self.returncode is None and not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a copy", timeout or 0.0)
        with self._guard:
            if self.returncode is None:
                self.returncode = self._original.reap(self.pid)
                os.close(self._handle)
        return self.returncode

    def kill(self) -> None:
        """End it at once, if it runs."""
        with self._guard:
            if self.returncode is None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)


_originals: dict[str, _Original] = {}
_guard = threading.Lock()


def _original(module: str, environ: Mapping[str, str]) -> _Original:
    with _guard:
        if module not in _originals:
            _originals[module] = _Original(module, environ)
        return _originals[module]


def serve() -> None:
    """Be an original: import the module that the command names, and make copies until the tests have ended."""
    module = importlib.import_module(sys.argv[1])
    control = socket.socket(fileno=int(sys.argv[2]))
    if hasattr(module, "leave_out_numpy"):
        module.leave_out_numpy()  # as its main does before it imports pyarrow
    for name in (*MODULES[sys.argv[1]], *_PREVIEWS):
        importlib.import_module(name)
    while True:
        asked, fds, _, _ = socket.recv_fds(control, 9, 2)
        if not asked:
            return
        if asked == _COPY:
            pid = os.fork()
            if pid == 0:
                _become(module, control, fds)
            for fd in fds:
                os.close(fd)
            control.sendall(pid.to_bytes(8, "big"))
        else:
            _, status = os.waitpid(int.from_bytes(asked[1:], "big"), 0)
            control.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _become(module: types.ModuleType, control: socket.socket, fds: Sequence[int]) -> None:
    """Run the module in this copy, with the pipes, and end."""
    code = 1
    try:
        os.setsid()
        control.close()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for source, target in (*zip(fds, (0, 1), strict=True), (nowhere, 2)):
            os.dup2(source, target)
        for fd in (*fds, nowhere):
            os.close(fd)
        sys.argv = ["-c", sys.argv[-1]]
        module.main()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)
