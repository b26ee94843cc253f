from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import entrepot
from entrepot.errors import BlobMissing, StoreUnavailable
from entrepot.hub.tables import processes
from entrepot.hub.tables.exchanges import ProcessEnded
from entrepot.hub.tables.processes import TableProcesses

SERVE = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from entrepot.hub.tables.child_pipes import ChildPipe
pipe = ChildPipe.take_standard()
try:
    while True:
        request = pipe.request()
        pipe.mark(b"S")
        if request["do"] == "crash":
            os.abort()
        if request["do"] == "hang":
            threading.Event().wait()
        if request["do"] == "talk":
            pipe.send(b"A", bytes(5000))
        elif request["do"] == "read":
            try:
                pipe.send(b"A", pipe.read(0, 5, 3))
            except OSError as error:
                pipe.send(b"E", str(error).encode())
        else:
            pipe.send(b"A", str(os.getpid()).encode())
except EOFError:
    pass
"""


class Started:
    """Starts processes of a script, and keeps them."""

    def __init__(self) -> None:
        self.every: list[subprocess.Popen[bytes]] = []
        self.script = SERVE

    def __call__(self, _module: str) -> subprocess.Popen[bytes]:
        root = str(Path(entrepot.__file__).parents[1])
        command = [sys.executable, "-I", "-c", self.script, root]
        made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.every.append(made)
        return made


@pytest.fixture
def started() -> Started:
    return Started()


@pytest.fixture
def pool(started: Started) -> Iterator[TableProcesses]:
    made = TableProcesses(2, started)
    yield made
    made.close()
    assert [process.poll() is None for process in started.every] == [False] * len(started.every)


def no_file(_number: int, _offset: int, _length: int) -> bytes:
    raise BlobMissing("files/x")


def ask(pool: TableProcesses, do: str = "answer", wall_s: float = 60.0) -> bytes:
    return pool.run({"do": do}, no_file, most=1000, wall_s=wall_s)[1]


def test_a_process_is_used_again(pool: TableProcesses, started: Started) -> None:
    assert started.every == []
    assert {ask(pool), ask(pool), ask(pool)} == {str(started.every[0].pid).encode()}


def test_a_process_that_crashes_is_replaced(pool: TableProcesses, started: Started) -> None:
    ask(pool)
    with pytest.raises(ProcessEnded):
        ask(pool, "crash")
    assert ask(pool) == str(started.every[1].pid).encode()
    assert len(started.every) == 2


def test_a_process_that_takes_too_long_is_killed(pool: TableProcesses, started: Started) -> None:
    ask(pool)
    with pytest.raises(ProcessEnded):
        ask(pool, "hang", 0.2)
    assert started.every[0].returncode == -signal.SIGKILL
    assert ask(pool) == str(started.every[1].pid).encode()


def test_a_result_that_is_too_long_is_not_read(pool: TableProcesses) -> None:
    with pytest.raises(ProcessEnded):
        ask(pool, "talk")


def test_a_process_that_ended_while_it_was_idle_is_replaced_silently(pool: TableProcesses, started: Started) -> None:
    ask(pool)
    os.kill(started.every[0].pid, signal.SIGKILL)
    started.every[0].wait()
    assert ask(pool) == str(started.every[1].pid).encode()


def test_a_process_can_be_started_before_it_is_needed(pool: TableProcesses, started: Started) -> None:
    pool.prepare()
    pool.prepare()
    assert len(started.every) == 1
    assert ask(pool) == str(started.every[0].pid).encode()
    pool.prepare()
    os.kill(started.every[0].pid, signal.SIGKILL)
    started.every[0].wait()
    pool.prepare()
    assert ask(pool) == str(started.every[1].pid).encode()
    assert len(started.every) == 2


def test_none_is_prepared_beside_those_that_work_nor_after_the_end(started: Started) -> None:
    pool = TableProcesses(1, started)
    with ThreadPoolExecutor(1) as threads, pool._place():
        threads.submit(pool.prepare).result(60)
    assert started.every == []
    pool.close()
    pool.prepare()
    assert started.every == []


def test_a_process_that_cannot_be_started_early_is_no_error() -> None:
    def refuse(_module: str) -> subprocess.Popen[bytes]:
        raise OSError(errno.EAGAIN, "no process")

    pool = TableProcesses(1, refuse)
    pool.prepare()
    with pytest.raises(OSError, match="no process"):
        ask(pool)


def test_processes_that_do_not_start_are_not_blamed_on_the_file(pool: TableProcesses, started: Started) -> None:
    started.script = "raise SystemExit(1)"
    with pytest.raises(StoreUnavailable, match="cannot be started"):
        ask(pool)


def test_the_error_of_a_read_is_raised_and_the_process_is_kept(pool: TableProcesses, started: Started) -> None:
    with pytest.raises(BlobMissing):
        ask(pool, "read")
    assert pool.run({"do": "read"}, lambda n, at, length: b"abc", most=1000, wall_s=60)[1] == b"abc"
    assert len(started.every) == 1


def test_requests_share_the_processes(pool: TableProcesses, started: Started) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: ask(pool), range(30)))
    assert len(found) == 30
    assert set(found) <= {str(process.pid).encode() for process in started.every}
    assert len(started.every) <= 2


def test_a_request_that_finds_no_process_is_told_to_come_again(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_WAIT_S", 0.01)
    pool = TableProcesses(1, started)
    is_reading, may_end = threading.Event(), threading.Event()

    def wait(_number: int, _offset: int, _length: int) -> bytes:
        is_reading.set()
        may_end.wait(60)
        return b"abc"

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pool.run, {"do": "read"}, wait, most=1000, wall_s=60)
        assert is_reading.wait(60)
        with pytest.raises(StoreUnavailable, match="try again later"):
            ask(pool)
        may_end.set()
        assert running.result(60)[1] == b"abc"
    pool.close()


def test_closing_ends_what_runs(started: Started) -> None:
    pool = TableProcesses(1, started)
    is_reading = threading.Event()

    def close(_number: int, _offset: int, _length: int) -> bytes:
        is_reading.set()
        pool.close()
        return b"abc"

    with pytest.raises(ProcessEnded):
        pool.run({"do": "read"}, close, most=1000, wall_s=60)
    assert started.every[0].poll() is not None
    with pytest.raises(StoreUnavailable, match="is stopping"):
        ask(pool)
