"""Garbage: drafts, chunks and caches that nothing here needs, and objects of a store that no version needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs

from entrepot.errors import GitFailed
from entrepot.workspace.projects.projects import KindState, Project
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.transfers.pushes import free_outbox, is_adding


@attrs.frozen
class LocalGarbage:
    """The removed files, or those that would be: their number and bytes."""

    files: int
    bytes: int


def collect_local(project: Project, *, is_rehearsal: bool = False) -> LocalGarbage:
    """Remove drafts of interrupted checkouts, cached indexes and contents, and chunks that no local version needs.

    Args:
        is_rehearsal: remove nothing.
    """
    files = size = 0
    for state in project.configured():
        if not state.folder.is_dir():
            continue
        recover(state)
        with state.locked():
            cache = state.cache
            own = [cache.folder] if cache is not None and not cache.is_shared else []
            for folder in (state.drafts, state.indexes, *own):
                if folder == state.indexes and is_adding(state):
                    continue
                count, total = _measure(folder)
                files, size = files + count, size + total
                if not is_rehearsal:
                    shutil.rmtree(folder, ignore_errors=True)
            count, total = _free(state, is_rehearsal=is_rehearsal)
            files, size = files + count, size + total
    return LocalGarbage(files, size)


def _free(state: KindState, *, is_rehearsal: bool) -> tuple[int, int]:
    if is_rehearsal or not state.metadata.exists:
        return 0, 0
    before = _measure(state.outbox.folder)[0]
    freed = free_outbox(state)
    try:
        state.metadata.git.run("gc", "--quiet")
    except GitFailed as error:
        state.project.around.notify("warning", str(error))
    return max(before - _measure(state.outbox.folder)[0], 0), freed


def _measure(folder: Path) -> tuple[int, int]:
    if not folder.is_dir():
        return 0, 0
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
