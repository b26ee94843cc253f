"""Discussions and pull requests with both versions of the real client."""

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.testing.hubs import RunningHub

Run = Callable[..., Any]


@pytest.mark.parametrize(("version", "with_xet"), [("2.4.0", True), ("2.4.0", False), ("0.21.4", False)])
def test_users_discuss_propose_and_merge(
    run_client: Run, entrepot_fresh_hub: RunningHub, version: str, with_xet: bool
) -> None:
    stranger = entrepot_fresh_hub.user("stranger").token
    seen = run_client(version, "discussion_journey.py", version, "talk", stranger, with_xet=with_xet)
    assert seen == {"all": [6, 5, 4, 3, 2, 1], "open": [5, 4], "pulls": [6, 5, 4, 3, 2], "mine": []}
