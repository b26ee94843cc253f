from __future__ import annotations

import pytest

from entrepot.blobs.s3.locations import S3Location, parse_location
from entrepot.errors import InvalidArgument


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("s3://bucket", S3Location("bucket")),
        ("s3://bucket/hubs/one/", S3Location("bucket", "hubs/one")),
        (
            "s3://bucket/p?endpoint=http://127.0.0.1:8333&region=eu-1&profile=hub",
            S3Location("bucket", "p", "http://127.0.0.1:8333", "eu-1", "hub"),
        ),
    ],
)
def test_a_url_names_bucket_prefix_and_service(url: str, found: S3Location) -> None:
    assert parse_location(url) == found
    assert found.name == url.partition("?")[0].rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["", "bucket", "gs://bucket", "s3://B", "s3://bucket/a b", "s3://bucket/../x", "s3://bucket?a=1", "s3://[bucket"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_location(url)


@pytest.mark.parametrize(
    "url", ["s3://KEY:s3cret@bucket/prefix", "s3://bucket/prefix?endpoint=https://KEY:s3cret@127.0.0.1:9000"]
)
def test_credentials_in_the_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidArgument, match="AWS_ACCESS_KEY_ID") as caught:
        parse_location(url)
    assert "s3cret" not in str(caught.value)
