from __future__ import annotations

import os
import subprocess

import pytest

from entrepot.hub.tables import exchanges
from tests.support.warm_sandboxes import MODULES, cold_sandboxes


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("_server")])
def test_a_copy_is_a_process_that_ends_with_its_input_or_is_killed(module: str) -> None:
    first, second = exchanges.start_process(module), exchanges.start_process(module)
    assert not isinstance(first, subprocess.Popen)
    assert first.poll() is None
    assert len({first.pid, second.pid, os.getpid()}) == 3
    second.kill()
    assert second.wait(60) == -9
    assert first.stdin is not None
    first.stdin.close()
    assert first.wait(60) == first.poll() == 0
    exchanges.end_process(first)
    exchanges.end_process(second)


def test_processes_can_be_started_as_by_hubs() -> None:
    with cold_sandboxes():
        process = exchanges.start_process("entrepot.hub.tables.sandbox")
    assert isinstance(process, subprocess.Popen)
    exchanges.end_process(process)
    again = exchanges.start_process("entrepot.hub.tables.sandbox")
    assert not isinstance(again, subprocess.Popen)
    exchanges.end_process(again)
