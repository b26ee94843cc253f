from __future__ import annotations

import json

import pytest

from entrepot.errors import EntityMissing, InvalidArgument, InvalidName, VersionMissing
from entrepot.workspace import MLGitAPI
from entrepot.workspace.api.entity_managers import COLUMNS, LocalEntity, LocalEntityManager
from tests.support.machines import Machine, Team, publish


@pytest.fixture
def machine(team: Team) -> Machine:
    """A machine with two versions of the dataset x, and a model that is linked to the second."""
    machine = team.machine("carl", ("datasets", "models"))
    team.create(machine, "datasets", "x")
    for name in ("a", "b"):
        machine.write(f"datasets/x/data/{name}", name)
        publish(machine, "datasets", "x")
    team.create(machine, "models", "net")
    machine.write("models/net/data/w", "w")
    machine.ok("models", "add", "net")
    machine.ok("models", "commit", "net", "--dataset=x")
    return machine


@pytest.fixture
def manager(machine: Machine) -> LocalEntityManager:
    return MLGitAPI(str(machine.folder)).init_local_entity_manager()


def test_entities_versions_and_links(manager: LocalEntityManager) -> None:
    assert manager.get_entities() == [LocalEntity("datasets", "x"), LocalEntity("models", "net")]
    assert [node.number for node in manager.get_entity_versions("x", "dataset")] == [1, 2]
    [linked] = manager.get_linked_entities("net", 1, "models")
    assert (linked.kind, linked.name, linked.number) == ("datasets", "x", 2)
    assert manager.get_linked_entities("x", 1, "datasets") == []
    with pytest.raises(EntityMissing):
        manager.get_entity_versions("net", "datasets")
    with pytest.raises(VersionMissing, match="1, 2"):
        manager.get_linked_entities("x", 3, "datasets")
    with pytest.raises(InvalidName):
        manager.get_entity_versions("x", "pictures")


def test_links_are_exported(manager: LocalEntityManager, machine: Machine) -> None:
    [row] = manager.get_entity_relationships("x", "datasets", "csv", str(machine.folder / "out"))
    assert list(row) == list(COLUMNS)
    lines = (machine.folder / "out/x-relationships.csv").read_text().splitlines()
    assert lines == [",".join(COLUMNS), ",".join(map(str, row.values()))]
    assert manager.get_project_entities_relationships(export_path=str(machine.folder / "out")) == [row]
    assert json.loads((machine.folder / "out/project-relationships.json").read_text()) == [row]
    with pytest.raises(InvalidArgument, match="xml"):
        manager.get_project_entities_relationships("xml")
    dot = manager.export_graph(str(machine.folder / "out"))
    assert (machine.folder / "out/ml-git-graph.dot").read_text() == dot
    assert "digraph" in dot
