import pytest

from entrepot.errors import MetadataMissing
from entrepot.workspace.projects.updates import NewVersions, initialise_metadata, reconcile, update_metadata
from tests.support.machines import Machine, Team, publish


def test_new_versions_are_counted_by_entity(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    for name in ("c", "d"):
        machine.write(f"datasets/x/data/{name}", name)
        publish(machine, "datasets", "x")
    assert update_metadata(other.state()) == (NewVersions("x", 2, 3),)
    assert update_metadata(other.state()) == ()
    assert other.ok("datasets", "update") == "no new versions\n"


def test_a_local_version_whose_number_is_published_is_lost_but_kept(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    for who in (machine, other):
        who.write("datasets/x/data/c", str(who.folder))
        who.ok("datasets", "add", "x", "--bumpversion")
        who.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    outcome = other.run("datasets", "update")
    assert "x: 1 new version (latest 2)" in outcome.out
    assert "WARNING - vision__images__x__2 was published by someone else" in outcome.err
    refs = other.state().metadata.refs()
    assert set(refs.lost) == {"vision__images__x__2"}
    assert refs.unpublished == {}
    reconcile(other.state())
    assert other.files("datasets/x/data")["c"] == str(other.folder).encode()


def test_a_kind_without_a_remote(machine: Machine) -> None:
    for function in (initialise_metadata, update_metadata):
        with pytest.raises(MetadataMissing):
            function(machine.state("models"))
