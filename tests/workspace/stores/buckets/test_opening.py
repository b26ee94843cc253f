"""Opening of buckets from configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument, StorageRefused, StorageUnreachable
from entrepot.workspace.stores import StorageConfig
from entrepot.workspace.stores.buckets import Bucket
from entrepot.workspace.stores.buckets.opening import folder_of, open_bucket
from tests.support.s3_server import READER, S3Server

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "verysecret"}


def opened(config: StorageConfig, home: Path, **environ: str) -> Bucket:
    return open_bucket(config, environ=environ, home=home, retries=0)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (StorageConfig("ftp", "x"), "storage type 'ftp'"),
        (StorageConfig("s3h", ""), "name of the bucket"),
        (StorageConfig("s3h", "x", endpoint_url="minio:9000"), "http://"),
        (StorageConfig("file", "relative"), "absolute"),
    ],
)
def test_an_unusable_storage_configuration_is_refused(config: StorageConfig, text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=text):
        opened(config, tmp_path, **KEYS)


def test_an_endpoint_needs_keys(tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match="no keys"):
        opened(StorageConfig("s3h", "x", endpoint_url="http://127.0.0.1:1"), tmp_path)


def test_a_bundle_of_certificates_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="AWS_CA_BUNDLE"):
        opened(StorageConfig("s3h", "x"), tmp_path, **KEYS, AWS_CA_BUNDLE=str(tmp_path / "none"))


def test_a_folder_below_home(tmp_path: Path) -> None:
    assert folder_of(StorageConfig("file", "~/share"), tmp_path) == tmp_path / "share"


def test_a_server_that_is_down_is_named(tmp_path: Path) -> None:
    bucket = opened(StorageConfig("s3h", "x", endpoint_url="http://127.0.0.1:1"), tmp_path, **KEYS)
    with pytest.raises(StorageUnreachable, match="s3h://x") as caught:
        bucket.get("a", 10)
    assert "verysecret" not in str(caught.value)


def test_an_azure_container_opens(tmp_path: Path) -> None:
    environ = {"AZURE_STORAGE_ACCOUNT": "dev", "AZURE_STORAGE_KEY": "a2V5"}
    config = StorageConfig("azureblobh", "x", endpoint_url="http://127.0.0.1:1/dev")
    with pytest.raises(StorageUnreachable, match="azureblobh://x"):
        opened(config, tmp_path, **environ).get("a", 10)


def test_wrong_and_weak_credentials_are_refused(s3_server: S3Server, tmp_path: Path) -> None:
    config = s3_server.config("shared")
    wrong = open_bucket(config, environ=s3_server.environ(("writerkey", "no")), home=tmp_path, retries=0)
    with pytest.raises(StorageRefused, match=r"s3h://shared.*SignatureDoesNotMatch"):
        wrong.get("a", 10)
    reader = open_bucket(config, environ=s3_server.environ(READER), home=tmp_path, retries=0)
    assert reader.get("a", 10) is None
    with pytest.raises(StorageRefused, match="AccessDenied"):
        reader.put_new("a", b"")
