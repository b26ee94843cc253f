"""Checks of what a version needs in the store and in the outbox, and repairs from other copies."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.client.progress import Progress
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.values import CheckLevel, CheckReport, VersionDraft


def check_version(
    store: ChunkStore,
    version: VersionDraft,
    *,
    level: CheckLevel,
    progress: Progress,
    outbox: Outbox | None = None,
    sources: Mapping[str, str] | None = None,
) -> CheckReport:
    """Check every object that a version needs (remote-fsck), and repair what has a good copy elsewhere.

    Args:
        outbox, sources: where copies are looked for: packs, and files by the SHA-256 of their content.

    Raises:
        StorageRefused, BucketMissing, StorageUnreachable: as ``ChunkStore.check_access``.
    """
    raise NotImplementedError


def check_outbox(outbox: Outbox, *, progress: Progress, sources: Mapping[str, str] | None = None) -> CheckReport:
    """Check every chunk of every pack of the outbox, and rebuild damaged packs from files with the right content."""
    raise NotImplementedError
