"""A walk through the API with both versions of the real client."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
OLD, TODAY = "0.21.4", "2.4.0"


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_both_generations_do_everything_and_see_the_same(run_client: Run, kind: str) -> None:
    today = run_client(TODAY, "journey.py", TODAY, f"new-{kind}", kind)
    old = run_client(OLD, "journey.py", OLD, f"old-{kind}", kind)

    assert today["blobs"] == old["blobs"]
    assert today["trees"] == old["trees"]
    assert today["lfs"] == old["lfs"]
    assert today["sizes"] == old["sizes"]
    assert today["contents"] == old["contents"]
    assert len(today["files"]) == len(today["contents"]) > 8
