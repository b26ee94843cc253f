"""A team with one machine, on which the strict dataset `x` is published."""

from pathlib import Path

import pytest

from tests.support.machines import Machine, Team, create_team, published


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return create_team(tmp_path)


@pytest.fixture
def machine(team: Team) -> Machine:
    """A machine with the published dataset `x`, strict, of two files."""
    return published(team, a="one", b="two")
