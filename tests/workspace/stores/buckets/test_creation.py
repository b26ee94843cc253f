"""Creation of buckets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from entrepot.blobs.s3.aws_profiles import AwsCredentials
from entrepot.errors import InvalidArgument, StorageRefused, StorageUnreachable
from entrepot.workspace.stores import StorageConfig, create_bucket
from entrepot.workspace.stores.buckets.creation import sign_put
from tests.support.s3_server import READER, S3Server


def test_a_bucket_is_created_once(s3_server: S3Server) -> None:
    config = s3_server.config("created")
    assert create_bucket(config, environ=s3_server.environ(), home=s3_server.home)
    assert not create_bucket(config, environ=s3_server.environ(), home=s3_server.home)


def test_who_may_not_create_is_told(s3_server: S3Server) -> None:
    with pytest.raises(StorageRefused, match="AccessDenied"):
        create_bucket(s3_server.config("forbidden"), environ=s3_server.environ(READER), home=s3_server.home)


def test_a_folder_is_created(tmp_path: Path) -> None:
    config = StorageConfig("file", str(tmp_path / "a" / "b"))
    assert create_bucket(config, environ={}, home=tmp_path)
    assert not create_bucket(config, environ={}, home=tmp_path)


def test_buckets_that_cannot_be_created_say_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="azureblobh://x"):
        create_bucket(StorageConfig("azureblobh", "x"), environ={}, home=tmp_path)
    with pytest.raises(StorageRefused, match="access key"):
        create_bucket(StorageConfig("s3h", "x"), environ={}, home=tmp_path)
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.raises(StorageUnreachable):
        create_bucket(StorageConfig("s3h", "x", endpoint_url="http://127.0.0.1:1"), environ=keys, home=tmp_path)


def test_an_endpoint_that_is_no_url_is_refused_before_a_request_is_signed(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.raises(InvalidArgument, match=r"minio\.example:9000.*begins with http"):
        create_bucket(StorageConfig("s3h", "x", endpoint_url="minio.example:9000"), environ=keys, home=tmp_path)


def test_the_signature_covers_the_session_token() -> None:
    found = AwsCredentials("x", None, None, "key", "secret", "token")
    headers = sign_put(found, "s3.example.org", "/b", b"", "us-east-1", datetime(2026, 1, 2, tzinfo=UTC))
    assert headers["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token" in headers["authorization"]
    assert "Credential=key/20260102/us-east-1/s3/aws4_request" in headers["authorization"]
