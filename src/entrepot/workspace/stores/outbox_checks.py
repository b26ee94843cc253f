"""Checks of the local parts of a chunk store: the outbox, and the cache of indexes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from entrepot.client.progress import Progress
from entrepot.workspace.stores.index_cache import IndexCache
from entrepot.workspace.stores.outbox import Outbox, pack_name
from entrepot.workspace.stores.pack_repairs import is_intact, rebuild_packs
from entrepot.workspace.stores.values import CheckReport, Problem


def check_outbox(outbox: Outbox, *, progress: Progress, sources: Mapping[str, str] | None = None) -> CheckReport:
    """Check every chunk of every pack of the outbox, and rebuild damaged packs from files with the right content.

    Args:
        sources: absolute paths of files by the SHA-256 of their content.
    """
    left = [Problem(str(outbox.indexes.folder / name), "the index is damaged") for name in outbox.indexes.verify()]
    known = outbox.knowledge()
    packs = [pack for pack, _ in known.packs.values()]
    meter = progress.begin("Checking", sum(pack.index.size for pack in packs))
    bad = []
    try:
        for pack in packs:
            data = outbox.open_pack(pack.hash, pack.layout)
            if data is None or not is_intact(data, pack):
                bad.append(pack)
            meter.advance(pack.index.size)
    finally:
        meter.finish()
    rebuilt = rebuild_packs(bad, known, None, sources or {})
    for pack in bad:
        if pack in rebuilt:
            made = outbox.put_pack(rebuilt[pack])
            if made.layout != pack.layout:  # another version of the compression library
                outbox.write_index((), (made,))
        else:
            left.append(Problem(pack_name(pack), "the pack is missing or damaged"))
    fixed_chunks = sum(pack.index.count for pack in rebuilt)
    chunks = sum(pack.index.count for pack in packs)
    return CheckReport(len(packs), chunks, len(rebuilt), fixed_chunks, tuple(left))


def check_indexes(folder: Path) -> tuple[Problem, ...]:
    """Check every cached index below a folder; damaged ones are removed, and received again when they are needed."""
    folders = [folder, *(path for path in sorted(folder.iterdir()) if path.is_dir())] if folder.is_dir() else []
    damaged = [each / name for each in folders for name in IndexCache(each).verify()]
    return tuple(Problem(str(path), "the cached index was damaged") for path in damaged)
