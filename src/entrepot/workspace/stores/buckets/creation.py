"""Creation of buckets, which obstore cannot do: one signed request to an S3-compatible service, or a folder.

Source: Amazon S3 API reference, "CreateBucket"; "Signature Version 4".
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from entrepot.blobs.s3.aws_profiles import DEFAULT_REGION, AwsCredentials, find_credentials
from entrepot.blobs.s3.clients import check_endpoint
from entrepot.errors import InvalidArgument, StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.opening import folder_of
from entrepot.workspace.stores.values import StorageConfig

_TIMEOUT_S = 60.0
_OURS = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_CODE = re.compile(r"<Code>([^<]{1,80})</Code>")


def create_bucket(config: StorageConfig, *, environ: Mapping[str, str], home: Path) -> bool:
    """Create the bucket; return False if it exists.

    Raises:
        StorageRefused: the credentials may not create it.
        StorageUnreachable: the service does not answer, or fails.
        InvalidArgument: buckets of this storage cannot be created from here.
    """
    if config.kind == "file":
        folder = folder_of(config, home)
        is_new = not folder.is_dir()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageRefused(config.url, "user of this process", error.strerror or str(error)) from error
        return is_new
    if config.kind != "s3h":
        raise InvalidArgument(f"create the bucket {config.url} with the tools of its provider")
    found = find_credentials(config.profile, environ, home, config.url)
    if found.key_id is None or found.secret is None:
        raise StorageRefused(config.url, found.label, "a bucket can only be created with an access key")
    region = config.region or found.region or DEFAULT_REGION
    endpoint = config.endpoint_url or found.endpoint_url or f"https://s3.{region}.amazonaws.com"
    status, text = _send(config, found, endpoint, region)
    code = _CODE.search(text)
    reason = code[1] if code else f"status {status}"
    if status == 200:
        return True
    if status == 409 and reason in _OURS:
        return False
    if status in (401, 403):
        raise StorageRefused(config.url, found.label, reason)
    raise StorageUnreachable(config.url, reason)


def _send(config: StorageConfig, found: AwsCredentials, endpoint: str, region: str) -> tuple[int, str]:
    is_plain = check_endpoint(endpoint)
    url = urlsplit(endpoint)
    body = b"" if region == DEFAULT_REGION else _location(region)
    path = f"{url.path.rstrip('/')}/{quote(config.bucket, safe='')}"
    headers = sign_put(found, url.netloc, path, body, region, datetime.now(UTC))
    kind = http.client.HTTPConnection if is_plain else http.client.HTTPSConnection
    connection = kind(url.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("PUT", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(1 << 16).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise StorageUnreachable(config.url, str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _location(region: str) -> bytes:
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return (
        f'<CreateBucketConfiguration xmlns="{namespace}"><LocationConstraint>{region}</LocationConstraint>'
        "</CreateBucketConfiguration>"
    ).encode()


def sign_put(found: AwsCredentials, host: str, path: str, body: bytes, region: str, now: datetime) -> dict[str, str]:
    """Return the headers of a signed PUT request."""
    digest = hashlib.sha256(body).hexdigest()
    time = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": time}
    if found.token:
        headers["x-amz-security-token"] = found.token
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"PUT\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{found.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={found.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers
