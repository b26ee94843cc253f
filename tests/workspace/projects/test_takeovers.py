from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.takeovers import needs_takeover, take_over
from entrepot.workspace.state.rows import Extent
from tests.support.machines import Machine


def lose_database(machine: Machine) -> None:
    for file in machine.state().folder.glob("workspace.sqlite3*"):
        file.unlink()


def test_files_that_are_not_there_are_not_taken_for_deleted(machine: Machine) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    (machine.folder / "datasets/x/data/b").chmod(0o644)
    machine.write("datasets/x/data/b", "changed")
    lose_database(machine)
    state = machine.state()
    assert needs_takeover(state)
    recover(state)
    assert not needs_takeover(state)
    head = state.database.head("x")
    assert head is not None
    assert (head.tag, head.extent) == ("vision__images__x__1", Extent.SAMPLE)
    assert list(state.database.files("x")) == ["data/b"]
    assert "corrupted files\n    data/b\n" in machine.ok("datasets", "status", "x")


def test_a_head_that_is_not_known_is_said_and_left_out(machine: Machine) -> None:
    lose_database(machine)
    folder = machine.state().folder / "refs/gone"
    folder.mkdir()
    (folder / "HEAD").write_text(f"a__gone__1: {'a' * 40}\n")
    said: list[str] = []
    state = machine.project(lambda level, text: said.append(f"{level}: {text}")).of_kind(machine.state().kind)
    take_over(state)
    assert said == ["warning: the version a__gone__1 is not known; its files are untracked now"]
    assert list(state.database.heads()) == ["x"]
