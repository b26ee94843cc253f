from __future__ import annotations

import errno
import itertools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.errors import StoreUnavailable
from entrepot.hub.tables.exchanges import ChildProcess, Exchange, ProcessEnded, end_process
from entrepot.hub.tables.forked_processes import ForkedProcess, ForkedProcesses
from tests.support.warm_sandboxes import cold_sandboxes

SERVER, ALONE = "entrepot.hub.datasets.sandbox_server", "entrepot.hub.datasets.sandbox"
ENDLESS = "select count(*) from range(100000000000) a, range(1000000) b"


@pytest.fixture
def processes() -> Iterator[ForkedProcesses]:
    made = ForkedProcesses(SERVER, ALONE)
    yield made
    made.close()


def request_of(sql: str) -> dict[str, object]:
    limits = {"max_rows": 10, "max_bytes": 1000, "cpu_s": 5}
    return {"queries": [sql], "tables": [], "hints": {}, "parts": {}, **limits}


def ask(process: ChildProcess, sql: str) -> object:
    kind, answer = Exchange(process, lambda *_: b"", 10_000).run(request_of(sql))
    assert kind == b"A"
    return json.loads(answer)[0]["rows"]


def pid_of(process: ChildProcess) -> int:
    assert isinstance(process, ForkedProcess)
    lines = Path(f"/proc/self/fdinfo/{process._handle}").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pid:")).split()[1])


def has_ended(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ready = select.select([handle], [], [], 60)[0]
    os.close(handle)
    return bool(ready)


def test_a_process_that_finds_no_room_for_its_second_pipe_leaves_none_open(
    processes: ForkedProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_process(processes.start())
    processes._end()
    open_before = len(os.listdir("/proc/self/fd"))
    calls, pipe = itertools.count(), os.pipe

    def crowded() -> tuple[int, int]:
        if next(calls) % 2:
            raise OSError(errno.EMFILE, "too many open files")
        return pipe()

    monkeypatch.setattr(os, "pipe", crowded)
    with pytest.raises(StoreUnavailable, match="does not start"):
        processes.start()
    monkeypatch.undo()
    assert next(calls) > 1
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_no_process_is_started_before_one_is_needed(processes: ForkedProcesses) -> None:
    assert processes._server is None
    end_process(processes.start())
    assert processes._server is not None


def test_each_piece_of_work_has_a_process_of_its_own(processes: ForkedProcesses) -> None:
    first, second = processes.start(), processes.start()
    pid = pid_of(first)
    assert pid != pid_of(second)
    assert ask(second, "select 2 a") == [{"a": 2}]
    assert ask(first, "select 1 a") == [{"a": 1}]
    assert has_ended(pid)
    for process in (first, second):
        with pytest.raises(ProcessEnded):
            ask(process, "select 3 a")
        end_process(process)
        process.kill()
        process.wait()


def test_a_process_is_killed_without_the_others(processes: ForkedProcesses) -> None:
    first, second = processes.start(), processes.start()
    pid = pid_of(first)
    end_process(first)
    assert has_ended(pid)
    assert ask(second, "select 2 a") == [{"a": 2}]
    end_process(second)


def test_a_server_of_forks_that_ended_is_replaced(processes: ForkedProcesses) -> None:
    end_process(processes.start())
    assert processes._server is not None
    before = processes._server[0]
    end_process(before)
    process = processes.start()
    assert ask(process, "select 1 a") == [{"a": 1}]
    assert processes._server[0] is not before
    end_process(process)


def test_closing_ends_those_that_run(processes: ForkedProcesses) -> None:
    process = processes.start()
    pid = pid_of(process)
    processes.close()
    assert has_ended(pid)
    end_process(process)
    with pytest.raises(StoreUnavailable, match="stopping"):
        processes.start()


def test_a_module_that_cannot_serve_is_an_error() -> None:
    broken = ForkedProcesses("entrepot.names", ALONE)  # has no function main
    with pytest.raises(StoreUnavailable, match="does not start"):
        broken.start()
    broken.close()


def test_a_hub_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    script = """
import json, sys, time
from tests.hub.tables.test_forked_processes import ForkedProcesses, pid_of, request_of, ENDLESS, SERVER, ALONE
from entrepot.hub.tables.child_pipes import LENGTH
processes = ForkedProcesses(SERVER, ALONE)
process = processes.start()
data = json.dumps(request_of(ENDLESS)).encode()
process.stdin.write(LENGTH.pack(len(data)) + data)
process.stdin.flush()
print(pid_of(process), processes._server[0].pid, flush=True)
sys.stdin.read()
"""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", script]
    hub = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, text=True)
    assert hub.stdout is not None
    pids = [int(pid) for pid in hub.stdout.readline().split()]
    hub.send_signal(signal.SIGKILL)
    hub.communicate()
    assert len(pids) == 2
    assert [has_ended(pid) for pid in pids] == [True, True]


@pytest.mark.parametrize("lacks", ["the function", "the permission"])
def test_where_processes_cannot_be_copied_each_is_started(
    processes: ForkedProcesses, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    def forbidden(_pid: int) -> int:
        raise PermissionError

    if lacks == "the function":
        monkeypatch.delattr(os, "pidfd_open")
    else:
        monkeypatch.setattr(os, "pidfd_open", forbidden)
    with cold_sandboxes():
        process = processes.start()
    assert isinstance(process, subprocess.Popen)
    assert ask(process, "select 1 a") == [{"a": 1}]
    end_process(process)
