"""A bucket behind a proxy that can fail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.blobs.s3.aws_profiles import AwsCredentials
from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.clients import s3_client
from entrepot.blobs.s3.plain_reads import plain_reads
from entrepot.blobs.s3.signing import UrlSigner
from entrepot.blobs.s3.stores import S3Blobs
from tests.blobs.conftest import NUMBERS
from tests.support.relay import Relay
from tests.support.s3_server import WRITER, S3Server


@pytest.fixture
def relay(s3_server: S3Server) -> Iterator[Relay]:
    found = Relay(s3_server.url)
    yield found
    found.close()


@pytest.fixture(params=["library", "plain"])
def bucket(request: pytest.FixtureRequest, relay: Relay) -> S3Bucket:
    """A new prefix, whose client waits only a moment before it tries again; objects are read in one of two ways."""
    client = s3_client(
        "shared",
        AwsCredentials("keys", None, None, *WRITER),
        endpoint=relay.url,
        region=None,
        environ={},
        name="s3://shared/p",
        retry={
            "max_retries": 2,
            "retry_timeout": timedelta(seconds=60),
            "backoff": {
                "init_backoff": timedelta(milliseconds=1),
                "max_backoff": timedelta(milliseconds=2),
                "base": 2,
            },
        },
        timeout_s=60,
        requirement="",
    )
    signer = UrlSigner("shared", "us-east-1", relay.url, *WRITER)
    plain = plain_reads(signer, {}) if request.param == "plain" else None
    return S3Bucket(client, "s3://shared/p", f"faults{next(NUMBERS)}/", signer, plain)


@pytest.fixture
def remote(bucket: S3Bucket, tmp_path: Path) -> S3Blobs:
    return S3Blobs(bucket, tmp_path / "scratch", 64 << 20)
