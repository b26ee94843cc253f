"""Versions of the old format: the sizes of their files, and their migration into chunks."""

from __future__ import annotations

from pathlib import Path

from entrepot.client.progress import Progress
from entrepot.workspace.manifests import Manifest
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.values import PushCounts, VersionDraft


def find_sizes(store: ChunkStore, manifest: Manifest, *, progress: Progress) -> Manifest:
    """Return an old manifest with the size of each file, read from the descriptors in the bucket.

    Raises:
        ChunkMissing, ContentDamaged: a descriptor is missing or wrong.
    """
    raise NotImplementedError


def migrate_version(store: ChunkStore, version: VersionDraft, scratch: Path, *, progress: Progress) -> PushCounts:
    """Copy the contents of a version of the old format into chunks; its tag and its commit stay what they are.

    Readers then use the chunks; the old objects stay until garbage collection.

    Args:
        scratch: an empty folder for packs on their way; at most a few packs large at any time.

    Raises:
        ChunkMissing, ContentDamaged: an old object is missing or wrong; nothing refers to what was written.
    """
    raise NotImplementedError
