"""The pytest plugin, with fixtures that provide a real hub.

pytest imports this module in every project where entrepot is installed, so
the server is imported only when a test requests a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from entrepot import testing

if TYPE_CHECKING:
    from entrepot.testing.hubs import RunningHub


@pytest.fixture(scope="session")
def entrepot_hub() -> Iterator[RunningHub]:
    """A hub shared by all tests of the session (with pytest-xdist, of one worker)."""
    with testing.hub() as hub:
        yield hub


@pytest.fixture
def entrepot_fresh_hub() -> Iterator[RunningHub]:
    """An empty hub for one test, which may stop, kill and restart it."""
    with testing.hub() as hub:
        yield hub
