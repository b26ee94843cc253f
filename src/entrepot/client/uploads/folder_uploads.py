"""Upload a folder as one commit: files to add, and files of the repository to delete."""

from __future__ import annotations

import os

from entrepot.client import user_warnings
from entrepot.client.calls import trees
from entrepot.client.commit_target import CommitTarget
from entrepot.client.folders import walk
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, Delete, Operation, path_in_folder
from entrepot.client.patterns import Patterns, described, select
from entrepot.errors import EntryNotFound
from entrepot.names import ROOT, RepoPath, parse_folder


def additions(
    folder: str | os.PathLike[str], path_in_repo: str | None, *, allow: Patterns = None, ignore: Patterns = None
) -> list[Add]:
    """Return an addition for every selected file of a local folder, sorted by path; see ``folders.walk``.

    Raises:
        SourceMissing, SourceUnreadable: the folder or a file cannot be read.
        InvalidPath: the name of a file is not valid in a repository.
    """
    adds = [
        Add(path_in_folder(path_in_repo, found.path), found.source)
        for found in walk(folder, allow=allow, ignore=ignore)
    ]
    if not adds:
        warn_of_nothing(folder, allow, ignore)
    return adds


def warn_of_nothing(folder: str | os.PathLike[str], allow: Patterns, ignore: Patterns) -> None:
    """Warn that a folder has no file to upload, naming the patterns."""
    if allow is not None and not allow:
        return  # an empty list explicitly selects nothing
    patterns = described(allow, ignore)
    shown = os.fspath(folder)
    what = f"no file in {shown} matches {patterns}" if patterns else f"{shown} has no file"
    user_warnings.warn(f"{what}: nothing to upload")


def deletions(hub: Hub, target: CommitTarget, path_in_repo: str | None, patterns: Patterns) -> list[Delete]:
    """Return a deletion for every file below a folder of the repository that matches a pattern.

    Patterns match paths relative to that folder. ``.gitattributes`` in the
    root is always kept: without it, large files would be committed as regular files.

    Raises:
        RepoNotFound, RevisionNotFound: the repository or the revision is not found for this caller.
    """
    if patterns is None:
        return []
    below = RepoPath((path_in_repo or "").strip("/").removeprefix("./"))
    below = parse_folder(below) if below not in ("", ".") else ROOT
    prefix, selection = f"{below}/" if below else "", select(patterns)
    call = trees.page(target.repo, target.revision, below, recursive=True)
    try:
        entries = list(hub.pages(call))
    except EntryNotFound:
        return []  # the folder does not exist yet
    found = [
        Delete(RepoPath(entry.path))
        for entry in entries
        if entry.type == "file" and entry.path != ".gitattributes" and selection.has(entry.path.removeprefix(prefix))
    ]
    if not found and patterns != "*" and patterns != ["*"]:
        where = f"{below} of {target.repo}" if below else str(target.repo)
        user_warnings.warn(f"no file in {where} matches {described(patterns)}: nothing to delete")
    return found


def folder_operations(
    hub: Hub,
    target: CommitTarget,
    folder: str | os.PathLike[str],
    path_in_repo: str | None = None,
    *,
    allow: Patterns = None,
    ignore: Patterns = None,
    delete: Patterns = None,
) -> list[Operation]:
    """Return deletions, then additions; files that are written are not deleted first.

    Raises:
        as :func:`additions` and :func:`deletions`.
    """
    adds = additions(folder, path_in_repo, allow=allow, ignore=ignore)
    written = {add.path for add in adds}
    return [*(item for item in deletions(hub, target, path_in_repo, delete) if item.path not in written), *adds]
