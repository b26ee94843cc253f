"""Fetching of files: chunk ranges are read in parallel, verified, and put together as drafts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from entrepot.client.progress import Progress
from entrepot.names import RepoPath
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.values import FetchCounts, VersionRef


def draft_path(drafts: Path, entry: ManifestEntry) -> Path:
    """Return where a fetched content is: one draft for all files with this content."""
    return drafts / entry.content


def fetch_files(
    store: ChunkStore,
    ref: VersionRef | None,
    manifest: Manifest,
    paths: Iterable[RepoPath],
    drafts: Path,
    *,
    progress: Progress,
    outbox: Outbox | None = None,
    fail_limit: int | None = None,
) -> FetchCounts:
    """Fetch the contents of some files of a version into drafts.

    Every chunk and every content is verified before its draft appears under the name of :func:`draft_path`. Drafts
    that are there are kept, and what an interrupted fetch has received is used again. Use what the workspace has by
    leaving its paths out.

    Args:
        ref: None for a version that was never pushed: everything is read from the outbox.
        paths: files of the manifest.
        outbox: read before the bucket.

    Raises:
        RecordMissing: the store does not describe this version.
        ChunkMissing, ContentDamaged: objects are missing or wrong; all other contents were fetched.
        StorageRefused, BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
        DiskFull: drafts that are complete are kept.
    """
    raise NotImplementedError
