import pytest

from entrepot.errors import InvalidArgument, VersionMissing
from entrepot.workspace.projects.transfers.linked_checkouts import checkout_linked
from tests.support.machines import Machine, Team


def test_linked_versions_are_checked_out_too(team: Team, machine: Machine) -> None:
    machine.ok("repository", "remote", "labels", "add", str(team.remote("labels")))
    machine.ok("labels", "init")
    team.create(machine, "labels", "l", "mutable")
    for name in ("f", "g"):
        machine.write(f"labels/l/data/{name}", name)
        machine.ok("labels", "add", "l", "--bumpversion")
        machine.ok("labels", "commit", "l", *(["--dataset=x"] if name == "g" else []))
    machine.ok("labels", "push", "l")
    other = team.machine("bob", ("datasets", "labels"))
    reports = checkout_linked(other.state("labels"), "vision__images__l__2", ["dataset"])
    assert [report.tag for report in reports] == ["vision__images__x__1"]
    assert set(other.files("datasets/x/data")) == {"a", "b"}
    with pytest.raises(VersionMissing, match="not linked"):
        checkout_linked(other.state("labels"), "vision__images__l__1", ["dataset"])
    with pytest.raises(InvalidArgument):
        checkout_linked(other.state("labels"), "vision__images__l__2", ["labels"])
