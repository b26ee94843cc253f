"""The cost of a block of work: wall time, CPU time of the server's processes, and their peak memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import psutil

MIB = 1024 * 1024
_REST_S = 0.25
_LONGEST_REST_S = 180
_QUIET_CPU_S = 0.011  # one tick of the kernel's clock


@attrs.define
class Cost:
    """The cost of one block; filled in when the block ends.

    ``server_cpu_s``: user and system time of the server and its children
    during the block; ``later_cpu_s``: the same for the background jobs after
    it; ``peak``: the highest resident memory of the server during both, in
    bytes; ``grown``: ``peak`` minus the memory before the block.
    """

    wall_s: float = 0.0
    server_cpu_s: float = 0.0
    later_cpu_s: float = 0.0
    peak: int = 0
    grown: int = 0


class Meter:
    """Measures one server process and its children."""

    def __init__(self, pid: int) -> None:
        """Attach to a server.

        Args:
            pid: the id of its first process.
        """
        self._root = psutil.Process(pid)

    @contextlib.contextmanager
    def measure(self) -> Iterator[Cost]:
        """Measure the server's cost of the block and of the jobs after it."""
        self.rest()
        cost = Cost()
        before = self.resident()
        self._reset_peaks()
        cpu, started = self.cpu_s(), time.perf_counter()
        yield cost
        cost.wall_s = time.perf_counter() - started
        cost.server_cpu_s = self.cpu_s() - cpu
        self.rest()
        cost.later_cpu_s = self.cpu_s() - cpu - cost.server_cpu_s
        cost.peak = self._peaks()
        cost.grown = cost.peak - before

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far by the processes and by children that have ended."""
        while True:
            try:
                return sum(sum(process.cpu_times()[:4]) for process in self._tree())
            except psutil.NoSuchProcess:
                if not self._root.is_running():
                    raise
                # The child has ended since it was listed; its parent now includes its CPU time.

    def resident(self) -> int:
        """Return the resident memory of all processes in bytes; shared pages count once per process."""
        return sum(process.memory_info().rss for process in self._tree())

    def unique(self) -> int:
        """Return the memory in bytes that would be freed if the processes ended."""
        return sum(process.memory_full_info().uss for process in self._tree())

    def proportional(self) -> int:
        """Return the memory of all processes in bytes; a page that several share is divided between them."""
        return sum(process.memory_full_info().pss for process in self._tree())

    def rest(self) -> None:
        """Wait until the server is idle, for at most three minutes."""
        deadline = time.monotonic() + _LONGEST_REST_S
        before, quiet = self.cpu_s(), 0
        while quiet < 2 and time.monotonic() < deadline:
            time.sleep(_REST_S)
            now = self.cpu_s()
            quiet = quiet + 1 if now - before < _QUIET_CPU_S else 0
            before = now

    def _tree(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def _reset_peaks(self) -> None:
        for process in self._tree():
            # Source: Linux, Documentation/filesystems/proc.rst, "clear_refs": 5 resets the peak.
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def _peaks(self) -> int:
        return sum(_status_kib(process.pid, "VmHWM") * 1024 for process in self._tree())


def _status_kib(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0
