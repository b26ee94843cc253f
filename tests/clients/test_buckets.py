"""Buckets with the real client: its library, its commands and its file system."""

from collections.abc import Callable
from typing import Any

from entrepot.testing.hubs import RunningHub
from tests.clients.conftest import TODAY


def test_the_client_keeps_files_in_buckets(run_client: Callable[..., Any], entrepot_fresh_hub: RunningHub) -> None:
    token = entrepot_fresh_hub.user("stranger").token
    done = run_client(TODAY, "buckets_journey.py", token, with_xet=True)
    assert done == {"buckets": ["tester/data"]}
    log = entrepot_fresh_hub.log()
    assert "status=5" not in log
    # Copies are lines of a batch: chunks are sent for what was uploaded only.
    assert log.count("xorbs/default/") <= 12
