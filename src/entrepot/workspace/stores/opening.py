"""Opening of stores: from a configuration to a bucket that answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.values import StorageConfig


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
        indexes: the folder where indexes are cached; created if needed.
        environ: the environment, for credentials.
        home: the user's home folder, for ``.aws`` and ``.azure``.
        threads: transfers at the same time; 0: four times the processors, at most 16.
        retries: how often a call is repeated when the storage does not answer.

    Raises:
        InvalidArgument: the configuration cannot be used; the message names the key.
        StorageRefused: the profile has no credentials.
        LibraryMissing: the storage needs a library that is not installed.
    """
    raise NotImplementedError


def create_bucket(config: StorageConfig, *, environ: Mapping[str, str], home: Path) -> bool:
    """Create the bucket; return False if it exists.

    Raises:
        StorageRefused: the credentials may not create it.
        InvalidArgument: buckets of this storage cannot be created from here; the message says how.
    """
    raise NotImplementedError
