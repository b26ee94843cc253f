from entrepot.names import Oid
from entrepot.workspace.projects.heads import finish_commit, head_path, read_head_files, write_head_file
from tests.support.machines import Machine


def test_scripts_find_the_head_in_a_file(machine: Machine) -> None:
    state, entity = machine.state(), machine.entity("x")
    write_head_file(entity, "t__1", Oid("a" * 40))
    assert head_path(state, "x").read_text() == f"t__1: {'a' * 40}\n"
    (state.folder / "refs/broken").mkdir()
    (state.folder / "refs/broken/HEAD").write_text("[")
    assert read_head_files(state) == {"t__1": "a" * 40}


def test_finishing_a_commit_twice_is_finishing_it_once(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c")
    machine.ok("datasets", "add", "x")
    for _ in range(2):
        finish_commit(machine.entity("x"), "t__2", Oid("b" * 40), "t__1")
    database = machine.state().database
    assert set(database.files("x")) == {"data/a", "data/b", "data/c"}
    assert database.staged("x") == {}
    assert database.base("t__2") == "t__1"
