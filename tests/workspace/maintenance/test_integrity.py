from pathlib import Path

from entrepot.workspace.maintenance.integrity import check_local, check_remote
from entrepot.workspace.stores import CheckLevel
from tests.support.machines import Machine, Team


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"\0" * path.stat().st_size)


def test_an_intact_project(machine: Machine) -> None:
    report = check_local(machine.state(), is_full=True)
    assert (report.objects, report.index, report.fixed, report.left) == (0, 0, 0, ())


def test_a_damaged_index_is_fetched_again(machine: Machine) -> None:
    indexes = [path for path in machine.state().indexes.rglob("*") if len(path.name) == 64]
    assert indexes
    for path in indexes:
        spoil(path)
    report = check_local(machine.state())
    assert (report.index, report.fixed, report.left) == (len(indexes), len(indexes), ())
    machine.write("datasets/x/data/c", "c")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")


def test_damage_that_the_times_do_not_tell_is_found_by_a_full_check(machine: Machine) -> None:
    import os

    place = machine.folder / "datasets/x/data/a"
    machine.ok("datasets", "status", "x")
    os.utime(place, ns=(1, 1))
    machine.ok("datasets", "status", "x")
    state = machine.state()
    row = state.database.files("x")["data/a"]
    place.chmod(0o644)
    place.write_text("bad")
    os.utime(place, ns=(1, 1))
    report = check_local(state, "x", is_full=True)
    assert row.state is not None
    assert report.objects == 1
    assert report.left[0].where == "x/data/a"
    assert check_local(state, "other").objects == 0
    assert check_local(state, is_full=True, fixes=True).fixed == 1
    assert place.read_text() == "one"


def test_changes_that_mutability_allows_are_no_damage(team: Team, machine: Machine) -> None:
    team.create(machine, "datasets", "m", "mutable")
    machine.write("datasets/m/data/f", "f")
    for command in ("add", "commit", "push"):
        machine.ok("datasets", command, "m")
    machine.write("datasets/m/data/f", "mine")
    assert check_local(machine.state(), fixes=True, is_full=True).objects == 0
    assert machine.files("datasets/m/data") == {"f": b"mine"}


def test_the_store_is_checked_for_one_version_or_all(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c" * 1000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    state = machine.state()
    one = check_remote(state, "x", CheckLevel.PARANOID)
    every = check_remote(state, "x", CheckLevel.PARANOID, has_all_versions=True)
    assert one.left == every.left == ()
    assert every.objects > one.objects > 0
    for path in Path(team.storage[1]).rglob("ws1/xorbs/**/*"):
        if path.is_file():
            path.unlink()
    other = team.machine("bob")
    assert check_remote(other.state(), "x").left
    assert other.run("datasets", "remote-fsck", "x").code == 4
    fixed = check_remote(state, "x")
    assert fixed.fixed_objects > 0
    assert fixed.left == ()
    assert other.run("datasets", "remote-fsck", "x", "--paranoid").code == 0
