"""A team with one machine, on which the strict dataset `x` is published."""

import pytest

from tests.support.machines import Machine, Team, create_team, team_with_dataset
from tests.support.prepared_folders import PreparedFolders


@pytest.fixture
def team(request: pytest.FixtureRequest, prepared_folders: PreparedFolders) -> Team:
    """A team, which has a machine already if the test uses it."""
    return prepared_folders.lay_out(team_with_dataset if "machine" in request.fixturenames else create_team)


@pytest.fixture
def machine(team: Team) -> Machine:
    """A machine with the published dataset `x`, strict, of two files."""
    return team.existing("ann")
