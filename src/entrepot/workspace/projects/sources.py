"""Contents that the workspace has: copies from which lost chunks can be made again."""

from __future__ import annotations

import os

from entrepot.workspace.projects.entities import Entity


def workspace_contents(entity: Entity) -> dict[str, str]:
    """Return paths of files by the SHA-256 that they had when they were last seen; readers verify what they use."""
    database, above = entity.state.database, f"{entity.path}{os.sep}"
    found: dict[str, str] = {}
    for path, file in database.files(entity.folder).items():
        found[file.entry.sha256] = above + path
    for path, change in database.staged(entity.folder).items():
        if change.entry is not None:
            found[change.entry.sha256] = above + path
    return {sha256: path for sha256, path in found.items() if sha256 and os.path.isfile(path)}
