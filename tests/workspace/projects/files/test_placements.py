from pathlib import Path

import pytest

from entrepot.errors import CannotWrite, Refused
from entrepot.names import RepoPath
from entrepot.workspace.projects.files import placements
from entrepot.workspace.projects.files.placements import check_places, remove_files
from tests.support.machines import Machine, Team, publish


def test_nothing_is_written_through_a_link(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (machine.folder / "datasets/x/data/sub").symlink_to(tmp_path / "outside")
    entity = machine.entity("x")
    check_places(entity, ["data/a", "data/new/deep/f"])
    with pytest.raises(Refused, match="a link is in the place"):
        check_places(entity, ["data/sub/f"])
    with pytest.raises(Refused, match="a file is in the place"):
        check_places(entity, ["data/a/f"])
    with pytest.raises(Refused, match="is in the place of a file"):
        check_places(entity, ["data"])


def test_folders_that_become_empty_are_removed(machine: Machine) -> None:
    machine.write("datasets/x/deep/er/f", "f")
    remove_files(machine.entity("x"), ["deep/er/f", "deep/none"])
    assert not (machine.folder / "datasets/x/deep").exists()
    assert (machine.folder / "datasets/x/data").is_dir()


@pytest.mark.parametrize("step", ["_place", "remove_files", "_write_document", "_record"])
def test_a_checkout_that_is_interrupted_is_completed_by_the_next_command(
    team: Team, machine: Machine, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    machine.write("datasets/x/data/c", "three")
    machine.write("datasets/x/data/c2", "three")
    publish(machine, "datasets", "x")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x", "--version=1")

    def stop(*_: object, **__: object) -> None:
        raise CannotWrite("x", "the machine was switched off")

    with monkeypatch.context() as patch:
        patch.setattr(placements, step, stop)
        assert other.run("datasets", "checkout", "x").code == 1
    assert other.ok("datasets", "branch", "x").startswith("('vision__images__x__2'")
    assert other.files("datasets/x/data") == {"b": b"two", "c": b"three", "c2": b"three"}
    assert "version: 2" in (other.folder / "datasets/x/x.spec").read_text()
    assert other.ok("datasets", "status", "x").split("\n    ")[1:] == []


def test_rows_of_placed_files_are_trusted_only_when_they_are_old(machine: Machine) -> None:
    machine.ok("datasets", "checkout", "x", "--force")
    assert machine.state().database.files("x")[RepoPath("data/a")].entry.size == 3


def test_a_workspace_that_is_a_link_is_not_written_to(machine: Machine, tmp_path: Path) -> None:
    (machine.folder / "datasets").rename(tmp_path / "elsewhere")
    (machine.folder / "datasets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="a link is in the place"):
        check_places(machine.entity("x"), ["data/a"])
