import pytest

from entrepot.errors import ConfigError, InvalidName, NothingToCommit, VersionTaken
from entrepot.workspace.projects.changes.commits import check_free, commit_version
from entrepot.workspace.state.rows import Extent
from tests.support.machines import Machine, git


def staged(machine: Machine, name: str = "c") -> None:
    machine.write(f"datasets/x/data/{name}", name)
    machine.ok("datasets", "add", "x")


def test_a_commit_is_local_and_moves_the_head(machine: Machine) -> None:
    staged(machine)
    report = commit_version(machine.entity("x"), version=4, message="four")
    assert (report.tag, report.number, report.files, report.bytes) == ("vision__images__x__4", 4, 3, 7)
    state = machine.state()
    head = state.database.head("x")
    assert head is not None
    assert (head.tag, head.commit, head.base, head.extent) == (
        report.tag,
        report.commit,
        "vision__images__x__1",
        Extent.FULL,
    )
    assert state.database.staged("x") == {}
    assert set(state.database.files("x")) == {"data/a", "data/b", "data/c"}
    assert set(state.metadata.refs().unpublished) == {report.tag}
    assert machine.entity("x").spec().version == 4
    assert git(state.metadata.folder, "log", "-1", "--format=%B", report.commit).strip() == "four"
    assert (state.folder / "refs/x/HEAD").read_text() == f"{report.tag}: {report.commit}\n"


def test_the_committed_spec_has_amount_and_size(machine: Machine) -> None:
    staged(machine)
    report = commit_version(machine.entity("x"), version=2)
    text = git(machine.state().metadata.folder, "show", f"{report.commit}:x/x.spec")
    assert "amount: 3\n    files: MANIFEST.yaml\n    size: 7 B\n" in text


def test_there_must_be_something_new(machine: Machine) -> None:
    with pytest.raises(NothingToCommit, match='use "ml-git datasets add"'):
        commit_version(machine.entity("x"), version=2)
    for name in ("a", "b"):
        (machine.folder / "datasets/x/data" / name).unlink()
    machine.ok("datasets", "add", "x")
    with pytest.raises(NothingToCommit):
        commit_version(machine.entity("x"), version=2)


def test_a_number_is_used_once(machine: Machine) -> None:
    staged(machine)
    with pytest.raises(VersionTaken, match="the next free number is 2"):
        commit_version(machine.entity("x"))
    with pytest.raises(InvalidName):
        commit_version(machine.entity("x"), version=0)
    identity = machine.entity("x").spec().identity
    check_free(machine.state().metadata.refs(), identity, 2)


def test_an_author_must_be_known(machine: Machine) -> None:
    staged(machine)
    (machine.home / ".gitconfig").unlink()
    with pytest.raises(ConfigError, match="user"):
        commit_version(machine.entity("x"), version=2)
    assert machine.state().metadata.refs().unpublished == {}


def test_a_branch_never_contains_versions_of_others_that_are_not_pushed(machine: Machine) -> None:
    staged(machine)
    commit_version(machine.entity("x"), version=2)
    first = machine.state().metadata.refs().unpublished["vision__images__x__2"].commit
    staged(machine, "d")
    report = commit_version(machine.entity("x"), version=3)
    folder = machine.state().metadata.folder
    assert git(folder, "rev-parse", f"{report.commit}^").strip() == first
    assert git(folder, "rev-parse", f"{first}^").strip() == str(machine.state().metadata.head())
