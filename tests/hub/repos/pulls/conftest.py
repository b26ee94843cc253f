from __future__ import annotations

import pytest

from entrepot.names import RepoRef
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    """A repository of an organisation with one file on main."""
    made = world.repo("acme/m", world.wendy)
    world.add(made, "a.txt", b"one\n", by=world.wendy)
    return made
