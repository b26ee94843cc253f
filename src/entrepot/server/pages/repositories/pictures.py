"""Pictures of a repository that cells of its tables name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.server.pages.repositories.grids import picture_paths


def find_pictures(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    commit: Oid,
    rows: Iterable[Mapping[str, Any]],
    folders: Sequence[str],
) -> dict[str, tuple[RepoPath, int]]:
    """Return the texts of cells that name a picture at this commit, with its path and size.

    Args:
        folders: to which the texts may be relative.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or no such commit.
    """
    asked = picture_paths(rows, folders)
    if not asked:
        return {}
    paths = [path for choices in asked.values() for path in choices]
    entries = contents.paths_info(hub, caller, ref, commit, paths, with_commits=False)
    sizes = {entry.listed.path: entry.listed.size for entry in entries if not entry.listed.is_folder}
    return {
        text: (path, sizes[path])
        for text, choices in asked.items()
        for path in [next((path for path in choices if path in sizes), None)]
        if path is not None
    }
