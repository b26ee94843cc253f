"""Every version of the Xet client at its default settings, against a real hub."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

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


@pytest.mark.timeout(400)
def test_each_generation_sends_only_what_a_public_file_beside_private_ones_lacks(
    run_script: Run, entrepot_fresh_hub: RunningHub, tmp_path: Path
) -> None:
    """Their chunks are in one xorb, of which others learn a name for the readable run only."""
    hub, bob = entrepot_fresh_hub, entrepot_fresh_hub.user("bob")
    dice = random.Random("shared")
    folder = tmp_path / "both"
    folder.mkdir()
    for name, length in (("a.bin", 700_000), ("public.bin", 8_000_000), ("z.bin", 900_000)):
        (folder / name).write_bytes(dice.randbytes(length))
    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo("tester/hidden", private=True)
    api.create_repo("tester/shown")
    given = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(tmp_path / "owner")}
    run_script(hub, "2.4.0", "xet_owner.py", str(folder), **given)
    [stored] = (hub.data / "blobs" / "xorbs").rglob("*.*")
    size = stored.stat().st_size
    assert size > 9_000_000  # one xorb holds the three files
    for number, (version, _) in enumerate(GENERATIONS.items()):
        given |= {"HF_TOKEN": bob.token, "HF_HOME": str(tmp_path / f"bob-{version}")}
        before = xorb_bytes(hub)
        run_script(hub, version, "xet_dedup_journey.py", f"copy{number}", str(folder / "public.bin"), **given)
        assert xorb_bytes(hub) - before < 500_000, version
    log = hub.log()
    assert not re.findall(r"status=5\d\d", log)
    assert not re.findall(r"/shards status=4", log)


def xorb_bytes(hub: RunningHub) -> int:
    return sum(path.stat().st_size for path in (hub.data / "blobs" / "xorbs").rglob("*.*"))
