"""Opening of stores: from a configuration to a bucket that answers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from entrepot.blobs.keys import check_prefix
from entrepot.errors import InvalidArgument, InvalidName
from entrepot.workspace.stores.buckets import PrefixedBucket
from entrepot.workspace.stores.buckets.opening import open_bucket
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.values import StorageConfig

_MAX_THREADS = 16


def open_store(
    config: StorageConfig,
    indexes: Path,
    *,
    environ: Mapping[str, str],
    home: Path,
    threads: int = 0,
    retries: int = 5,
) -> ChunkStore:
    """Return the store in a bucket; nothing is sent before its first use.

    Args:
        indexes: the folder below which indexes are cached, in a folder for each store; created if needed.
        environ: the environment, for credentials.
        home: the user's home folder, for ``.aws`` and ``.azure``.
        threads: transfers at the same time; 0: four times the processors, at most 16.
        retries: how often a call is repeated when the storage does not answer.

    Raises:
        InvalidArgument: the configuration cannot be used; the message names the key.
        StorageRefused: the profile has no credentials.
        LibraryMissing: the storage needs a library that is not installed.
    """
    prefix = _prefix(config.prefix)
    bucket = open_bucket(config, environ=environ, home=home, retries=retries)
    return ChunkStore(
        PrefixedBucket(bucket, prefix) if prefix else bucket,
        bucket,
        storage=config.url,
        indexes=cached_indexes(config, indexes),
        threads=threads if threads > 0 else min(_MAX_THREADS, 4 * (os.cpu_count() or 1)),
    )


def cached_indexes(config: StorageConfig, indexes: Path) -> Path:
    """Return the folder of the cached indexes of one store, for ``pack_files``; no credentials are needed.

    Args:
        indexes: as for :func:`open_store`.
    """
    return indexes / _identity(config)


def _prefix(text: str) -> str:
    prefix = text.strip("/")
    if not prefix:
        return ""
    try:
        return check_prefix(prefix + "/")
    except InvalidName as error:
        raise InvalidArgument(f"the prefix of the storage cannot be used: {error}") from error


def _identity(config: StorageConfig) -> str:
    """Return a name for the cache of a store; what is known of one store must not be used for another."""
    parts = (config.kind, config.endpoint_url or "", config.bucket, config.prefix.strip("/"), config.username or "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
