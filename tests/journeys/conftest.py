"""What several journeys need: a browser, and a hub to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.chromium import launched
from tests.support.running_apps import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one module."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub that the function ``populate`` of the module has filled."""
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("pages") / "data", port=0), fsync=False)
    try:
        request.module.populate(hub)
        with running(make_app(hub)) as address:
            yield address.url
    finally:
        hub.close()
