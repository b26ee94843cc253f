"""Contents that the workspace has: copies from which lost chunks can be made again."""

from __future__ import annotations

import contextlib
import os

from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.scans import state_of


def workspace_contents(entity: Entity) -> dict[str, str]:
    """Return paths of files by the SHA-256 that they had when they were last seen; readers verify what they use.

    Files of the workspace come before those of the cache.
    """
    database, above = entity.state.database, f"{entity.path}{os.sep}"
    cache = entity.state.cache
    found: dict[str, str] = {} if cache is None else cache.paths()
    for path, file in database.files(entity.folder).items():
        found[file.entry.sha256] = above + path
    for path, change in database.staged(entity.folder).items():
        if change.entry is not None:
            found[change.entry.sha256] = above + path
    return {sha256: path for sha256, path in found.items() if sha256 and os.path.isfile(path)}


def unchanged_contents(entity: Entity) -> dict[str, str]:
    """Return those of :func:`workspace_contents` whose files have the state that they had when they were read."""
    database = entity.state.database
    rows = [(path, file.entry, file.state) for path, file in database.files(entity.folder).items()]
    rows += [(path, it.entry, it.state) for path, it in database.staged(entity.folder).items() if it.entry is not None]
    found: dict[str, str] = {}
    for path, entry, state in rows:
        place = f"{entity.path}{os.sep}{path}"
        with contextlib.suppress(OSError):
            if entry is not None and state is not None and state_of(os.lstat(place)) == state:
                found[entry.sha256] = place
    return {sha256: place for sha256, place in found.items() if sha256}
