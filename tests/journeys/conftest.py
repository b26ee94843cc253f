"""Fixtures that check the features of a hub."""

from __future__ import annotations

import pytest

from entrepot.errors import NotFound
from entrepot.hf.api import HubApi
from entrepot.testing.hubs import RunningHub


@pytest.fixture(scope="session")
def has_pull_requests(entrepot_hub: RunningHub) -> bool:
    """Whether the hub supports ``POST …/discussions``."""
    api = HubApi(entrepot_hub.url, entrepot_hub.token)
    repo = api.create_repo("tester/asks-for-pull-requests", exist_ok=True).repo_id
    try:
        api.create_discussion(repo, "Are there discussions?")
    except NotFound:
        return False
    return True
