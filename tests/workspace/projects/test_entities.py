import pytest

from entrepot.errors import (
    ConfigError,
    EntityAmbiguous,
    EntityMissing,
    InvalidPath,
    Malformed,
    Refused,
    StorageUnreachable,
)
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.exchange.entity_data import data_from
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
    full = data_from(machine.project().around, url="http://127.0.0.1:1/x")
    with pytest.raises(StorageUnreachable):
        create_entity(state, "y", ["c"], Mutability.STRICT, fill=full)
    with pytest.raises(InvalidPath):
        create_entity(state, "y", ["c"], Mutability.STRICT, folder="../..")
    assert entity_folders(state.workspace) == ["x"]


def test_existing_data_can_be_imported(machine: Machine) -> None:
    machine.write("source/sub/f", "data")
    fill = data_from(machine.project().around, source=machine.folder / "source")
    entity = create_entity(machine.state(), "y", ["c"], Mutability.STRICT, fill=fill)
    assert (entity.path / "data/sub/f").read_text() == "data"


def test_a_spec_that_names_another_entity_is_refused(machine: Machine) -> None:
    spec = machine.folder / "datasets/x/x.spec"
    spec.write_text(spec.read_text().replace("name: x", "name: y"))
    with pytest.raises(Malformed, match="its folder is 'x'"):
        machine.entity("x").spec()
    spec.write_bytes(b"\xff")
    with pytest.raises(Malformed, match="UTF-8"):
        machine.entity("x").spec()


def test_a_folder_that_the_user_moves_stays_the_same_entity(machine: Machine) -> None:
    (machine.folder / "datasets/deep/er").mkdir(parents=True)
    (machine.folder / "datasets/x").rename(machine.folder / "datasets/deep/er/x")
    assert "untracked files\n\ncorrupted files\n" in machine.ok("datasets", "status", "x")
    place = machine.folder / "datasets/deep/er/x/data/a"
    place.chmod(0o644)
    place.write_text("changed")
    machine.write("datasets/deep/er/x/data/c", "three")
    assert machine.run("datasets", "add", "x", "--bumpversion").code == 3
    assert machine.run("datasets", "checkout", "vision__images__x__1").code == 3
    assert place.read_text() == "changed"
    machine.ok("datasets", "checkout", "vision__images__x__1", "--force")  # where the version has it
    assert machine.files("datasets/x/data") == {"a": b"one", "b": b"two", "c": b"three"}
    assert not (machine.folder / "datasets/deep/er/x").exists()


def test_a_moved_entity_is_listed_once(machine: Machine) -> None:
    (machine.folder / "datasets/deep").mkdir()
    (machine.folder / "datasets/x").rename(machine.folder / "datasets/deep/x")
    machine.ok("datasets", "commit", "x", "--version=2")
    machine.ok("datasets", "push", "x")
    assert machine.ok("datasets", "list", "--long") == "deep/x\n"
    assert machine.ok("datasets", "tag", "list", "x").split() == ["vision__images__x__1", "vision__images__x__2"]


def test_paths_may_begin_with_the_folder_in_the_project(machine: Machine) -> None:
    entity = machine.entity("x")
    for text in ("data/a", ".\\data\\a", "datasets/x/data/a", str(machine.folder / "datasets/x/data/a")):
        assert entity.path_inside(text) == "data/a"
