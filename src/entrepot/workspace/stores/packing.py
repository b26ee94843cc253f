"""Packing: files are read once, cut into chunks, and chunks that are new go into packs of the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from entrepot.client.progress import Progress
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.values import PackResult, SourceFile


def pack_files(
    outbox: Outbox,
    files: Iterable[SourceFile],
    *,
    indexes: Path | None,
    progress: Progress,
    is_copied: bool = True,
) -> PackResult:
    """Take a snapshot of files: their contents can be published later, whatever happens to the files.

    Args:
        files: in ascending order of their paths, so that neighbours lie together.
        indexes: the folder of cached indexes (see ``open_store``); chunks that they name are not packed again.
        is_copied: False (``staging: reference``): packs are not kept, and ``push_version`` reads the files again.

    Returns:
        Files that changed while they were read (twice), are unreadable or no regular files are in ``failed``; the
        others are packed all the same.

    Raises:
        DiskFull: nothing of this call is kept.

    Guarantees: everything returned is durable.
    """
    raise NotImplementedError
