"""A browser of an administrator of the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Caller
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

CHIEF = "chief-of-hub"


@pytest.fixture(scope="module")
def chief(site: ServedHub) -> Callable[[], Caller]:
    """Return a function that returns the administrator as a caller."""
    accounts.create_user(site.hub, CHIEF, password=PASSWORD, is_admin=True)
    secret = accounts.create_token(site.hub, CHIEF, role="write").secret

    def identify() -> Caller:
        found = site.hub.identify(secret)
        assert found is not None
        return found

    return identify


@pytest.fixture
def admin(site: ServedHub, chief: Callable[[], Caller]) -> Iterator[httpx2.Client]:
    """A browser in which the administrator has signed in."""
    with browse(site) as client:
        assert client.post("/login", data={"name": chief().account.name, "password": PASSWORD}).status_code == 200
        yield client


@pytest.fixture
def send_admin(admin: httpx2.Client) -> Send:
    """Sends a form as the administrator."""
    return sender(admin)
