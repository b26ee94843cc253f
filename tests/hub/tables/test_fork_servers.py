from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from entrepot.hub.tables.fork_servers import COPY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies of a process are made on Linux only")

SERVE = """
import os
from entrepot.hub.tables.fork_servers import serve

def work(pipe):
    asked = pipe.request()
    if asked.get("fails"):
        raise ValueError
    pipe.send(b"A", repr([os.getppid(), sorted(map(int, os.listdir("/proc/self/fd")))]).encode())

serve(work, {idle_s})
"""


class Server:
    """A server of forks whose work tells its parent and its open files."""

    def __init__(self, idle_s: float) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", SERVE.format(idle_s=idle_s)]
            self.process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)

    def copy(self) -> tuple[int, int, int]:
        """Return the handle of a copy, the end that it reads, and the end that it writes."""
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        socket.send_fds(self.control, [COPY], [to_read, from_write])
        _, [handle], _, _ = socket.recv_fds(self.control, 1, 1)
        os.close(to_read)
        os.close(from_write)
        return handle, to_write, from_read


def ask(copy: tuple[int, int, int], request: bytes) -> bytes:
    """Return everything that a copy writes after a request."""
    handle, to_write, from_read = copy
    os.write(to_write, len(request).to_bytes(4, "big") + request)
    os.close(to_write)
    with os.fdopen(from_read, "rb") as answer:
        found = answer.read()
    os.close(handle)
    return found


def test_a_copy_has_its_pipes_and_nothing_else_open() -> None:
    server = Server(60.0)
    first, second = server.copy(), server.copy()
    answers = [ask(second, b"{}"), ask(first, b"{}")]
    server.control.close()
    assert server.process.wait(60) == 0
    for answer in answers:
        parent, files = eval(answer[5:])
        assert parent == server.process.pid
        assert len(files) == 6  # input, output, errors, two pipes, and the folder that is listed
        assert files[:3] == [0, 1, 2]


def test_work_that_fails_ends_its_copy_only() -> None:
    server = Server(60.0)
    assert ask(server.copy(), b'{"fails": true}') == b""
    assert ask(server.copy(), b"{}").startswith(b"A")
    server.control.close()
    assert server.process.wait(60) == 0


def test_it_ends_after_some_time_without_work() -> None:
    server = Server(0.0)
    assert server.process.wait(60) == 0
    server.control.close()


def test_it_waits_as_long_as_a_copy_runs_and_kills_it_when_the_hub_is_gone() -> None:
    server = Server(0.5)
    try:
        handle, to_write, from_read = server.copy()
    except ValueError:
        pytest.fail("it ended before it was asked")
    with pytest.raises(subprocess.TimeoutExpired):
        server.process.wait(1.0)
    server.control.close()
    assert server.process.wait(60) == 0
    with os.fdopen(from_read, "rb") as answer:
        assert answer.read() == b""  # though its input is open
    os.close(to_write)
    os.close(handle)
