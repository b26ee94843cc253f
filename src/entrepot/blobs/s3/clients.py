"""Clients of S3-compatible services: endpoint, credentials, certificates and patience."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrepot.blobs.s3.aws_profiles import DEFAULT_REGION, AwsCredentials
from entrepot.errors import InvalidArgument, LibraryMissing, StorageRefused

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Store


def s3_client(
    bucket: str,
    found: AwsCredentials,
    *,
    endpoint: str | None,
    region: str | None,
    environ: Mapping[str, str],
    name: str,
    retry: RetryConfig,
    timeout_s: int,
    requirement: str,
) -> S3Store:
    """Return a client of a bucket; nothing is sent before its first use.

    Args:
        name: how messages name the bucket.
        timeout_s: how long one request may take at most.
        requirement: the argument for pip that installs the library.

    Raises:
        LibraryMissing: obstore is not installed.
        StorageRefused: an endpoint is given, but no keys.
        InvalidArgument: the endpoint is not a URL, or the file of certificates cannot be read.
    """
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise LibraryMissing("obstore", requirement) from error
    endpoint = endpoint or found.endpoint_url
    if endpoint and found.key_id is None:
        raise StorageRefused(name, found.label, "there are no keys in the environment or in ~/.aws/credentials")
    is_plain = check_endpoint(endpoint)
    options: dict[str, Any] = {"region": region or found.region or DEFAULT_REGION}
    for option, value in (
        ("endpoint", endpoint),
        ("access_key_id", found.key_id),
        ("secret_access_key", found.secret),
        ("session_token", found.token),
    ):
        if value:
            options[option] = value
    return S3Store(
        bucket,
        virtual_hosted_style_request=endpoint is None,
        checksum_algorithm="SHA256",
        unsigned_payload=not is_plain,
        client_options=client_options(environ, "AWS_CA_BUNDLE", is_plain=is_plain, timeout_s=timeout_s),
        retry_config=retry,
        **options,
    )


def check_endpoint(endpoint: str | None) -> bool:
    """Return whether an endpoint is reached without TLS.

    Raises:
        InvalidArgument: it is not a URL.
    """
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise InvalidArgument(f"the endpoint {endpoint[:200]!r} is not a URL that begins with http:// or https://")
    return endpoint is not None and endpoint.startswith("http://")


def client_options(environ: Mapping[str, str], bundle: str, *, is_plain: bool, timeout_s: int) -> ClientConfig:
    """Return the options of an HTTP client of obstore; the variable ``bundle`` may name a file of certificates.

    Raises:
        InvalidArgument: that file cannot be read.
    """
    options: ClientConfig = {
        "allow_http": is_plain,
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=60),
        "timeout": timedelta(seconds=timeout_s),
    }
    path = environ.get(bundle)
    if path:
        try:
            options["root_certificate"] = Path(path).read_bytes()
        except OSError as error:
            raise InvalidArgument(f"cannot read {path!r}, which {bundle} names: {error.strerror}") from error
    return options
