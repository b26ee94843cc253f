"""The server is killed in the middle of operations that change several things: each is done as a whole or not at all.

``python -m benchmarks.kill_points`` has more moments, more kinds of operations, and stores of other kinds.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx2
import pytest

from entrepot import testing
from tests.support.killed_operations import (
    Deletion,
    Halfway,
    Merge,
    Operation,
    PartsOfLargeFile,
    Rename,
    SquashMerge,
    Stage,
    SuperSquash,
    Transfer,
)

pytestmark = pytest.mark.timeout(300)
KINDS: tuple[type[Operation], ...] = (*(PartsOfLargeFile, Merge, SquashMerge, SuperSquash, Rename, Transfer, Deletion),)
MOMENTS = (0.6,)
"""Parts of the time that an operation takes."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with testing.hub(part_size=5 << 20, multipart_threshold=10 << 20, run_jobs=False) as hub:
        yield Stage(hub, tmp_path_factory.mktemp("killed"), {"ENTREPOT_DATA": str(hub.data)}, dict)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_operation_is_done_as_a_whole_or_not_at_all(stage: Stage, kind: type[Operation]) -> None:
    operation = kind(stage)
    operation.begin()
    took_s = operation.time()
    assert operation.state(), "it does nothing"
    for part in MOMENTS:
        operation.begin()
        is_acknowledged = killed_after(operation, took_s * part)
        is_done = operation.state()
        assert is_done or not is_acknowledged, "it is lost"
        if operation.is_repeatable or not is_done:
            operation.act()
        assert operation.state()


@pytest.fixture(scope="module", autouse=True)
def undamaged(stage: Stage) -> Iterator[None]:
    """Check every byte when the tests have ended."""
    yield
    command = [sys.executable, "-m", "entrepot", "fsck", "--deep", "--json", "--data", str(stage.hub.data)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["damaged"] == 0


def test_half_of_an_operation_is_noticed(stage: Stage) -> None:
    class Missed(SuperSquash):
        name = "missed"

    operation = Missed(stage)
    operation.begin()
    operation.sent["files/more"] = b"missing"
    with pytest.raises(Halfway):
        operation.state()


def killed_after(operation: Operation, seconds: float) -> bool:
    """Kill the server after some seconds of an operation and start it again; return whether it was acknowledged."""
    acknowledged: list[bool] = []

    def act() -> None:
        with contextlib.suppress(httpx2.HTTPError):
            operation.act()
            acknowledged.append(True)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join(seconds)
    operation.stage.hub.kill()
    operation.stage.hub.start()
    thread.join()
    return bool(acknowledged)
