import pytest

from entrepot.errors import EntityMissing, Refused
from entrepot.workspace.reports.listings import (
    add_user_tag,
    checked_out,
    delete_user_tag,
    list_entities,
    list_tags,
    render_tree,
)
from tests.support.machines import Machine, Team


def test_folders_are_drawn_as_a_tree() -> None:
    assert render_tree(["folderA/folderB/imagenet8", "folderA/b", "c"]) == [
        "|-- c",
        "|-- folderA",
        "|   |-- b",
        "|   |-- folderB",
        "|   |   |-- imagenet8",
    ]


def test_published_and_local_entities_are_listed(team: Team, machine: Machine) -> None:
    team.create(machine, "datasets", "y", "mutable", "--entity-dir=z")
    machine.write("datasets/z/y/data/f", "f")
    assert list_entities(machine.state()) == ["x"]
    machine.ok("datasets", "add", "y")
    machine.ok("datasets", "commit", "y")
    assert list_entities(machine.state()) == ["x", "z/y"]


def test_tags_of_users(machine: Machine) -> None:
    state = machine.state()
    assert add_user_tag(state, "x", "best") == "vision__images__x__1"
    assert [entry.tag for entry in list_tags(state, "x")] == ["vision__images__x__1"]
    assert [entry.tag for entry in list_tags(state, "x", has_user_tags=True)] == ["vision__images__x__1", "best"]
    assert machine.ok("datasets", "checkout", "best").startswith("vision__images__x__1:")
    for tag in ("best", "vision__images__x__7"):
        with pytest.raises(Refused):
            add_user_tag(state, "x", tag)
    with pytest.raises(EntityMissing):
        delete_user_tag(state, "x", "worst")
    with pytest.raises(Refused):
        delete_user_tag(state, "x", "vision__images__x__1")
    delete_user_tag(state, "x", "best")
    assert len(list_tags(state, "x", has_user_tags=True)) == 1


def test_a_local_version_gets_no_tag_of_users(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    with pytest.raises(Refused, match="not published"):
        add_user_tag(machine.state(), "x", "best")
    found = checked_out(machine.state(), "x")
    assert found is not None
    assert str(found[0]) == "vision__images__x__2"
    assert checked_out(machine.state(), "y") is None
