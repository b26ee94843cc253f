"""Deletion of objects in a store that no version needs any more, in two phases."""

from __future__ import annotations

from typing import Protocol

from entrepot.client.progress import Progress
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.values import GarbageReport

GRACE_S = 14 * 86_400.0
PHASE_S = 86_400.0


class IsLive(Protocol):
    """Says whether the tag of a version still exists at its metadata remote."""

    def __call__(self, remote: str, tag: str, commit: str, /) -> bool | None:
        """Return True or False, or None if that remote cannot be asked: its versions are kept."""
        ...


def collect_garbage(
    store: ChunkStore,
    is_live: IsLive,
    *,
    progress: Progress,
    grace_s: float = GRACE_S,
    is_rehearsal: bool = False,
) -> GarbageReport:
    """Record what no version needs, or delete what was recorded at least a day ago and is still not needed.

    Args:
        grace_s: objects and records younger than this, by the store's clock, are kept.
        is_rehearsal: write and delete nothing; report what phase 1 would record.

    Raises:
        StorageRefused: also if the credentials may not list the bucket.
    """
    raise NotImplementedError
