"""Opening of the bucket that holds the blobs of a hub."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from entrepot.blobs.s3.aws_profiles import DEFAULT_REGION, AwsCredentials, find_credentials
from entrepot.blobs.s3.clients import s3_client
from entrepot.blobs.s3.locations import S3Location
from entrepot.blobs.s3.plain_reads import plain_reads
from entrepot.blobs.s3.signing import UrlSigner
from entrepot.errors import EntrepotError, StoreUnavailable, StoreUnusable

if TYPE_CHECKING:
    from obstore.store import RetryConfig

    from entrepot.blobs.s3.buckets import S3Bucket

_REQUIREMENT = "entrepot[s3]"
_TIMEOUT_S = 300
# A request to the hub must end with 503 before its client gives up.
_RETRIES = 4
_RETRY_S = 15


def open_bucket(location: S3Location, environ: Mapping[str, str], home: Path) -> S3Bucket:
    """Return the bucket of a location, after checking that it can be listed and read.

    Args:
        environ: where ``AWS_*`` are, as for the tools of AWS.
        home: the folder with ``.aws``, for named profiles.

    Raises:
        StoreUnusable: the library or the keys are missing, the bucket does not exist, refuses the keys, or
            cannot be reached; the message says which, and never shows a secret.
    """
    try:
        found = find_credentials(location.profile, environ, home, location.name)
        client = s3_client(
            location.bucket,
            found,
            endpoint=location.endpoint,
            region=location.region,
            environ=environ,
            name=location.name,
            retry=_retry_options(),
            timeout_s=_TIMEOUT_S,
            requirement=_REQUIREMENT,
        )
        from entrepot.blobs.s3.buckets import S3Bucket

        prefix = f"{location.prefix}/" if location.prefix else ""
        signer = _signer(location, found)
        bucket = S3Bucket(client, location.name, prefix, signer, plain_reads(signer, environ))
        bucket.check()
    except StoreUnavailable as error:
        raise StoreUnusable(location.name, error.reason) from error
    except EntrepotError as error:
        raise StoreUnusable(location.name, error.message) from error
    return bucket


def _signer(location: S3Location, found: AwsCredentials) -> UrlSigner | None:
    """Return the signer of URLs for clients; None if the credentials are those of the machine's role, which change."""
    if found.key_id is None or found.secret is None:
        return None
    region = location.region or found.region or DEFAULT_REGION
    endpoint = location.endpoint or found.endpoint_url
    return UrlSigner(location.bucket, region, endpoint, found.key_id, found.secret, found.token)


def _retry_options() -> RetryConfig:
    return {
        "max_retries": _RETRIES,
        "retry_timeout": timedelta(seconds=_RETRY_S),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
    }
