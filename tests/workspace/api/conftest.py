"""A home with an identity for git, and a team."""

from pathlib import Path

import pytest

from tests.support.machines import Machine, Team, create_team


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    machine = Machine.create(tmp_path, "ann")
    for name, value in machine.variables.items():
        monkeypatch.setenv(name, value)
    return create_team(tmp_path)
