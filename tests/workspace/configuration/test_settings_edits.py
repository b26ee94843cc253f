from pathlib import Path

import pytest

from entrepot.errors import ConfigError, InvalidArgument, UrlRefused
from entrepot.workspace.configuration.config_files import read_config
from entrepot.workspace.configuration.settings_edits import ConfigFile
from entrepot.workspace.configuration.tables import StorageSettings
from entrepot.workspace.entities.kinds import DATASETS


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    return ConfigFile.of(tmp_path / "project", tmp_path, {})


def test_a_remote_is_set_changed_and_removed(file: ConfigFile, tmp_path: Path) -> None:
    assert file.set_remote(DATASETS, "https://a/b", folder=tmp_path) is None
    assert file.set_remote(DATASETS, "https://a/b", folder=tmp_path) is None
    assert file.set_remote(DATASETS, "https://a/c", folder=tmp_path) == "https://a/b"
    with pytest.raises(UrlRefused):
        file.set_remote(DATASETS, "x; y", folder=tmp_path)
    assert read_config(file.path) == {"datasets": {"git": "https://a/c"}}
    assert file.delete_remote(DATASETS) == "https://a/c"
    with pytest.raises(ConfigError):
        file.delete_remote(DATASETS)


def test_a_storage_of_aws_has_the_region_of_its_profile(file: ConfigFile, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nregion = eu-1\n[profile mlgit]\nregion = eu-2\n")
    assert file.add_storage("s3h", "a", StorageSettings())
    assert file.add_storage("s3h", "b", StorageSettings(credentials="mlgit", endpoint_url="http://e"))
    assert file.add_storage("s3h", "c", StorageSettings(credentials="other"))
    assert not file.add_storage("s3h", "a", StorageSettings(region="r"))
    assert read_config(file.path)["storages"]["s3h"] == {
        "a": {"aws-credentials": {"profile": "default"}, "region": "r", "endpoint-url": ""},
        "b": {"aws-credentials": {"profile": "mlgit"}, "region": "eu-2", "endpoint-url": "http://e"},
        "c": {"aws-credentials": {"profile": "other"}, "region": "us-east-1", "endpoint-url": ""},
    }
    for bucket in ("a", "b", "c"):
        file.delete_storage("s3h", bucket)
    assert read_config(file.path) == {"storages": {}}
    with pytest.raises(ConfigError):
        file.delete_storage("s3h", "a")


def test_other_storages_keep_what_they_need(file: ConfigFile) -> None:
    file.add_storage("sftph", "f", StorageSettings(username="u", port=22, private_key="k", endpoint_url="h"))
    file.add_storage("gdriveh", "g", StorageSettings(credentials="c.json"))
    assert read_config(file.path)["storages"] == {
        "gdriveh": {"g": {"credentials-path": "c.json"}},
        "sftph": {"f": {"endpoint-url": "h", "port": 22, "private-key": "k", "username": "u"}},
    }
    with pytest.raises(InvalidArgument):
        file.add_storage("tape", "t", StorageSettings())


def test_single_values_are_typed(file: ConfigFile) -> None:
    assert file.set_value("push_threads_count", "4") == 4
    file.set_value("datasets.git", "https://a/b")
    assert read_config(file.path) == {"push_threads_count": 4, "datasets": {"git": "https://a/b"}}
    with pytest.raises(ConfigError):
        file.set_value("colour", "red")
