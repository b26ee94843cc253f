import pytest

from entrepot.errors import ConfigError, EntityAmbiguous, EntityMissing, InvalidPath, Malformed, Refused, SourceMissing
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.projects.entities import create_entity, entity_folders, find_entity
from tests.support.machines import Machine


def test_entities_are_found_by_name_or_folder(machine: Machine) -> None:
    state = machine.state()
    create_entity(state, "y", ["c"], Mutability.STRICT, folder="a/b")
    create_entity(state, "y", ["c"], Mutability.STRICT, folder="z")
    machine.write("datasets/x/data/inner/inner.spec", "not an entity")
    assert entity_folders(state.workspace) == ["a/b/y", "x", "z/y"]
    assert find_entity(state, "x").folder == "x"
    assert find_entity(state, "a\\b\\y").folder == "a/b/y"
    with pytest.raises(EntityAmbiguous, match="a/b/y, z/y"):
        find_entity(state, "y")
    with pytest.raises(EntityMissing, match="checkout none"):
        find_entity(state, "none")


def test_the_only_storage_is_the_default(machine: Machine) -> None:
    entity = create_entity(machine.state(), "y", ["c"], Mutability.FLEXIBLE, version=3)
    assert str(entity.spec().storage).startswith("file://")
    assert entity.spec().version == 3
    machine.ok("repository", "storage", "add", "second")
    with pytest.raises(ConfigError, match="--bucket-name"):
        create_entity(machine.state(), "z", ["c"], Mutability.STRICT)


def test_a_failed_creation_leaves_nothing(machine: Machine) -> None:
    state = machine.state()
    with pytest.raises(Refused):
        create_entity(state, "x", ["c"], Mutability.STRICT)
    with pytest.raises(SourceMissing):
        create_entity(state, "y", ["c"], Mutability.STRICT, source=machine.folder / "none")
    with pytest.raises(InvalidPath):
        create_entity(state, "y", ["c"], Mutability.STRICT, folder="../..")
    assert entity_folders(state.workspace) == ["x"]


def test_existing_data_can_be_imported(machine: Machine) -> None:
    machine.write("source/sub/f", "data")
    entity = create_entity(machine.state(), "y", ["c"], Mutability.STRICT, source=machine.folder / "source")
    assert (entity.path / "data/sub/f").read_text() == "data"


def test_a_spec_that_names_another_entity_is_refused(machine: Machine) -> None:
    spec = machine.folder / "datasets/x/x.spec"
    spec.write_text(spec.read_text().replace("name: x", "name: y"))
    with pytest.raises(Malformed, match="its folder is 'x'"):
        machine.entity("x").spec()
    spec.write_bytes(b"\xff")
    with pytest.raises(Malformed, match="UTF-8"):
        machine.entity("x").spec()
