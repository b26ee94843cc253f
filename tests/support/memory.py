"""The peak of the memory of a process, which Linux tells."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class PeakMemory:
    """How much more memory than at the start of the block a process had, in bytes, at the end of the block."""

    grown = 0


@contextlib.contextmanager
def measured_peak(pid: int | None = None) -> Iterator[PeakMemory]:
    """Measure a process, this one by default; its children do not count. Skips the test where nothing tells it."""
    if sys.platform != "linux":
        pytest.skip("the peak of the memory cannot be reset here")
    folder = Path(f"/proc/{pid or os.getpid()}")
    # Source: Linux, Documentation/filesystems/proc.rst, "clear_refs": 5 resets the peak.
    (folder / "clear_refs").write_text("5")
    before, found = _peak(folder), PeakMemory()
    yield found
    found.grown = _peak(folder) - before


def _peak(folder: Path) -> int:
    [line] = [line for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])
