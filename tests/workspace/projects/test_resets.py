import pytest

from entrepot.errors import Refused, VersionMissing
from entrepot.workspace.projects.resets import ResetMode, reset_entity
from tests.support.machines import Machine, Team


@pytest.fixture
def edited(machine: Machine) -> Machine:
    """`x` with a local version 2 (a changed is impossible: b deleted, c new) and the staged file d."""
    (machine.folder / "datasets/x/data/b").unlink()
    machine.write("datasets/x/data/c", "c")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.write("datasets/x/data/d", "d")
    machine.ok("datasets", "add", "x")
    return machine


def staged(machine: Machine) -> dict[str, str]:
    return {str(path): str(change.change) for path, change in machine.state().database.staged("x").items()}


def test_soft_keeps_everything_staged(edited: Machine) -> None:
    report = reset_entity(edited.entity("x"), ResetMode.SOFT, undoes_version=True)
    assert (report.head, report.undone) == ("vision__images__x__1", "vision__images__x__2")
    assert staged(edited) == {"data/b": "deleted", "data/c": "new file", "data/d": "new file"}
    edited.ok("datasets", "commit", "x")
    assert edited.ok("datasets", "branch", "x").startswith("('vision__images__x__2'")


def test_mixed_unstages_and_keeps_files(edited: Machine) -> None:
    reset_entity(edited.entity("x"), undoes_version=True)
    assert staged(edited) == {}
    assert set(edited.files("datasets/x/data")) == {"a", "c", "d"}
    status = edited.ok("datasets", "status", "x")
    assert "    data/c\n    data/d\n" in status
    assert "    deleted:    data/b\n" in status


def test_hard_restores_the_version_before(edited: Machine) -> None:
    edited.write("datasets/x/data/e", "untracked")
    reset_entity(edited.entity("x"), ResetMode.HARD, undoes_version=True)
    assert edited.files("datasets/x/data") == {"a": b"one", "b": b"two", "e": b"untracked"}
    assert staged(edited) == {}


def test_hard_without_undoing_restores_the_head(edited: Machine) -> None:
    (edited.folder / "datasets/x/data/c").unlink()
    reset_entity(edited.entity("x"), ResetMode.HARD)
    assert edited.files("datasets/x/data") == {"a": b"one", "c": b"c"}


def test_published_and_absent_versions_cannot_be_taken_back(team: Team, machine: Machine) -> None:
    with pytest.raises(Refused, match="is published"):
        reset_entity(machine.entity("x"), undoes_version=True)
    team.create(machine, "datasets", "y")
    with pytest.raises(VersionMissing):
        reset_entity(machine.entity("y"), undoes_version=True)


def test_the_first_version_can_be_taken_back(team: Team, machine: Machine) -> None:
    team.create(machine, "datasets", "y")
    machine.write("datasets/y/data/f", "f")
    machine.ok("datasets", "add", "y")
    machine.ok("datasets", "commit", "y")
    assert reset_entity(machine.entity("y"), ResetMode.SOFT, undoes_version=True).head is None
    assert machine.ok("datasets", "branch", "y") == "(None, None)\n"
    reset_entity(machine.entity("y"), ResetMode.HARD)
    assert set(machine.files("datasets/y")) == {"y.spec", "README.md"}
