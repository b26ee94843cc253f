import pytest

from entrepot.errors import LockedByMutability, PathMissing
from entrepot.workspace.projects.changes.unlocks import unlock_files
from tests.support.machines import Machine, Team, publish


@pytest.fixture
def flexible(team: Team, machine: Machine) -> Machine:
    team.create(machine, "datasets", "f", "flexible")
    for name in ("a", "b"):
        machine.write(f"datasets/f/data/{name}", name)
    publish(machine, "datasets", "f")
    return machine


def test_an_unlocked_file_can_be_changed_once(flexible: Machine) -> None:
    place = flexible.folder / "datasets/f/data/a"
    assert unlock_files(flexible.entity("f"), ["data\\a"]) == ("data/a",)
    assert place.stat().st_mode & 0o777 == 0o644
    place.write_text("changed")
    publish(flexible, "datasets", "f")
    assert place.stat().st_mode & 0o777 == 0o444
    place.chmod(0o644)
    place.write_text("again")
    assert flexible.run("datasets", "add", "f").code == 3


def test_all_files_or_named_ones(flexible: Machine) -> None:
    entity = flexible.entity("f")
    with pytest.raises(PathMissing, match="data/none"):
        unlock_files(entity, ["data/a", "data/none"])
    assert (flexible.folder / "datasets/f/data/a").stat().st_mode & 0o777 == 0o444
    assert unlock_files(entity, [], unlocks_all=True) == ("data/a", "data/b")


def test_strict_entities_stay_locked(machine: Machine) -> None:
    with pytest.raises(LockedByMutability, match="cannot be strict"):
        unlock_files(machine.entity("x"), ["data/a"])
