from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument, PathMissing, Refused
from entrepot.workspace.entities.samples import Sample
from entrepot.workspace.projects.transfers.checkouts import FileSelection, checkout_version, fetch_version
from entrepot.workspace.state.rows import Extent
from tests.support.machines import Machine, Team, publish, team_with_dataset
from tests.support.prepared_folders import PreparedFolders


def with_two_versions(place: Path) -> Team:
    """Return a team with a second machine, where `x` has the versions 1 (a, b) and 2 (b, c, sub/d)."""
    team = team_with_dataset(place)
    machine = team.existing("ann")
    (machine.folder / "datasets/x/data/a").unlink()
    machine.write("datasets/x/data/c", "c")
    machine.write("datasets/x/data/sub/d", "two")
    publish(machine, "datasets", "x")
    team.machine("bob")
    return team


@pytest.fixture
def team(request: pytest.FixtureRequest, prepared_folders: PreparedFolders) -> Team:
    return prepared_folders.lay_out(with_two_versions if "other" in request.fixturenames else team_with_dataset)


@pytest.fixture
def other(team: Team) -> Machine:
    return team.existing("bob")


def test_only_what_differs_is_changed(other: Machine) -> None:
    state = other.state()
    first = checkout_version(state, "x", 1)
    assert (first.files, first.changed, first.kept, first.removed) == (2, 2, 0, 0)
    second = checkout_version(state, "vision__images__x__2")
    assert (second.files, second.changed, second.kept, second.removed) == (3, 2, 1, 1)
    assert checkout_version(state, "x").changed == 0
    assert set(other.files("datasets/x/data")) == {"b", "c", "sub/d"}


def test_a_part_of_a_version(other: Machine) -> None:
    state = other.state()
    report = checkout_version(state, "x", selection=FileSelection(patterns=("data/sub",)))
    assert report.files == 1
    assert state.database.heads()["x"].extent is Extent.SAMPLE
    checkout_version(state, "x", selection=FileSelection(Sample("range", "0:2")))
    assert set(other.files("datasets/x/data")) == {"b", "c", "sub/d"}
    with pytest.raises(PathMissing):
        checkout_version(state, "x", selection=FileSelection(patterns=("none*",)))
    with pytest.raises(InvalidArgument):
        checkout_version(state, "x", selection=FileSelection(Sample("range", "0:9")))


def test_a_commit_on_a_part_edits_the_whole_version(other: Machine, machine: Machine) -> None:
    checkout_version(other.state(), "x", selection=FileSelection(is_bare=True))
    assert set(other.files("datasets/x")) == {"x.spec", "README.md"}
    other.write("datasets/x/data/e", "e")
    publish(other, "datasets", "x")
    machine.ok("datasets", "update")
    machine.ok("datasets", "checkout", "x")
    assert set(machine.files("datasets/x/data")) == {"b", "c", "e", "sub/d"}


def test_a_file_that_a_bare_checkout_left_out_is_not_overwritten(other: Machine) -> None:
    checkout_version(other.state(), "x", selection=FileSelection(is_bare=True))
    other.write("datasets/x/data/c", "another")
    other.write("datasets/x/data/b", "two")
    outcome = other.run("datasets", "add", "x", "--bumpversion")
    assert outcome.code == 3
    assert "    data/c\n" in outcome.out
    assert other.state().database.staged("x") == {}


def test_fetched_contents_need_no_store_later(other: Machine, team: Team) -> None:
    state = other.state()
    tag, counts = fetch_version(state, "x")
    assert (tag, counts.files) == ("vision__images__x__2", 2)  # two files have one content
    team.place.joinpath("bucket").rename(team.place / "gone")
    assert checkout_version(state, "x").changed == 3
    assert list(state.drafts.iterdir()) == []


def test_a_local_version_is_checked_out_from_the_outbox(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c" * 1000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    checkout_version(machine.state(), "x", 1)
    assert set(machine.files("datasets/x/data")) == {"a", "b"}
    checkout_version(machine.state(), "x", 2)
    assert machine.files("datasets/x/data")["c"] == b"c" * 1000


def test_a_folder_that_is_a_link_is_not_followed(other: Machine, team: Team) -> None:
    (team.place / "outside").mkdir()
    (other.folder / "datasets/x").mkdir(parents=True)
    (other.folder / "datasets/x/data").symlink_to(team.place / "outside")
    with pytest.raises(Refused, match="a link is in the place"):
        checkout_version(other.state(), "x")
    assert list((team.place / "outside").iterdir()) == []


def test_a_folder_may_take_the_place_of_a_file_and_the_other_way_round(team: Team, machine: Machine) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    machine.write("datasets/x/data/a/inner", "inner")
    publish(machine, "datasets", "x")
    other = team.machine("bob")
    for number, names in ((1, {"a", "b"}), (2, {"a/inner", "b"}), (1, {"a", "b"})):
        checkout_version(other.state(), "x", number)
        assert set(other.files("datasets/x/data")) == names
    (other.folder / "datasets/x/data/a").unlink()
    (other.folder / "datasets/x/data/a/empty").mkdir(parents=True)
    checkout_version(other.state(), "x", 1)
    assert set(other.files("datasets/x/data")) == {"a", "b"}
    checkout_version(other.state(), "x", 2)
    other.write("datasets/x/data/a/mine", "mine")
    with pytest.raises(Refused, match="is in the place of a file"):
        checkout_version(other.state(), "x", 1)
    assert set(other.files("datasets/x/data")) == {"a/inner", "a/mine", "b"}
