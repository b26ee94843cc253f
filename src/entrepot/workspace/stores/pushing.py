"""Publication of a version: packs, then index and manifests, then the root record."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.client.progress import Progress
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.values import PushCounts, VersionDraft


def push_version(
    store: ChunkStore,
    outbox: Outbox,
    version: VersionDraft,
    *,
    progress: Progress,
    sources: Mapping[str, str] | None = None,
    fail_limit: int | None = None,
) -> PushCounts:
    """Send everything that a reader of this version needs, the root record last.

    Nothing is visible before the caller pushes the tag to the metadata remote. A repeated call sends only what is
    missing.

    Args:
        sources: absolute paths of files by the SHA-256 of their content, from which packs that the outbox does not
            keep are built again (``staging: reference``).
        fail_limit: how many objects may fail before the push stops; None: the first failure stops it.

    Raises:
        SourceChanged: a file in ``sources`` no longer has the content.
        ChunkMissing: a content is neither in the outbox nor in the store nor in ``sources``.
        StorageRefused, BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
    """
    raise NotImplementedError


def plan_push(store: ChunkStore, outbox: Outbox, version: VersionDraft) -> PushCounts:
    """Return what :func:`push_version` would send; nothing is written. Raises as it does."""
    raise NotImplementedError
