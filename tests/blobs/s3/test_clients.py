from __future__ import annotations

import pathlib

import pytest

from entrepot.blobs.s3.aws_profiles import AwsCredentials
from entrepot.blobs.s3.clients import check_endpoint, client_options, s3_client
from entrepot.errors import InvalidArgument, StorageRefused


def test_an_endpoint_is_a_url_with_or_without_tls() -> None:
    assert check_endpoint("http://127.0.0.1:8333")
    assert not check_endpoint("https://s3.example.org")
    assert not check_endpoint(None)
    with pytest.raises(InvalidArgument, match="is not a URL"):
        check_endpoint("s3.example.org")


def test_a_file_of_certificates_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    found = client_options({"AWS_CA_BUNDLE": str(tmp_path / "ca.pem")}, "AWS_CA_BUNDLE", is_plain=False, timeout_s=5)
    assert found["root_certificate"] == b"pem"
    with pytest.raises(InvalidArgument, match="which AWS_CA_BUNDLE names"):
        client_options({"AWS_CA_BUNDLE": str(tmp_path / "none")}, "AWS_CA_BUNDLE", is_plain=False, timeout_s=5)


def test_a_service_of_ones_own_needs_keys() -> None:
    with pytest.raises(StorageRefused, match="no keys"):
        s3_client(
            "bucket",
            AwsCredentials("role of this machine", None, None),
            endpoint="http://127.0.0.1:1",
            region=None,
            environ={},
            name="s3://bucket",
            retry={},
            timeout_s=5,
            requirement="entrepot[s3]",
        )
