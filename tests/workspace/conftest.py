"""Fixtures for tests of workspaces: desks at a bucket in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.azure_server import AzureServer, find_azurite, running_azure_server
from tests.support.chunk_stores import Desk
from tests.support.machines import Machine, Team, create_team, team_with_dataset
from tests.support.prepared_folders import PreparedFolders


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.create(tmp_path)


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    if find_azurite() is None:
        pytest.skip("the emulator of Azure (npm install azurite) is not installed")
    with running_azure_server(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture
def team(request: pytest.FixtureRequest, prepared_folders: PreparedFolders) -> Team:
    """A team, which has a machine already if the test uses it."""
    return prepared_folders.lay_out(team_with_dataset if "machine" in request.fixturenames else create_team)


@pytest.fixture
def machine(team: Team) -> Machine:
    """A machine with the published dataset `x`, strict, of two files."""
    return team.existing("ann")
