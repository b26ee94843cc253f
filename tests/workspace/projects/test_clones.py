import subprocess
from pathlib import Path

import pytest

from entrepot.errors import GitFailed, Malformed, Refused, UrlRefused
from entrepot.workspace.projects.clones import clone_project, push_settings, set_settings_remote
from entrepot.workspace.projects.projects import Surroundings
from tests.support.machines import Machine, Team, git


@pytest.fixture
def settings(team: Team, machine: Machine) -> Path:
    """The bare repository to which the configuration of the machine was pushed."""
    bare = team.place / "settings.git"
    subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
    set_settings_remote(machine.project(), str(bare), machine.folder)
    assert push_settings(machine.project(), "first")
    return bare


def around(machine: Machine) -> Surroundings:
    return Surroundings(machine.variables, machine.home)


def test_only_the_configuration_is_pushed_and_only_if_it_changed(settings: Path, machine: Machine) -> None:
    assert git(settings, "ls-tree", "-r", "--name-only", "HEAD").split() == [".gitignore", ".ml-git/config.yaml"]
    assert not push_settings(machine.project())
    machine.ok("repository", "storage", "add", "another")
    assert push_settings(machine.project())
    assert git(settings, "log", "--format=%s").splitlines() == ["Update the ml-git configuration", "first"]


def test_a_clone_is_ready_to_use(settings: Path, team: Team, machine: Machine) -> None:
    place = team.place / "clones"
    place.mkdir()
    project = clone_project(str(settings), None, place, around(machine))
    assert project.root == place / "settings"
    assert (project.root / ".git").is_dir()
    state = project.configured()[0]
    assert set(state.metadata.refs().tags) == {"vision__images__x__1"}
    assert not (
        clone_project(str(settings), Path("b"), place, around(machine), is_untracked=True).root / ".git"
    ).exists()
    with pytest.raises(Refused, match="not empty"):
        clone_project(str(settings), Path("b"), place, around(machine))
    assert sorted(path.name for path in place.iterdir()) == ["b", "settings"]


def test_a_clone_that_fails_leaves_no_folder(team: Team, machine: Machine) -> None:
    place = team.place / "clones"
    place.mkdir()
    empty = team.place / "empty.git"
    subprocess.run(["git", "init", "-q", "--bare", empty], check=True)
    for url, error in ((str(empty), Malformed), (str(team.place / "none.git"), GitFailed), ("x; y", UrlRefused)):
        with pytest.raises(error):
            clone_project(url, Path("c"), place, around(machine))
        assert list(place.iterdir()) == []


def test_a_project_outside_of_git_has_nowhere_to_push(machine: Machine) -> None:
    with pytest.raises(Refused, match="not in a git repository"):
        push_settings(machine.project())


def test_state_and_links_in_cloned_settings_are_not_trusted(settings: Path, team: Team, machine: Machine) -> None:
    clone = team.place / "evil"
    git(team.place, "clone", "-q", str(settings), str(clone))
    identity = ("-c", "user.name=e", "-c", "user.email=e@e")
    (clone / ".ml-git/datasets").symlink_to(team.place)
    (clone / ".ml-git/labels/refs").mkdir(parents=True)
    (clone / ".ml-git/labels/refs/x").write_text("x")
    git(clone, "add", "-fA")
    git(clone, *identity, "commit", "-qm", "state")
    git(clone, "push", "-q", "origin", "HEAD")
    place = team.place / "clones"
    place.mkdir()
    project = clone_project(str(settings), Path("a"), place, around(machine))
    assert not (project.root / ".ml-git/datasets").is_symlink()
    assert not (project.root / ".ml-git/labels").exists()
    (clone / "datasets").symlink_to(team.place)
    git(clone, "add", "-fA")
    git(clone, *identity, "commit", "-qm", "link")
    git(clone, "push", "-q", "origin", "HEAD")
    with pytest.raises(Malformed, match="is a link"):
        clone_project(str(settings), Path("b"), place, around(machine))
    assert [path.name for path in place.iterdir()] == ["a"]
