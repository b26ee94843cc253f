"""Credentials of S3-compatible services."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.blobs.s3.aws_profiles import AwsCredentials, find_credentials
from entrepot.errors import ConfigError, StorageRefused

KEYS = {"AWS_ACCESS_KEY_ID": "envkey", "AWS_SECRET_ACCESS_KEY": "envsecret"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = defkey\naws_secret_access_key = defsecret\n"
        "[mlgit]\naws_access_key_id = mlkey\naws_secret_access_key = mls%cret\naws_session_token = tok\n"
    )
    (folder / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile mlgit]\nregion = eu-west-2\nendpoint_url = http://minio:9000\n"
        "[profile sso]\nsso_session = x\n[profile bare]\nregion = x\n"
    )
    return tmp_path


def find(profile: str, home: Path, **environ: str) -> AwsCredentials:
    return find_credentials(profile, environ, home, "s3h://data")


def test_a_profile(home: Path) -> None:
    found = find("mlgit", home)
    assert (found.key_id, found.secret, found.token) == ("mlkey", "mls%cret", "tok")
    assert (found.region, found.endpoint_url) == ("eu-west-2", "http://minio:9000")
    assert found.label == "profile 'mlgit'"


def test_the_environment_comes_before_the_default_profile_only(home: Path) -> None:
    assert find("default", home, **KEYS).key_id == "envkey"
    assert find("mlgit", home, **KEYS).key_id == "mlkey"
    assert find("default", home).key_id == "defkey"
    assert find("default", home, AWS_REGION="x").region == "x"


def test_files_elsewhere(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("[default]\naws_access_key_id=o\naws_secret_access_key=p\n")
    assert find("default", home, AWS_SHARED_CREDENTIALS_FILE=str(other)).key_id == "o"


@pytest.mark.parametrize("profile", ["absent", "bare", "sso"])
def test_a_profile_without_keys_is_named(home: Path, profile: str) -> None:
    with pytest.raises(StorageRefused, match=f"profile '{profile}'"):
        find(profile, home)


def test_without_any_keys_the_machine_may_have_a_role(tmp_path: Path) -> None:
    found = find("default", tmp_path)
    assert (found.key_id, found.label) == (None, "role of this machine")


def test_a_broken_file_is_named_without_its_content(home: Path) -> None:
    (home / ".aws" / "credentials").write_text("topsecret without section\n")
    with pytest.raises(ConfigError, match="credentials") as caught:
        find("mlgit", home)
    assert "topsecret" not in str(caught.value)


def test_secrets_are_not_shown(home: Path) -> None:
    assert "mls%cret" not in repr(find("mlgit", home))
