"""A team with one machine, on which the strict dataset `x` is published."""

from pathlib import Path

import pytest

from tests.support.machines import Machine, Team, create_team, publish


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return create_team(tmp_path)


@pytest.fixture
def machine(team: Team) -> Machine:
    machine = team.machine("ann")
    team.create(machine, "datasets", "x")
    machine.write("datasets/x/data/a", "one")
    machine.write("datasets/x/data/b", "two")
    publish(machine, "datasets", "x")
    return machine
