"""Every version of the Xet client at its default settings, against a real hub."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from entrepot.testing.hubs import RunningHub

Run = Callable[..., Any]
GENERATIONS = {"0.33.5": "1.1.10", "1.14.0": "1.5.0", "2.4.0": "1.8.0"}
"""Versions of huggingface_hub, with the hf_xet of the same time."""


def calls(log: str, pattern: str) -> int:
    return len(re.findall(rf"request method={pattern} status=2", log))


@pytest.mark.timeout(400)  # the first time, the old versions are installed
def test_each_generation_goes_through_xet_and_fetches_what_the_others_sent(
    run_client: Run, entrepot_fresh_hub: RunningHub
) -> None:
    sent: dict[str, dict[str, str]] = {}
    for number, (version, xet) in enumerate(GENERATIONS.items()):
        before = len(entrepot_fresh_hub.log())
        name = f"g{number}"
        done = run_client(version, "xet_journey.py", version, xet, name, *sent, with_xet=True)
        log = entrepot_fresh_hub.log()[before:]
        assert done["foreign"] == sent, version
        sent[name] = done["seen"]
        assert calls(log, r"POST path=/xet/\S+/xorbs/default/\w+") >= 2, version
        assert calls(log, r"POST path=/xet/\S+/shards") >= 3, version
        assert calls(log, r"GET path=/_xet/xorbs/\w+") >= 5, version
        assert "path=/_lfs/" not in log, version
        assert not re.findall(r"status=5\d\d", log), version
