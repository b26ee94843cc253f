"""Gated repositories with both versions of the real client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi

from entrepot.testing.hubs import RunningHub

Run = Callable[..., Any]
CARD = b"---\nextra_gated_fields:\n  Company: text\n---\n# Gated\n"


@pytest.mark.parametrize("version", ["0.21.4", "2.4.0"])
def test_each_generation_decides_who_gets_in(entrepot_fresh_hub: RunningHub, run_client: Run, version: str) -> None:
    hub = entrepot_fresh_hub
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = api.create_repo("tester/gated").repo_id
    api.upload_file(path_or_fileobj=CARD, path_in_repo="README.md", repo_id=repo)
    api.update_repo_settings(repo, gated="manual")
    people = [hub.user(name) for name in ("ann", "bob", "cat")]
    for user in people:
        headers = {"authorization": f"Bearer {user.token}"}
        answer = httpx2.post(f"{hub.url}/api/models/{repo}/ask-access", headers=headers, json={"Company": "Acme"})
        assert answer.json()["status"] == "pending"

    seen = run_client(version, "gates_journey.py", version, repo, *(user.name for user in people))

    assert seen == {"accepted": ["ann", "cat"], "pending": ["bob"]}
