from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from tests.support.commands import Run


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    hub = open_hub(Settings(data=folder))
    accounts.create_user(hub, "carol")
    hub.close()
    return folder


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_folder_may_be_named_before_and_after_the_command(run: Run, elsewhere: Path, place: str) -> None:
    flag, command = ["--data", str(elsewhere)], ["list-users"]
    outcome = run("admin", *(flag + command if place == "before" else command + flag), environ={})
    assert outcome.code == 0
    assert "carol" in outcome.out


def test_the_folder_after_the_command_wins(run: Run, elsewhere: Path, tmp_path: Path) -> None:
    outcome = run("admin", "--data", str(tmp_path / "no"), "list-users", "--data", str(elsewhere), environ={})
    assert "carol" in outcome.out


def test_the_folder_of_nested_commands_may_be_named_anywhere(run: Run, elsewhere: Path) -> None:
    for args in (
        ["--data", str(elsewhere), "jobs", "list"],
        ["jobs", "--data", str(elsewhere), "list"],
        ["jobs", "list", "--data", str(elsewhere)],
    ):
        assert run("admin", *args, environ={}).code == 0


def test_the_folder_may_stand_in_a_variable_or_a_file(run: Run, elsewhere: Path, tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(f'data = "{elsewhere}"\n')
    for environ in ({"ENTREPOT_DATA": str(elsewhere)}, {"ENTREPOT_CONFIG": str(file)}):
        assert "carol" in run("admin", "list-users", environ=environ).out
    assert "carol" in run("admin", "list-users", "--config", str(file), environ={}).out


@pytest.mark.parametrize(
    "args", [["list-users"], ["create-token", "alice", "--role", "read"], ["jobs", "list"], ["delete-user", "alice"]]
)
def test_a_folder_without_a_hub_is_refused_and_not_made(run: Run, data: Path, args: list[str]) -> None:
    outcome = run("admin", *args)
    assert outcome.code == 1
    assert (
        outcome.err == f"error: cannot open the data folder {data}: there is no hub in it; name another with --data, "
        "or create one with 'entrepot serve'\n"
    )
    assert not data.exists()
