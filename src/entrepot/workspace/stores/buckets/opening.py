"""Opening of buckets: the credentials of each kind of storage, and the options of its client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrepot.blobs.s3.aws_profiles import find_credentials
from entrepot.blobs.s3.clients import check_endpoint, client_options, s3_client
from entrepot.errors import InvalidArgument, LibraryMissing
from entrepot.workspace.stores.buckets.azure_accounts import find_account
from entrepot.workspace.stores.buckets.folders import FolderBucket
from entrepot.workspace.stores.buckets.interfaces import Bucket
from entrepot.workspace.stores.values import StorageConfig

if TYPE_CHECKING:
    from obstore.store import RetryConfig

_REQUIREMENT = "entrepot[workspace]"
_TIMEOUT_S = 3600
"""How long one request may take: that of a whole object, on a slow line."""


def open_bucket(config: StorageConfig, *, environ: Mapping[str, str], home: Path, retries: int) -> Bucket:
    """Return the bucket of a configuration, without its prefix; nothing is sent before its first use.

    Arguments and errors as ``open_store``.
    """
    opener = _OPENERS.get(config.kind)
    if opener is None:
        raise InvalidArgument(f"unknown storage type {config.kind[:60]!r}; use one of {', '.join(sorted(_OPENERS))}")
    if not config.bucket:
        raise InvalidArgument(f"the name of the bucket is missing in the storage {config.kind}")
    return opener(config, environ, home, retries)


def _open_s3(config: StorageConfig, environ: Mapping[str, str], home: Path, retries: int) -> Bucket:
    found = find_credentials(config.profile, environ, home, config.url)
    store = s3_client(
        config.bucket,
        found,
        endpoint=config.endpoint_url,
        region=config.region,
        environ=environ,
        name=config.url,
        retry=_retry_options(retries),
        timeout_s=_TIMEOUT_S,
        requirement=_REQUIREMENT,
    )
    from entrepot.workspace.stores.buckets.remote import RemoteBucket

    return RemoteBucket(store, config.url, found.label)


def _open_azure(config: StorageConfig, environ: Mapping[str, str], home: Path, retries: int) -> Bucket:
    try:
        from obstore.store import AzureStore
    except ImportError as error:
        raise LibraryMissing("obstore", _REQUIREMENT) from error
    from entrepot.workspace.stores.buckets.remote import RemoteBucket

    found = find_account(environ, home, config.url)
    endpoint = config.endpoint_url or found.endpoint_url
    is_plain = check_endpoint(endpoint)
    options: dict[str, Any] = {"account_name": found.name}
    for name, value in (("endpoint", endpoint), ("account_key", found.key), ("sas_key", found.signature)):
        if value:
            options[name] = value
    store = AzureStore(
        config.bucket,
        client_options=client_options(environ, "AZURE_CA_BUNDLE", is_plain=is_plain, timeout_s=_TIMEOUT_S),
        retry_config=_retry_options(retries),
        **options,
    )
    return RemoteBucket(store, config.url, found.label)


def _open_sftp(config: StorageConfig, environ: Mapping[str, str], home: Path, retries: int) -> Bucket:
    try:
        from entrepot.workspace.stores.buckets.sftp import SftpBucket
    except ImportError as error:
        raise LibraryMissing("paramiko", "entrepot[sftp]") from error
    return SftpBucket(config, environ, home, retries)


def _open_drive(config: StorageConfig, environ: Mapping[str, str], home: Path, retries: int) -> Bucket:
    try:
        from entrepot.workspace.stores.buckets.drive import DriveBucket
        from entrepot.workspace.stores.buckets.drive_calls import DriveClient
    except ImportError as error:
        raise LibraryMissing("google-auth", "entrepot[gdrive]") from error
    return DriveBucket(config, DriveClient(config, home, retries))


def _open_folder(config: StorageConfig, environ: Mapping[str, str], home: Path, retries: int) -> Bucket:
    return FolderBucket(folder_of(config, home), config.url)


def folder_of(config: StorageConfig, home: Path) -> Path:
    """Return the folder of a storage of type ``file``.

    Raises:
        InvalidArgument: the path is relative, so that it would depend on the current folder.
    """
    folder = home / config.bucket[2:] if config.bucket.startswith("~/") else Path(config.bucket)
    if not folder.is_absolute():
        raise InvalidArgument(f"the folder {config.bucket[:200]!r} of the storage is not an absolute path")
    return folder


def _retry_options(retries: int) -> RetryConfig:
    return {
        "max_retries": max(retries, 0),
        "retry_timeout": timedelta(minutes=10),
        "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=10), "base": 2},
    }


_Opener = Callable[[StorageConfig, Mapping[str, str], Path, int], Bucket]
_OPENERS: dict[str, _Opener] = {
    "s3h": _open_s3,
    "azureblobh": _open_azure,
    "gdriveh": _open_drive,
    "sftph": _open_sftp,
    "file": _open_folder,
}
