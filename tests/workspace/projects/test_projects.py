from pathlib import Path

import pytest

from entrepot.errors import ConfigError, InvalidArgument, MetadataMissing, ProjectExists, ProjectMissing
from entrepot.workspace.configuration.config_files import config_path, write_config
from entrepot.workspace.entities.kinds import DATASETS, LABELS
from entrepot.workspace.entities.specs import StorageRef
from entrepot.workspace.projects.projects import IGNORED, Surroundings, create_project, find_root, open_project


def test_a_project_is_created_once_and_found_from_below(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc")
    assert create_project(tmp_path) == tmp_path
    assert (tmp_path / ".gitignore").read_text() == f"*.pyc\n{IGNORED}"
    inside = tmp_path / "a/b"
    inside.mkdir(parents=True)
    assert find_root(inside) == tmp_path
    for folder in (tmp_path, inside):
        with pytest.raises(ProjectExists, match="nothing was changed"):
            create_project(folder)


def test_a_folder_outside_of_projects(tmp_path: Path) -> None:
    assert find_root(tmp_path) is None
    with pytest.raises(ProjectMissing, match="repository init"):
        open_project(tmp_path, Surroundings())


def test_unknown_keys_are_said_and_kinds_know_their_remotes(tmp_path: Path) -> None:
    said: list[str] = []
    create_project(tmp_path)
    write_config(config_path(tmp_path), {"colour": 1, "datasets": {"git": "https://a/b"}})
    project = open_project(tmp_path, Surroundings({}, tmp_path, notify=lambda level, text: said.append(level + text)))
    assert [state.kind for state in project.configured()] == [DATASETS]
    assert len(said) == 1
    assert "'colour'" in said[0]
    for kind, cure in ((DATASETS, "run 'ml-git datasets init'"), (LABELS, "remote labels add URL")):
        with pytest.raises(MetadataMissing, match=cure):
            project.of_kind(kind).initialised_metadata()


def test_settings_of_a_storage(tmp_path: Path) -> None:
    create_project(tmp_path)
    storages = {
        "s3h": {"b": {"aws-credentials": {"profile": "p"}, "region": "r", "endpoint-url": ""}},
        "sftph": {"f": {"port": "x"}},
    }
    write_config(config_path(tmp_path), {"storages": storages})
    project = open_project(tmp_path, Surroundings({}, tmp_path))
    found = project.storage(StorageRef("s3h", "b"))
    assert (found.profile, found.region, found.endpoint_url, found.url) == ("p", "r", None, "s3h://b")
    with pytest.raises(ConfigError, match="repository storage add c"):
        project.storage(StorageRef("s3h", "c"))
    for ref in (StorageRef("tape", "b"), StorageRef("sftph", "f")):
        with pytest.raises(InvalidArgument):
            project.storage(ref)
