from pathlib import Path

import pytest

from entrepot.errors import LocalChanges, Refused, VersionMissing
from entrepot.workspace.merging.merges import MergeReport, merge_version
from tests.support.killed_ml_git import kill_at
from tests.support.machines import Machine, Team, publish, team_with_dataset
from tests.support.prepared_folders import PreparedFolders

TAG = "vision__images__x__{}"


def with_two_versions(place: Path) -> Team:
    """Return a team whose second machine has version 1, and whose first one published version 2.

    In that one `a` is gone, and `c` and `d` are new.
    """
    team = team_with_dataset(place)
    team.machine("bob").ok("datasets", "checkout", "x")
    first = team.existing("ann")
    (first.folder / "datasets/x/data/a").unlink()
    for name in ("c", "d"):
        first.write(f"datasets/x/data/{name}", "same")
    publish(first, "datasets", "x")
    return team


@pytest.fixture
def team(prepared_folders: PreparedFolders) -> Team:
    return prepared_folders.lay_out(with_two_versions)


@pytest.fixture
def bob(team: Team) -> Machine:
    return team.existing("bob")


def commit(machine: Machine, name: str, *options: str) -> None:
    machine.write(f"datasets/x/data/{name}", f"of {machine.home}")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x", *options)


def test_a_lost_version_is_merged_with_the_one_that_was_faster(team: Team, machine: Machine, bob: Machine) -> None:
    commit(bob, "mine")
    assert bob.run("datasets", "push", "x").code == 3
    assert bob.ok("datasets", "merge", "x", TAG.format(2)) == f"merged {TAG.format(2)}: 2 files taken, 1 removed\n"
    bob.ok("datasets", "add", "x", "--bumpversion")
    bob.ok("datasets", "commit", "x")
    bob.ok("datasets", "push", "x")
    assert sorted(bob.files("datasets/x/data")) == ["b", "c", "d", "mine"]
    machine.ok("datasets", "update")
    machine.ok("datasets", "checkout", "x")
    assert machine.files("datasets/x/data") == bob.files("datasets/x/data")
    assert team.lost_tags() == []


def test_two_published_versions_with_a_common_one_are_merged(machine: Machine, bob: Machine) -> None:
    commit(bob, "mine", "--version=7")
    bob.ok("datasets", "push", "x")
    assert merge_version(bob.entity("x"), TAG.format(2)) == MergeReport(TAG.format(2), TAG.format(1), 2, 1)
    status = bob.ok("datasets", "status", "x")
    assert "    deleted:    data/a\n    new file:   data/c\n    new file:   data/d\n" in status
    assert (bob.folder / "datasets/x/data/c").stat().st_mode & 0o777 == 0o444
    machine.ok("datasets", "update")
    found = merge_version(machine.entity("x"), TAG.format(7))
    assert found == MergeReport(TAG.format(7), TAG.format(1), 1, 0)


def test_a_merge_is_known_to_the_next_merge(machine: Machine, bob: Machine) -> None:
    commit(bob, "mine")
    bob.ok("datasets", "update")
    bob.ok("datasets", "merge", "x", TAG.format(2))
    bob.ok("datasets", "add", "x", "--bumpversion")
    bob.ok("datasets", "commit", "x", "-m", "both")
    bob.ok("datasets", "push", "x")
    assert f"Message: both\n\nEntrepot-Merged: {TAG.format(2)}" in bob.ok("datasets", "log", "x")
    (machine.folder / "datasets/x/data/c").unlink()
    commit(machine, "e", "--version=9")
    machine.ok("datasets", "push", "x")
    bob.ok("datasets", "update")
    assert merge_version(bob.entity("x"), TAG.format(9)) == MergeReport(TAG.format(9), TAG.format(2), 1, 1)


def test_what_was_merged_is_forgotten_with_what_is_staged(bob: Machine) -> None:
    commit(bob, "mine", "--version=7")
    bob.ok("datasets", "update")
    bob.ok("datasets", "merge", "x", TAG.format(2))
    bob.ok("datasets", "reset", "x", "--hard")
    commit(bob, "more")
    assert "Entrepot-Merged" not in bob.ok("datasets", "log", "x")


@pytest.mark.parametrize("mode", ["--soft", "--mixed", "--hard"])
def test_a_merge_that_is_taken_back_is_one_again_unless_its_files_are_discarded(bob: Machine, mode: str) -> None:
    commit(bob, "mine", "--version=7")
    bob.ok("datasets", "update")
    bob.ok("datasets", "merge", "x", TAG.format(2))
    bob.ok("datasets", "add", "x", "--bumpversion")
    bob.ok("datasets", "commit", "x")
    bob.ok("datasets", "reset", "x", mode, "--reference=head~1")
    commit(bob, "more")
    is_merge = f"Entrepot-Merged: {TAG.format(2)}" in bob.ok("datasets", "log", "x")
    assert is_merge is (mode != "--hard")
    assert ("c" in bob.files("datasets/x/data")) is is_merge


def test_a_new_number_for_what_a_merge_has_staged_is_said(machine: Machine, bob: Machine) -> None:
    commit(bob, "mine", "--version=7")
    bob.ok("datasets", "push", "x")
    bob.ok("datasets", "merge", "x", TAG.format(2))
    added = bob.run("datasets", "add", "x", "--bumpversion")
    assert (added.code, added.out) == (0, "")
    assert "version 8 of what is staged" in added.err
    assert bob.run("datasets", "add", "x", "--bumpversion").out == "There is no new data to add\n"


def test_an_older_version_has_nothing_to_merge(machine: Machine, bob: Machine) -> None:
    assert merge_version(machine.entity("x"), TAG.format(1)) == MergeReport(TAG.format(1), TAG.format(1), 0, 0)


def test_a_file_that_both_have_changed_is_named_and_nothing_happens(bob: Machine) -> None:
    commit(bob, "c")
    bob.run("datasets", "update")
    before = bob.files("datasets/x/data")
    with pytest.raises(Refused, match="both versions have changed 'data/c'"):
        merge_version(bob.entity("x"), TAG.format(2))
    assert bob.files("datasets/x/data") == before


def test_a_file_in_the_place_of_a_folder_is_no_merge(bob: Machine) -> None:
    commit(bob, "c/inner")
    bob.run("datasets", "update")
    with pytest.raises(Refused, match="cannot be merged"):
        merge_version(bob.entity("x"), TAG.format(2))


def test_local_work_is_in_the_way(bob: Machine) -> None:
    bob.ok("datasets", "update")
    place = bob.write("datasets/x/data/c", "untracked")
    with pytest.raises(LocalChanges, match="data/c"):
        merge_version(bob.entity("x"), TAG.format(2))
    place.unlink()
    bob.write("datasets/x/data/staged", "staged")
    bob.ok("datasets", "add", "x")
    with pytest.raises(LocalChanges, match="data/staged"):
        merge_version(bob.entity("x"), TAG.format(2))


def test_only_versions_of_the_same_entity_are_merged(team: Team, bob: Machine) -> None:
    team.create(bob, "datasets", "y")
    bob.write("datasets/y/data/a", "y")
    with pytest.raises(Refused, match="no version of y is checked out"):
        merge_version(bob.entity("y"), TAG.format(1))
    publish(bob, "datasets", "y")
    with pytest.raises(VersionMissing, match="not a version of the checked out entity"):
        merge_version(bob.entity("x"), "vision__images__y__1")


@pytest.mark.parametrize("step", ["fetch_contents", "remove_files", "place_files"])
def test_a_killed_merge_is_completed_by_repeating_it(bob: Machine, step: str) -> None:
    commit(bob, "mine", "--version=7")
    bob.ok("datasets", "update")
    kill_at(bob, f"after merging.merges {step}", "datasets", "merge", "x", TAG.format(2))
    assert merge_version(bob.entity("x"), TAG.format(2)).taken == 2
    bob.ok("datasets", "add", "x", "--bumpversion")
    bob.ok("datasets", "commit", "x")
    bob.ok("datasets", "push", "x")
    assert sorted(bob.files("datasets/x/data")) == ["b", "c", "d", "mine"]
