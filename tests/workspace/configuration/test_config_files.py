from pathlib import Path

import pytest

from entrepot.errors import CannotWrite, ConfigError, Malformed
from entrepot.workspace.configuration.config_files import (
    config_path,
    load_configuration,
    read_config,
    replace_text,
    write_config,
)


def project(tmp_path: Path, text: str) -> Path:
    config_path(tmp_path).parent.mkdir(parents=True)
    config_path(tmp_path).write_text(text)
    return tmp_path


def test_the_project_wins_over_the_user_and_variables_over_both(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".mlgitconfig").write_text("verbose: error\npush_threads_count: 3\nstorages: {s3h: {a: {region: r}}}\n")
    root = project(tmp_path / "p", "verbose: debug\ndataset: {git: u}\nstorages: {s3h: {b: {}}}\ncolour: red\n")
    found = load_configuration(root, home, {"MLGIT_PUSH_THREADS_COUNT": "5", "VERBOSE": "stranger"})
    assert found.values["verbose"] == "debug"
    assert found.threads == 5
    assert found.git_url("datasets") == "u"
    assert found.storages == {"s3h": {"a": {"region": "r"}, "b": {}}}
    assert found.unknown == ("colour",)
    assert found.staging_copies
    assert load_configuration(None, home, {}).threads == 3


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../../x", "C:x"])
def test_paths_of_a_project_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    for text in (f'cache_path: "{path}"', f'datasets: {{cache_path: "{path}"}}'):
        root = project(tmp_path / str(len(text)), text)
        with pytest.raises(ConfigError):
            load_configuration(root, tmp_path, {})


@pytest.mark.parametrize("text", ["datasets: x", "storages: [1]", "- 1", "a: ["])
def test_values_of_the_wrong_type_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Malformed):
        load_configuration(project(tmp_path, text), tmp_path, {})
    with pytest.raises(ConfigError):
        load_configuration(project(tmp_path / "t", "push_threads_count: 0"), tmp_path, {})


def test_files_are_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "sub/config.yaml"
    write_config(path, {"a": [1]})
    assert path.read_text() == "a:\n  - 1\n"
    assert read_config(path) == {"a": [1]}
    assert read_config(tmp_path / "none") == {}
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotWrite):
        replace_text(tmp_path / "file" / "below", "y")
    assert [entry.name for entry in path.parent.iterdir()] == ["config.yaml"]
