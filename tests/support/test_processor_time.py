from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support import processor_time
from tests.support.processor_time import ending_soon, lines_run


def test_lines_are_counted_in_every_function_that_is_called() -> None:
    def inner(times: int) -> None:
        for _ in range(times):
            pass

    assert lines_run(lambda: inner(1_000)) - lines_run(lambda: inner(500)) == 1_000


def test_work_that_exceeds_the_limit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with ending_soon():
        pass
    monkeypatch.setattr(processor_time, "LIMIT_S", 0)
    with pytest.raises(AssertionError, match="of processor time"), ending_soon():
        sum(range(10_000))
    with pytest.raises(AssertionError, match="of processor time"), ending_soon(in_children=True):
        subprocess.run([sys.executable, "-c", "sum(range(1_000_000))"], check=True, timeout=240)
