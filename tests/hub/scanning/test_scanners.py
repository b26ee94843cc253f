from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from typing import TypeVar

import pytest

from entrepot.hub.scanning.scanners import Pipes, ScanFailed, started

T = TypeVar("T")


def finish(steps: Generator[None, None, T]) -> T:
    """Run a generator to its end, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def python(program: str) -> list[str]:
    return [sys.executable, "-I", "-c", program]


def test_much_is_sent_and_received_without_a_deadlock() -> None:
    program = "import sys; data = sys.stdin.buffer.read(3000000); sys.stdout.buffer.write(data)"
    with started(python(program), {}) as process:
        pipes = Pipes(process, time.monotonic() + 240)
        assert finish(pipes.send(b"x" * 3_000_000))
        assert finish(pipes.receive(2_999_999)) == b"x" * 2_999_999
        assert finish(pipes.drain(10)) == b"x"


def test_a_process_that_reads_nothing_is_noticed() -> None:
    with started(python("pass"), {}) as process:
        pipes = Pipes(process, time.monotonic() + 240)
        assert not finish(pipes.send(b"x" * 3_000_000))


def test_a_process_that_ends_or_hangs_or_says_too_much_has_failed() -> None:
    with started(python("pass"), {}) as process, pytest.raises(ScanFailed, match="ended unexpectedly"):
        finish(Pipes(process, time.monotonic() + 240).receive(1))
    hanging = "import time; time.sleep(600)"
    with started(python(hanging), {}) as process, pytest.raises(ScanFailed, match="took too long"):
        finish(Pipes(process, time.monotonic()).receive(1))
    with started(python("print('x' * 100000)"), {}) as process, pytest.raises(ScanFailed, match="wrote more than"):
        finish(Pipes(process, time.monotonic() + 240).drain(100))


def test_the_process_and_its_children_are_dead_afterwards() -> None:
    program = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(f'{p.pid:10}', end='', flush=True); p.wait()"
    )
    with started(python(program), {}) as process:
        child = int(finish(Pipes(process, time.monotonic() + 240).receive(10)))
    assert process.returncode is not None
    deadline = time.monotonic() + 240
    while is_running(child):
        assert time.monotonic() < deadline


def is_running(pid: int) -> bool:
    """Return whether a process exists and is no zombie that nobody has collected yet."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
