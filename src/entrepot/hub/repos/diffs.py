"""Differences between two commits: as text of limited size, and the large files among them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence, Set

from entrepot.catalog import Read
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.git import Change, Effort, Entry, Mode, Side, diff_trees, unified_diff
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import flagged_files
from entrepot.names import Oid, RepoPath, Sha256
from entrepot.storage import objects
from entrepot.storage.trees import Node, Trees

_FILE_LIMIT = 1 << 20
_TEXT_LIMIT = 8 << 20
FILES_LIMIT = 20_000
"""Default limit of the files in a diff."""


def large_files(tx: Read, repo_id: int, changes: Sequence[Change]) -> list[tuple[Sha256, RepoPath]]:
    """Return the large files that changes add, each with its path."""
    taken = {
        change.path: change.new.oid
        for change in changes
        if change.new is not None and change.new.mode not in (Mode.GITLINK, Mode.SYMLINK)
    }
    measures = object_rows.measure(tx, repo_id, list(set(taken.values())))
    named = ((path, measures[oid].lfs_sha256) for path, oid in taken.items() if oid in measures)
    return [(sha256, path) for path, sha256 in named if sha256 is not None]


def between(
    hub: HubContext,
    tx: Read,
    caller: MaybeCaller,
    row: RepoRow,
    old: Oid | None,
    new: Oid | None,
    *,
    most_files: int = FILES_LIMIT,
) -> str:
    """Return the changes from one commit to another in git's format; None stands for a tree without files.

    Large files appear as pointers; binary files, files above 1 MiB, and files that a scanner has flagged and that are
    hidden from the caller, only as different.

    Returns:
        At most about 8 MiB of text and ``most_files`` files: after this text, files are only named, and after these
        files, one line stands for all others. All files together have the effort of one diff.
    """
    before, after = (objects.root_of(hub.store, tx, row.id, side) if side else None for side in (old, new))
    return render(hub, tx, caller, row, diff_trees(before, after, Trees(hub.store, tx, row.id).read), most_files)


def render(
    hub: HubContext,
    tx: Read,
    caller: MaybeCaller,
    row: RepoRow,
    changes: Iterable[Change],
    most_files: int,
    most_texts: int = FILES_LIMIT,
) -> str:
    """Return changes of files in git's format, as :func:`between`; after ``most_texts`` files, files are only named."""
    shows_all = not flagged_files.hides(hub.settings) or (caller is not None and access.may_manage(tx, caller, row))
    pieces: list[str] = []
    size, effort = 0, Effort()
    for change in changes:
        if len(pieces) >= most_files:
            pieces.append("(more files differ)\n")
            break
        is_short = size < _TEXT_LIMIT and len(pieces) < most_texts
        hidden = set() if shows_all or not is_short else _hidden(hub, tx, row, change)
        pieces.append(_file_diff(tx, row.id, change, hidden, effort, is_short=is_short))
        size += len(pieces[-1])
    return "".join(pieces)


def _hidden(hub: HubContext, tx: Read, row: RepoRow, change: Change) -> set[Oid]:
    """Return those sides of a change that a scanner has flagged."""
    names = {flagged_files.name_small(row, entry.oid): entry.oid for entry in (change.old, change.new) if entry}
    return {names[name] for name in flagged_files.flagged_of(hub, tx, list(names))}


def added_bytes(hub: HubContext, tx: Read, repo_id: int, old: Oid | None, new: Oid | None) -> int:
    """Return the size of the files that a commit adds or changes; large files count with their real size.

    Only the first 20,000 changed files count.
    """
    before, after = (objects.root_of(hub.store, tx, repo_id, side) if side else None for side in (old, new))
    trees = Trees(hub.store, tx, repo_id)
    changes = itertools.islice(diff_trees(before, after, trees.read), FILES_LIMIT)
    nodes = [Node(change.path, change.new) for change in changes if change.new is not None]
    return sum(item.size for item in trees.measure(nodes))


def _file_diff(tx: Read, repo_id: int, change: Change, hidden: Set[Oid], effort: Effort, *, is_short: bool) -> str:
    if not is_short:
        return f"diff --git a/{change.path} b/{change.path}\n"
    old, new = (
        None
        if entry is None
        else Side(entry.mode, entry.oid, b"\0" if entry.oid in hidden else _diffable(tx, repo_id, entry))
        for entry in (change.old, change.new)
    )
    return unified_diff(change.path, old, new, effort).decode("utf-8", "replace")


def _diffable(tx: Read, repo_id: int, entry: Entry) -> bytes:
    """Return the content of a file for a diff, or a NUL, which marks it as binary, if it is too large."""
    row = object_rows.find(tx, repo_id, entry.oid)
    if row is None:
        return b""
    return b"\0" if row.data is None or row.size > _FILE_LIMIT else objects.content_of(row)
