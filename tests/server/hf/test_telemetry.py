from __future__ import annotations

import httpx2
import pytest

from tests.support.site import Site


@pytest.mark.parametrize("topic", ["gradio", "a/b/c", "transformers%2Fx"])
def test_notes_of_libraries_are_taken_from_anyone(anonymous: httpx2.Client, topic: str) -> None:
    answer = anonymous.head(f"/api/telemetry/{topic}")
    assert (answer.status_code, answer.content) == (200, b"")


def test_notes_are_not_to_be_read(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/api/telemetry/gradio").status_code == 405


def test_no_agents_are_known(anonymous: httpx2.Client, site: Site) -> None:
    expected: dict[str, object] = {"standardEnvVars": [], "harnesses": {}}
    assert anonymous.get("/api/agent-harnesses").json() == expected
    assert site.client("hf_wrong").get("/api/agent-harnesses").json() == expected
