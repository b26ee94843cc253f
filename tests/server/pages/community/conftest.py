"""A second browser, and repositories that were talked about."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.server.pages.conftest import PASSWORD, browse
from tests.support.served_hub import ServedHub


@pytest.fixture
def stranger(site: ServedHub) -> Iterator[httpx2.Client]:
    """A browser in which bob has signed in, who may write to nothing of alice."""
    accounts.reset_password(site.hub, "bob", PASSWORD)
    with browse(site) as client:
        assert client.post("/login", data={"name": "bob", "password": PASSWORD}).status_code == 200
        yield client
