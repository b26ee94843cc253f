from pathlib import Path

import pytest

from entrepot.errors import ConfigError
from entrepot.workspace.configuration.state_folders import find_state_folders, private_keys
from tests.support.machines import Machine, Team, publish


def test_paths_of_a_project_are_below_it_and_those_of_its_user_absolute(tmp_path: Path) -> None:
    own = {"metadata_path": "state/m", "labels": {"index_path": "i"}}
    user = {"cache_path": "~/c", "index_path": "/i", "refs_path": "/r"}
    found = find_state_folders(tmp_path, Path("/home/u"), own, user)
    assert found["datasets", "metadata_path"] == tmp_path / "state/m"
    assert found["labels", "index_path"] == tmp_path / "i"
    assert found["datasets", "index_path"] == Path("/i")
    assert found["models", "cache_path"] == Path("/home/u/c")
    assert ("datasets", "refs_path") not in found
    assert private_keys(user) == ["refs_path"]
    assert set(find_state_folders(None, Path("/home/u"), {}, user)) == {
        (word, key) for word in ("datasets", "labels", "models") for key in ("cache_path", "index_path")
    }


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "../x",
        "a/../../x",
        "C:x",
        "~/x",
        ".git",
        ".git/hooks",
        "a/.GIT",
        "datasets",
        "models/x",
        ".",
        "/",
        "a\0b",
    ],
)
def test_paths_that_lead_out_or_to_something_else_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError):
        find_state_folders(tmp_path, tmp_path, {"cache_path": path}, {})


@pytest.mark.parametrize("value", [5, ["x"], {"x": "y"}, True])
def test_a_path_is_text(tmp_path: Path, value: object) -> None:
    for own in ({"cache_path": value}, {"labels": {"cache_path": value}}):
        with pytest.raises(ConfigError, match="path of a folder"):
            find_state_folders(tmp_path, tmp_path, own, {})


def test_a_link_in_a_project_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="through a link"):
        find_state_folders(tmp_path / "project", tmp_path, {"index_path": "link/x"}, {})
    with pytest.raises(ConfigError, match="absolute"):
        find_state_folders(tmp_path / "project", tmp_path, {}, {"index_path": "x"})


def test_the_state_of_a_project_is_where_its_configuration_says(team: Team, tmp_path: Path) -> None:
    machine = Machine.create(tmp_path, "carl")
    machine.ok("repository", "init")
    machine.ok("repository", "storage", "add", team.storage[1], "--type=file")
    machine.ok("repository", "remote", "datasets", "add", str(team.remote("datasets")))
    for key in ("metadata_path", "refs_path", "index_path", "object_path"):
        machine.ok("repository", "config", "set", key, f"places/{key}")
    machine.ok("datasets", "init")
    team.create(machine, "datasets", "y")
    machine.write("datasets/y/data/f", "f")
    publish(machine, "datasets", "y")
    places = machine.folder / "places"
    assert (places / "metadata_path/datasets/metadata/.git").is_dir()
    assert (places / "refs_path/datasets/refs/y/HEAD").is_file()
    assert list((places / "index_path/datasets/indexes").iterdir())
    assert list((places / "object_path").rglob("contents/*/*"))
    assert not (machine.folder / ".ml-git/datasets/metadata").exists()
    machine.ok("repository", "gc")
    assert machine.ok("datasets", "checkout", "y").startswith("vision__images__y__1: 1 file")


def test_metadata_that_is_elsewhere_is_not_forgotten(machine: Machine) -> None:
    machine.ok("repository", "config", "set", "metadata_path", "places")
    refused = machine.run("datasets", "init")
    assert refused.code == 1
    assert "move " in refused.err
    (machine.folder / "places/datasets").mkdir(parents=True)
    (machine.folder / ".ml-git/datasets/metadata").rename(machine.folder / "places/datasets/metadata")
    assert machine.ok("datasets", "tag", "list", "x") == "vision__images__x__1\n"


def test_a_key_without_effect_is_named(machine: Machine) -> None:
    (machine.home / ".mlgitconfig").write_text("metadata_path: /x\n")
    config = machine.folder / ".ml-git/config.yaml"
    config.write_text(config.read_text() + "git_size_limit: 5\n")
    said = machine.run("datasets", "list").err
    assert said.count("'metadata_path'") == 1
    assert said.count("'git_size_limit'") == 1
    assert machine.run("repository", "config", "set", "git_size_limit", "5").code == 1
    assert machine.run("repository", "config", "set", "cache_path", "/tmp").code == 1
    machine.ok("repository", "config", "set", "--global", "git_size_limit", "5")
    assert machine.project().configuration.limits.size_limit == 5
