"""A process that has imported what its work needs, and copies itself for each piece of work.

Imports take longer than most queries. The server of forks does them once and reads no data: it is sent nothing
but pairs of pipes, over its standard input, which is a Unix socket. For each pair it makes a copy of itself, which
does one piece of work over these pipes and ends, so no copy has seen anything of another one. It answers with a
handle of the copy (a pidfd), by which the hub can end exactly this process.
``hub/tables/forked_processes.py`` is the other side. Linux only.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from entrepot.hub.tables.child_pipes import ChildPipe

IDLE_S = 300.0
"""How long a server of forks waits for work while no copy runs."""

COPY = b"c"
"""The request for a copy, which carries the end to read from and the end to write to."""

_MAX_FILES = 64
_FIRST = 3  # the descriptors below are standard input, output and errors


def serve(work: Callable[[ChildPipe], None], idle_s: float = IDLE_S) -> None:
    """Make copies of this process that do the work, until the hub is gone or has asked for none for some time.

    Guarantees: when the hub is gone, copies that still run are killed.
    """
    if sys.platform != "linux":
        raise NotImplementedError("copies of a process are made on Linux only")
    control = _take_control()
    gc.collect()
    gc.freeze()  # copies then share the memory of what was imported
    running: dict[int, int] = {}
    while True:
        ready = select.select([control.fileno(), *running], [], [], None if running else idle_s)[0]
        if not ready:
            return
        for handle in running.keys() & ready:
            os.waitpid(running.pop(handle), 0)
            os.close(handle)
        if control.fileno() in ready and not _answered(control, running, work):
            return


def _answered(control: socket.socket, running: dict[int, int], work: Callable[[ChildPipe], None]) -> bool:
    """Make a copy and send its handle; return False, with no copy left, if the hub is gone."""
    try:
        asked, pipes, _, _ = socket.recv_fds(control, len(COPY), 2)
        if asked == COPY:
            handle = _copied(running, pipes, work)
            socket.send_fds(control, [COPY], [handle])
            return True
    except OSError:
        pass  # the hub went away, or the machine has no room for another process: the hub then starts a server again
    for handle in running:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    return False


def _copied(running: dict[int, int], pipes: Sequence[int], work: Callable[[ChildPipe], None]) -> int:
    """Return the handle of a new copy, which is one of those that run from now on."""
    try:
        pid = os.fork()
        if pid == 0:
            _do(work, pipes)
    finally:
        for pipe in pipes:
            os.close(pipe)
    try:
        handle = os.pidfd_open(pid)  # the copy is waited for in serve only, so the id is still its own
    except OSError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    running[handle] = pid
    return handle


def _do(work: Callable[[ChildPipe], None], pipes: Sequence[int]) -> NoReturn:
    """Do one piece of work as a copy, which can reach nothing but its pipes, and end."""
    code = 1
    try:
        for before, after in itertools.pairwise([_FIRST - 1, *sorted(pipes), _MAX_FILES]):
            os.closerange(before + 1, after)
        to_read, to_write = pipes
        with os.fdopen(to_read, "rb") as source, os.fdopen(to_write, "wb") as target:
            work(ChildPipe(source, target))
        code = 0
    finally:
        os._exit(code)


def _take_control() -> socket.socket:
    """Return the socket that is standard input; leave nothing there, and allow few open files."""
    import resource

    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_FILES, _MAX_FILES))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    return control
