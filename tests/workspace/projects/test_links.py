import pytest

from entrepot.errors import EntityMissing, InvalidArgument, LinkBroken, Refused
from entrepot.workspace.entities.specs import VersionLink
from entrepot.workspace.projects.changes.commits import commit_version
from entrepot.workspace.projects.links import check_link, refuse_local_links
from tests.support.machines import Machine, Team


@pytest.fixture
def labels(team: Team, machine: Machine) -> Machine:
    """The machine with staged labels `l`."""
    machine.ok("repository", "remote", "labels", "add", str(team.remote("labels")))
    machine.ok("labels", "init")
    team.create(machine, "labels", "l", "mutable")
    machine.write("labels/l/data/f", "f")
    machine.ok("labels", "add", "l")
    return machine


def test_a_link_is_inherited_unless_it_is_dropped(team: Team, labels: Machine) -> None:
    entity = labels.entity("l", "labels")
    commit_version(entity, links={"dataset": "x"})
    labels.write("labels/l/data/g", "g")
    labels.ok("labels", "add", "l", "--bumpversion")
    second = commit_version(entity)
    assert second.inherited == ("vision__images__x__1",)
    labels.write("labels/l/data/h", "h")
    labels.ok("labels", "add", "l", "--bumpversion")
    commit_version(entity, inherits_links=False)
    shown = {number: labels.ok("labels", "show", "l", "--tag", f"vision__images__l__{number}") for number in (1, 2, 3)}
    sha = team.tags()["vision__images__x__1"]
    assert f"dataset:\n  sha: {sha}\n  tag: vision__images__x__1\n" in shown[1]
    assert ["dataset:" in text for text in shown.values()] == [True, True, False]


def test_an_entity_that_is_not_checked_out_cannot_be_linked(labels: Machine) -> None:
    entity = labels.entity("l", "labels")
    with pytest.raises(EntityMissing, match="Could not find an entity with the name 'none'"):
        commit_version(entity, links={"dataset": "none"})
    with pytest.raises(InvalidArgument):
        commit_version(entity, links={"labels": "l"})
    assert labels.state("labels").metadata.refs().unpublished == {}


def test_a_linked_version_is_published_first(labels: Machine) -> None:
    labels.write("datasets/x/data/c", "c")
    labels.ok("datasets", "add", "x", "--bumpversion")
    labels.ok("datasets", "commit", "x")
    labels.ok("labels", "commit", "l", "--dataset=x")
    refused = labels.run("labels", "push", "l")
    assert refused.code == 3
    assert "vision__images__x__2 is not published yet" in refused.err
    out = labels.ok("labels", "push", "l", "--all").splitlines()
    assert [line.split(":")[0] for line in out] == ["published vision__images__x__2", "published vision__images__l__1"]


def test_a_link_to_another_commit_is_broken(labels: Machine) -> None:
    check_link(VersionLink("t", "ab"), "abcd")
    with pytest.raises(LinkBroken):
        check_link(VersionLink("t", "ab"), "cdef")
    refuse_local_links([])
    with pytest.raises(Refused):
        refuse_local_links([(labels.state(), "vision__images__x__1")])
