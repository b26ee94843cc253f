"""Commits of staged changes: one with changes that its author did not know about is canceled, or includes them.

Source: docs/staged-changes.md, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.repos import staged as rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.repos.staged import ADD, CLEAR, Area, StagedRow
from entrepot.errors import CommitCanceled, EntryNotFound, InvalidOperation
from entrepot.errors.conflicts import CanceledPath
from entrepot.git import Mode, TreeEditor
from entrepot.hub.context import HubContext
from entrepot.hub.files.preparation import PreparedCommit, Put, Remove
from entrepot.hub.repos.staged_changes import area_of, folders_of
from entrepot.names import Oid, RefName, RepoPath

_NOT_MADE = "you have staged it, and this commit does not make this change"
_OTHER = "you have staged another content of it"
_MOVED = "it has changed on the branch since this commit was prepared"


@attrs.frozen
class StagedPolicy:
    """How a commit treats its author's staged changes: be canceled for unknown ones, or with ``force`` take all."""

    force: bool


@attrs.frozen
class FoundChanges:
    """The staged changes that a commit met."""

    area: Area
    rows: Sequence[StagedRow]


def find(hub: HubContext, tx: Read, row: RepoRow, ref: RefName, user_id: int) -> FoundChanges:
    """Return the staged changes of a commit's author on its branch."""
    area = area_of(hub, row, ref, user_id)
    return FoundChanges(area, rows.everything(tx, area))


def is_current(tx: Read, found: FoundChanges) -> bool:
    """Return whether the staged changes are still those that were found."""
    return rows.ids(tx, found.area) == [row.id for row in found.rows]


def drop(tx: Write, found: FoundChanges) -> None:
    """Drop the staged changes of an author, in the transaction that publishes their commit."""
    rows.drop(tx, found.area)


def check(prepared: PreparedCommit, found: FoundChanges, editor: TreeEditor) -> None:
    """Raise if an author has staged changes that their commit does not include.

    Args:
        prepared: the commit's own changes.
        editor: the tree to which they were applied.

    Raises:
        CommitCanceled: with the paths.
    """
    removed = {edit.path for edit in prepared.edits if isinstance(edit, Remove)}
    missed = [row for row in found.rows if not _is_made(row, removed, editor)]
    if missed:
        raise CommitCanceled(tuple(_unknown(row, prepared.touched) for row in sorted(missed, key=lambda row: row.path)))


def check_overlap(changed: Iterable[RepoPath], touched: Iterable[RepoPath]) -> None:
    """Raise if paths of a commit have changed since the commit that its author has looked at.

    Raises:
        CommitCanceled: with the paths.
    """
    theirs = set(changed)
    above = {folder for path in theirs for folder in folders_of(path)} | theirs
    met = [path for path in touched if path in above or not theirs.isdisjoint(folders_of(path))]
    if met:
        raise CommitCanceled(tuple(CanceledPath(path, "unknown", _MOVED) for path in sorted(met)))


def unimplemented(error: EntryNotFound | InvalidOperation) -> CommitCanceled:
    """Return the error of a commit whose change of a path cannot be made."""
    return CommitCanceled((CanceledPath(error.path, "unimplemented", error.reason),))


def combine(prepared: PreparedCommit, found: FoundChanges) -> PreparedCommit:
    """Return a commit that makes its author's staged changes, and then its own over them.

    Deletions of what is absent are skipped. If one staged file is where another needs a folder,
    the later one counts; a file of the commit counts before both.
    """
    removed = {edit.path for edit in prepared.edits if isinstance(edit, Remove)}
    added = _addable(found.rows, {edit.path for edit in prepared.edits if isinstance(edit, Put)}, removed)
    deleted = [row for row in found.rows if row.op != ADD]
    edits: list[Put | Remove] = [Remove(row.path, row.op == CLEAR, is_lenient=True) for row in deleted]
    pointers, large = dict[RepoPath, Oid](), []
    for row in added:
        assert row.oid is not None
        edits.append(Put(row.path, Mode.FILE, row.oid))
        if row.sha256 is not None:
            pointers[row.path] = row.oid
            large.append((row.sha256, row.path))
    own = [attrs.evolve(edit, is_lenient=True) if isinstance(edit, Remove) else edit for edit in prepared.edits]
    touched = prepared.touched | {row.path for row in (*deleted, *added)}
    pointers |= dict(prepared.pointers)
    return PreparedCommit((*edits, *own), (*large, *prepared.large), touched, pointers, prepared.rows)


def _is_made(row: StagedRow, removed: set[RepoPath], editor: TreeEditor) -> bool:
    there = editor.find(row.path)
    if row.op == ADD:
        return there is not None and there.oid == row.oid
    if row.op == CLEAR:
        is_gone = there is None or not there.is_folder
        return is_gone or not removed.isdisjoint(folders_of(row.path) | {row.path})
    return there is None or there.is_folder


def _unknown(row: StagedRow, touched: frozenset[RepoPath]) -> CanceledPath:
    reason = _OTHER if row.op == ADD and row.path in touched else _NOT_MADE
    return CanceledPath(f"{row.path}/" if row.op == CLEAR else row.path, "unknown", reason)


def _addable(found: Sequence[StagedRow], own: set[RepoPath], removed: set[RepoPath]) -> list[StagedRow]:
    """Return the staged files that a commit takes over, in the order of staging."""
    taken, above = set(own), {folder for path in own for folder in folders_of(path)}
    kept: list[StagedRow] = []
    for row in reversed(found):
        folders = folders_of(row.path)
        is_overridden = row.path in taken or row.path in above or not folders.isdisjoint(taken)
        if row.op != ADD or is_overridden or row.path in removed or not folders.isdisjoint(removed):
            continue
        taken.add(row.path)
        above |= folders
        kept.append(row)
    return kept[::-1]
